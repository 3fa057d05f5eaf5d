"""The pipeline with a real luigid, seen through the API that luigid's page reads."""

import json
import socket
import subprocess
import time
import urllib.parse
import urllib.request

import pytest

from tests.pipeline.checkout import Checkout, finish
from tests.project import BIN, SMALL, Project, until

COOL_DOWN_S = 60
"""How long the scheduler takes a done task for done, without asking again: by default 10 s, too short for a busy
machine."""
SCHEDULER = "[core]\ndefault-scheduler-host = 127.0.0.1\ndefault-scheduler-port = {}\n"


class Luigid:
    """A scheduler on a free port of 127.0.0.1."""

    def __init__(self, folder):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        config = folder / "luigid.cfg"
        config.write_text("[scheduler]\nworker_disconnect_delay = 5\n"
                          "stable_done_cooldown_secs = {}\n".format(COOL_DOWN_S))
        self.process = subprocess.Popen(
            [str(BIN / "luigid"), "--address", "127.0.0.1", "--port", str(self.port),
             "--state-path", str(folder / "state")],
            env={"PATH": "/usr/bin:/bin", "LUIGI_CONFIG_PATH": str(config)},
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(self._answers)

    def _answers(self):
        try:
            return self.ask("resource_list") is not None
        except OSError:
            return False

    def ask(self, question, **data):
        url = "http://127.0.0.1:{}/api/{}?{}".format(
            self.port, question, urllib.parse.urlencode({"data": json.dumps(data)}))
        with urllib.request.urlopen(url, timeout=10) as answer:
            return json.loads(answer.read().decode())["response"]

    def tasks(self, status, recipe=""):
        """{task id: what the page shows} of a recipe's tasks with this status."""
        found = self.ask("task_list", status=status, upstream_status="")
        return {name: task for name, task in found.items() if recipe in task["params"]["recipe"]}

    def error(self, task):
        return json.loads(self.ask("fetch_error", task_id=task)["error"])


@pytest.fixture(scope="module")
def luigid(tmp_path_factory):
    scheduler = Luigid(tmp_path_factory.mktemp("luigid"))
    yield scheduler
    scheduler.process.terminate()
    assert scheduler.process.wait(timeout=20) is not None


@pytest.fixture
def project(tmp_path, luigid):
    return Project(tmp_path, SCHEDULER.format(luigid.port))


def test_a_stage_uses_the_scheduler_and_its_page_shows_how_far_each_stage_is(project, luigid):
    project.recipe.write_text(SMALL.replace("train: {epochs: 1", "train: {epochs: 12"))
    run = project.start("TrainFloat", "--workers", "2")
    shown = until(lambda: [task for task in luigid.tasks("RUNNING", str(project.recipe)).values()
                           if task["name"] == "TrainFloat" and task["progress_percentage"]])[0]
    assert 0 < shown["progress_percentage"] < 100
    assert shown["status_message"].startswith("epoch ")
    assert run.wait(timeout=120) == 0, project.said()
    assert "scheduler" not in project.said()
    assert {task["name"] for task in luigid.tasks("DONE", str(project.recipe)).values()} == {
        "PrepareData.train", "PrepareData.validation", "TrainFloat"}
    assert len(project.manifests("TrainFloat")) == 1
    # Another second, and the same is asked for again: nothing runs, although luigid says "done" for so long.
    before = project.products()
    assert project.luigi("TrainFloat").returncode == 0
    assert project.products() == before


def test_three_edits_within_the_cool_down_are_three_tasks_and_each_runs(tmp_path, luigid):
    checkout = Checkout(tmp_path)
    recipe, runs, edited = checkout.mine / "faces.yaml", [], []
    text = recipe.read_text().replace("width: 8", "width: 8, sleep_s: 3")
    for batch_size in (30, 40, 50):
        recipe.write_text(text.replace("train: {epochs: 1", "train: {{epochs: 1, batch_size: {}".format(batch_size)))
        edited.append(time.monotonic())
        runs.append(checkout.start("--scheduler-url=http://127.0.0.1:{}".format(luigid.port), stage="TrainFloat"))
        # The next edit falls into this run: the scheduler knows of it, so its snapshot is taken.
        until(lambda: sum(task["name"] == "TrainFloat" for status in ("RUNNING", "DONE")
                          for task in luigid.tasks(status, str(recipe)).values()) == len(edited))
    assert edited[-1] - edited[0] < COOL_DOWN_S
    for run in runs:
        ended = finish(run, 120)
        assert ended.code == 0, ended
    manifests = [json.loads(path.read_text()) for path in checkout.store.glob("artifacts/TrainFloat/*/manifest.json")]
    assert sorted(manifest["inputs"]["recipe"]["train"]["batch_size"] for manifest in manifests) == [30, 40, 50]
    done = luigid.tasks("DONE", str(recipe)).values()
    assert [task["name"] for task in done].count("TrainFloat") == 3


def test_error_of_a_stage_is_on_the_page_in_four_parts_and_runs_again_as_often_as_asked(project, luigid):
    project.recipe.write_text(SMALL.replace("[4, 8, 8]", "[4, 0, 8]"))
    for workers in ("1", "2"):
        done = project.luigi("TrainFloat", "--workers", workers)
        assert done.returncode == 5, done.stderr
        (task,) = luigid.tasks("FAILED", str(project.recipe))
        shown = luigid.error(task)
        assert shown in done.stderr
        assert "{}:2:".format(project.recipe) in shown
        assert "filters: expected a list of whole numbers of at least 1" in shown
        assert "Traceback" not in shown + done.stderr
    assert luigid.tasks("DONE", str(project.recipe)) == {}
