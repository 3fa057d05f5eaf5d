"""The records of runs, however they end, through the real command."""

import json
import signal

import pytest

from tests.pipeline.checkout import Checkout, finish
from tests.pipeline.scheduling.test_concurrent_runs import child_of, until


@pytest.fixture
def checkout(tmp_path):
    return Checkout(tmp_path)


def runs(checkout, recipe="faces"):
    return json.loads(checkout.octet("ls", checkout.mine / (recipe + ".yaml"), "--json").stdout)["runs"]


def test_a_run_that_was_refused_is_recorded_with_its_code_and_words(checkout):
    assert checkout.luigi(stage="TrainQAT").code == 0
    checkout.change(checkout.mine / "faces.yaml", "epochs: 1}\nquantize", "epochs: none}\nquantize")
    assert checkout.luigi().code == 3
    newest, first = runs(checkout)
    assert newest["exit"] == 3 and "epochs" in newest["error"] and (first["exit"], first["error"]) == (0, None)
    row, = json.loads(checkout.octet("ls", "--json").stdout)
    assert row["state"] == "exit 3" and "epochs" in row["error"] and row["stages"] == "4/4 intact"
    shown = checkout.octet("ls").stdout
    assert "exit 3" in shown and "epochs" in shown


@pytest.mark.parametrize("number, code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_run_is_recorded_with_its_code(checkout, number, code):
    checkout.change(checkout.mine / "faces.yaml", "width: 8", "width: 8, sleep_s: 30")
    run = checkout.start()
    child_of(run)
    run.send_signal(number)
    assert finish(run).code == code
    row, = runs(checkout)
    assert row["exit"] == code and "interrupted" in row["error"]


def test_a_killed_run_is_distinguished_from_a_running_one(checkout):
    checkout.change(checkout.mine / "faces.yaml", "width: 8", "width: 8, sleep_s: 30")
    run = checkout.start()
    child_of(run)
    assert [row["state"] for row in runs(checkout)] == ["running"]
    assert checkout.why()["TrainFloat"] == ["stale", "a run is making it at this moment"]
    assert checkout.why()["TrainQAT"][0] == "waits"
    run.kill()
    run.communicate()
    assert [row["state"] for row in runs(checkout)] == ["killed"]
    listed = checkout.octet("ls", "faces").stdout
    assert "began: never made for this recipe" in listed and "made nothing" not in listed  # PrepareData was made
    assert checkout.why()["TrainFloat"] == ["stale", "a run began to make it, and did not finish"]


SLOW_DATA = """
import os, time
from octet.datasets import image_folder

def load(**args):
    return image_folder.load(**args)

def digest(part, **args):
    if part == "train":
        time.sleep(float(open({0!r}).read()))
    return "0" * 64
"""


@pytest.fixture
def slow_data(checkout):
    """A function that sets how many seconds the digest of the data takes."""
    checkout.put("mine.py", SLOW_DATA.format(str(checkout.mine / "seconds")))
    checkout.change(checkout.mine / "faces.yaml", "dataset: image_folder", "dataset: ./mine.py:load")
    return lambda seconds: checkout.put("seconds", str(seconds))


def test_a_run_that_is_killed_while_its_data_is_digested_is_recorded(checkout, slow_data):
    slow_data(30)
    run = checkout.start()
    until(lambda: [row["state"] for row in runs(checkout)] == ["running"])
    run.kill()
    run.communicate()
    assert [(row["state"], row["exit"]) for row in runs(checkout)] == [("killed", None)]


def test_a_run_whose_data_takes_long_is_recorded_once(checkout, slow_data):
    slow_data(1.5)
    for _ in range(2):  # the second has nothing to do
        run = checkout.luigi(stage="TrainFloat")
        assert run.code == 0, run.said
        assert [(row["state"], row["exit"]) for row in runs(checkout)] == [("done", 0)]
    slow_data("no number")
    assert checkout.luigi(stage="TrainFloat").code != 0
    assert [row["exit"] for row in runs(checkout)][1:] == [0]


def test_a_stage_that_no_run_began_was_never_made(checkout):
    checkout.change(checkout.mine / "nets" / "blocks.py", "time.sleep(seconds)", "raise ValueError('mine')")
    assert checkout.luigi(stage="TrainFloat").code != 0
    checkout.change(checkout.mine / "nets" / "blocks.py", "raise ValueError('mine')", "time.sleep(seconds)")
    run = checkout.luigi(stage="TrainFloat")
    assert run.code == 0 and "TrainFloat: never made for this recipe" in run.said, run
