"""Changed gates: what is judged again, and what is not measured again."""

import json
import shutil
import subprocess

import pytest

from pipeline.stage_specs import upward
from pipeline.store.artifacts import Store
from tests.pipeline.checkout import Checkout, run_of


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A checkout in which a model was measured and misses a gate."""
    checkout = Checkout(tmp_path_factory.mktemp("verdict"))
    set_gates(checkout, "{min_accuracy: 0.9}")
    run = checkout.luigi(stage="Export")
    assert run.code == 10 and run.made == list(upward("ValidateInterpreter")), run.said
    assert "min_accuracy is 0.9" in run.said and "faces.yaml:5:" in run.said and "Traceback" not in run.said
    checkout.after_first_run = checkout.folder / "after-first-run"
    shutil.copytree(str(checkout.store), str(checkout.after_first_run))
    return checkout


@pytest.fixture
def measured(checkout, tmp_path):
    """Another checkout, in which all is made of the same recipe up to the measurement, and no page. TrainFloat is to be
    made anew, to the same bytes: the model's source names the folder of its checkout."""
    other = Checkout(tmp_path)
    shutil.copytree(str(checkout.after_first_run), str(other.store))
    for stage in ("TrainFloat", "Report"):
        shutil.rmtree(str(other.store / "artifacts" / stage))
    return other


def set_gates(checkout: Checkout, gates: str) -> None:
    lines = (checkout.mine / "faces.yaml").read_text().splitlines()
    checkout.put("faces.yaml", "\n".join(lines[:-1] + ["validate: " + gates]) + "\n")


def made(checkout: Checkout, stage: str) -> int:
    return len(list((checkout.store / "artifacts" / stage).glob("*/manifest.json")))


def test_a_missed_gate_leaves_the_measurement_and_publishes_no_verdict(checkout):
    assert [made(checkout, stage) for stage in ("Measure", "ValidateInterpreter", "Export")] == [1, 0, 0]
    again = checkout.luigi()
    assert again.code == 10 and again.made == ["ValidateInterpreter"], again.said
    assert checkout.luigi(stage="Measure").made == []


def test_a_changed_gate_judges_again_and_measures_and_exports_nothing(checkout):
    set_gates(checkout, "{min_accuracy: 0.89}")
    run = checkout.luigi(stage="Export")
    assert run.code == 0 and run.made == ["Report", "ValidateInterpreter", "Export"], run.said
    set_gates(checkout, "{min_accuracy: 0.88, max_accuracy_drop: 0.02}")
    assert "validate.min_accuracy 0.89 -> 0.88" in checkout.why()["ValidateInterpreter"]
    run = checkout.luigi(stage="Export")
    assert run.code == 0 and run.made == ["Report", "ValidateInterpreter"], run.said
    assert "passes its gates (max_accuracy_drop 0.02, max_wrong_operators 0, min_accuracy 0.88)" in run.said
    set_gates(checkout, "{min_accuracy: 0.89}")
    assert checkout.luigi(stage="Export").made == []
    verdicts = sorted(tuple(row["limit"] for row in json.loads(path.read_text())["judged"])
                      for path in (checkout.store / "artifacts" / "ValidateInterpreter").glob("*/verdict.json"))
    assert verdicts == [(0.01, 0.89, 0), (0.02, 0.88, 0)]
    set_gates(checkout, "{min_accuracy: 0.9}")
    assert checkout.luigi(stage="Export").code == 10


def test_the_verdict_needs_neither_tensorflow_nor_numpy(checkout):
    versions = [json.loads(found.read_text())["inputs"]["versions"]
                for found in (checkout.store / "artifacts" / "ValidateInterpreter").glob("*/manifest.json")]
    assert versions and all(set(each) == {"python"} for each in versions)


def test_a_refused_model_has_its_page_and_a_page_is_in_no_key_of_the_verdict(measured):
    checkout = measured
    set_gates(checkout, "{min_accuracy: 0.9}")
    run = checkout.luigi()
    assert run.code == 10 and run.made == ["TrainFloat", "Report", "ValidateInterpreter"], run.said
    assert made(checkout, "Report") == 1
    set_gates(checkout, "{}")
    run = checkout.luigi()
    assert run.code == 0 and run.made == ["Report", "ValidateInterpreter"], run.said
    template = checkout.root / "tasks" / "report" / "page.html"
    template.write_text(template.read_text() + "<p>more</p>")
    run = checkout.luigi()
    assert run.code == 0 and run.made == ["Report"], run.said
    assert checkout.luigi().made == []


def test_a_changed_gate_trains_nothing_for_a_page_that_would_need_it(measured):
    checkout = measured
    run = checkout.luigi()
    assert run.code == 0 and run.made == ["TrainFloat", "Report", "ValidateInterpreter"], run.said
    Store(checkout.store).drop("TrainFloat", checkout.artifact("TrainFloat").name, "nothing needed it")
    assert checkout.luigi().made == []
    set_gates(checkout, "{min_accuracy: 0.1}")
    run = checkout.luigi()
    assert run.code == 0 and run.made == ["ValidateInterpreter"], run.said
    assert "not made: Report: it needs TrainFloat, which nothing else in the run needs" in run.said
    assert "not made with ValidateInterpreter: it needs TrainFloat, which" in checkout.why()["Report"][-1]
    assert checkout.luigi().made == []
    set_gates(checkout, "{min_accuracy: 0.9}")
    run = checkout.luigi()
    assert run.code == 10 and run.made == ["ValidateInterpreter"], run.said
    assert checkout.luigi(stage="Report").made == ["TrainFloat", "Report"]  # as a target, it is made


def test_a_fault_of_the_page_does_not_stop_the_verdict(measured):
    checkout = measured
    page = checkout.root / "tasks" / "stages" / "report.py"
    sound = page.read_text()
    page.write_text(sound.replace("    found =", "    raise RuntimeError('no ink')\n    found ="))
    for gates, code in (("{}", 0), ("{min_accuracy: 0.9}", 10)):
        set_gates(checkout, gates)
        run = checkout.luigi()
        assert run.code == code and "no ink" in run.said, run.said
        assert "not made: Report: stopped on an unexpected error: RuntimeError: no ink" in run.said, run.said
    assert [made(checkout, stage) for stage in ("Measure", "ValidateInterpreter", "Report")] == [1, 1, 0]
    assert checkout.why()["Report"][1:] == ["a run began to make it, and did not finish"]
    run = checkout.luigi(stage="Report")
    assert run.code == 1 and run.made == ["Report"], run.said
    page.write_text(sound)
    set_gates(checkout, "{}")
    # Its source imports TensorFlow. Under a memory limit, the run prints that it has no fork server.
    checkout.change(checkout.root / "pipeline/process/fork_client.py", '"numpy"', '"tensorflow"')
    limited = subprocess.run(["bash", "-c", 'ulimit -v 8000000; exec "$@"', "bash"] + checkout.command(), cwd="/",
                             env=checkout.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    run = run_of(limited.returncode, limited.stdout)
    assert run.made == ["Report"] and "each stage imports TensorFlow itself: `ulimit -v`" in run.said, run.said
