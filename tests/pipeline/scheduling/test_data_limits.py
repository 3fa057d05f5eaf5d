"""Limits of a recipe's data: a run ends before it trains, and a changed limit makes nothing again."""

import pytest

from pipeline.stage_specs import upward
from pipeline.store.artifacts import Store
from tests.pipeline.checkout import Checkout

DATA = ["PrepareData.train", "PrepareData.validation", "PrepareData.test", "SummarizeData"]
BELOW = [stage for stage in upward("ValidateInterpreter") if stage not in DATA]


@pytest.fixture
def checkout(tmp_path):
    """Each of the two classes has 4 training pictures, 1 validation picture and 2 test pictures."""
    checkout = Checkout(tmp_path)
    checkout.recipe = (checkout.mine / "faces.yaml").read_text()
    return checkout


def limit(checkout, limits):
    checkout.put("faces.yaml", checkout.recipe.replace("data: {", "data: {limits: {" + limits + "}, "))


def test_a_missed_limit_ends_a_run_before_training_and_each_run_judges_anew(checkout):
    limit(checkout, "min_class_samples: 5")
    run = checkout.luigi()
    assert run.code == 10 and run.made == DATA, run.said
    assert "the data misses 1 of its limits" in run.said and "faces.yaml:1:" in run.said
    assert "min_class_samples is 5: the class 'cat' of 'label' has 4 samples in the train part" in run.said
    assert "Traceback" not in run.said and "misses its gates" not in run.said
    again = checkout.luigi()
    assert again.code == 10 and again.made == [] and "the data misses 1 of its limits" in again.said

    for verb in ("data", "check"):
        said = checkout.octet(verb, checkout.mine / "faces.yaml")
        assert said.returncode == 10 and "the data misses 1 of its limits" in said.stderr, said.stderr

    limit(checkout, "min_class_samples: 4, max_left_out: 0")
    run = checkout.luigi()
    assert run.code == 0 and run.made == BELOW, run.said
    assert "limit kept: min_class_samples is 4: the class 'cat'" in checkout.octet(
        "data", checkout.mine / "faces.yaml").stdout
    limit(checkout, "min_codes: 200")
    run = checkout.luigi()
    assert run.code == 10 and run.made == [] and "'image' use 8 of the 256 codes" in run.said, run.said
    assert {state[0] for state in checkout.why().values()} == {"fresh"}
    checkout.put("faces.yaml", checkout.recipe)
    assert checkout.luigi().made == []


def test_data_that_has_changed_is_judged_before_anything_is_measured_on_it(checkout):
    limit(checkout, "max_shared_samples: 0, max_left_out: 0")
    assert checkout.luigi().code == 0
    checkout.picture("photos/test/cat/9.png", 10)  # the same bytes as train/cat/1.png
    run = checkout.luigi()
    assert run.code == 10 and run.made == ["PrepareData.test", "SummarizeData"], run.said
    assert "max_shared_samples is 0: 1 samples are in two parts: 1 of the" in run.said
    (checkout.mine / "photos/test/cat/9.png").unlink()
    checkout.put("photos/train/cat/notes.txt", "a note")
    checkout.put("photos/train/cat/.DS_Store", "a hidden file")
    run = checkout.luigi()  # a folder that is no part; each run counts its files
    assert run.code == 10 and run.made == [], run.said
    assert "max_left_out is 0: 1 files are not read" in run.said


def test_limits_are_judged_where_the_files_of_the_data_were_deleted(checkout):
    limit(checkout, "min_class_samples: 4")
    assert checkout.luigi().code == 0
    store = Store(checkout.store)
    for stage in DATA:
        store.drop(stage, checkout.artifact(stage).name, "a test")
    checkout.recipe = checkout.recipe.replace("0.95", "0.96")
    limit(checkout, "min_class_samples: 4")
    run = checkout.luigi()
    assert run.code == 0 and run.made == ["ValidateInterpreter"], run.said
    limit(checkout, "min_class_samples: 5")
    run = checkout.luigi()
    assert run.code == 10 and run.made == [], run.said


def test_training_alone_waits_for_the_summary_and_a_summary_that_fails_ends_the_run(checkout):
    limit(checkout, "max_shared_samples: 0")
    stage = checkout.root / "tasks/stages/summarize_data.py"
    text = stage.read_text()
    checkout.change(stage, '    progress(0.0, "comparing the parts")\n',
                    '    from octet.errors import DatasetError\n    raise DatasetError("no", "here", "why", "next")\n')
    run = checkout.luigi(stage="TrainFloat")
    assert run.code == 4 and "TrainFloat" not in run.made, run.said
    stage.write_text(text)
    run = checkout.luigi(stage="TrainFloat")
    assert run.code == 0 and run.made == ["SummarizeData", "TrainFloat"], run.said
