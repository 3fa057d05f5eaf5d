"""Several runs at once, as real processes, with and without a real luigid."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from octet import digest
from pipeline.stage_specs import STAGES, upward
from pipeline.store import manifest
from pipeline.store.artifacts import Store
from tests.pipeline.checkout import Checkout, damage, finish

LAST = "TrainQAT"  # the stage after the slow one
ALL = list(upward(LAST))
SLOW = "width: 8, sleep_s: 2"


@pytest.fixture
def checkout(tmp_path):
    checkout = Checkout(tmp_path)
    checkout.change(checkout.mine / "faces.yaml", "width: 8", SLOW)
    return checkout


def start(checkout, *words, **which):
    return checkout.start(*words, stage=LAST, **which)


def made_once(*runs):
    """Asserts that each stage was made by exactly one of the runs."""
    made = [stage for run in runs for stage in run.made]
    return sorted(made) == sorted(ALL)


def until(condition, seconds=30):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError("not within {} s".format(seconds))


def child_of(process, stage="TrainFloat"):
    """Waits for the process of a run's stage and returns it. A fork of the fork server has the name of the stage's
    module; another process runs a copy of the source beside the artifact that it makes."""
    name = STAGES[stage].module.rpartition(".")[2]

    def status():
        for below in psutil.Process(process.pid).children(recursive=True):
            with contextlib.suppress(psutil.Error):
                if below.name() == name or any(word.endswith("tasks/__main__.py") and "/{}/".format(stage) in word
                                               for word in below.cmdline()):
                    return below
    return until(status)


@contextlib.contextmanager
def luigid(checkout):
    """A central scheduler; yields (its process, the option that names it)."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(Path(sys.executable).parent / "luigid"), "--address", "127.0.0.1", "--port", str(port),
               "--state-path", str(checkout.folder / "state"), "--logdir", str(checkout.folder)]
    process = subprocess.Popen(command, env=checkout.environment, cwd="/", stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    try:
        until(lambda: socket.socket().connect_ex(("127.0.0.1", port)) == 0)
        yield process, "--scheduler-url=http://127.0.0.1:{}".format(port)
    finally:
        process.kill()
        process.wait()


@contextlib.contextmanager
def scheduler(checkout, central):
    if not central:
        yield ()
        return
    with luigid(checkout) as (_, option):
        yield (option,)


@pytest.mark.parametrize("central", [False, True], ids=["alone", "luigid"])
def test_of_two_runs_one_makes_and_both_succeed(checkout, central):
    with scheduler(checkout, central) as words:
        runs = [finish(run) for run in [start(checkout, *words), start(checkout, *words)]]
    assert [run.code for run in runs] == [0, 0], runs
    assert made_once(*runs)


def test_of_four_runs_and_two_workers_each_stage_is_made_once(checkout):
    runs = [finish(run, 120) for run in [start(checkout, "--workers", "2") for _ in range(4)]]
    assert [run.code for run in runs] == [0, 0, 0, 0], runs
    assert made_once(*runs)


def test_two_recipes_with_the_same_training_train_once(checkout):
    shutil.copy(str(checkout.mine / "faces.yaml"), str(checkout.mine / "other.yaml"))
    checkout.change(checkout.mine / "other.yaml", "quantize: {epochs: 1}", "quantize: {epochs: 2}")
    runs = [finish(run) for run in [start(checkout), start(checkout, recipe="other")]]
    assert [run.code for run in runs] == [0, 0], runs
    assert [stage for run in runs for stage in run.made].count("TrainFloat") == 1


@pytest.mark.parametrize("central", [False, True], ids=["alone", "luigid"])
def test_when_the_builder_is_killed_the_other_takes_over(checkout, central):
    with scheduler(checkout, central) as words:
        builder = start(checkout, *words)
        child = child_of(builder)
        other = start(checkout, *words)
        time.sleep(1)
        builder.send_signal(signal.SIGKILL)
        builder.communicate()
        run = finish(other, 90)
    assert run.code == 0, run
    # The test part may be prepared before the training or after it.
    assert [stage for stage in run.made if stage != "PrepareData.test"] == ALL[ALL.index("TrainFloat"):], run
    until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)


@pytest.mark.parametrize("central", [False, True], ids=["alone", "luigid"])
def test_when_the_builder_fails_the_other_takes_over(checkout, central):
    flag = checkout.put("fail-once", "")
    checkout.change(checkout.mine / "nets" / "blocks.py", "time.sleep(seconds)",
                 "time.sleep(seconds)\n    import os\n    if os.path.exists({0!r}):\n"
                 "        os.unlink({0!r})\n        raise ValueError('once')".format(str(flag)))
    with scheduler(checkout, central) as words:
        builder = start(checkout, *words)
        child_of(builder)
        runs = [finish(run, 90) for run in (builder, start(checkout, *words))]
    assert sorted(run.code != 0 for run in runs) == [False, True], runs
    assert not flag.exists()


def test_a_scheduler_that_dies_in_between_loses_nothing(checkout):
    with luigid(checkout) as (process, option):
        going_on = start(checkout, option)
        child_of(going_on)
        process.kill()
        try:
            left = finish(going_on, 90)
        finally:
            going_on.kill()
    assert left.code == 12 and "answers no more" in left.said and "Traceback" not in left.said, left
    run = checkout.luigi(stage=LAST)
    assert run.code == 0, run
    assert "TrainFloat" in run.made or os.listdir(str(checkout.store / "artifacts" / "TrainFloat"))
    assert checkout.octet("verify").returncode == 0


def test_a_waiting_run_says_so(checkout):
    builder = start(checkout)
    child_of(builder)
    waiting = finish(start(checkout))
    assert finish(builder).code == 0
    assert "another run is making it" in waiting.said


def test_an_input_that_is_made_again_with_other_bytes_while_a_run_waits_is_not_used(checkout):
    assert checkout.luigi(stage="TrainFloat").code == 0
    store, trained = Store(checkout.store), checkout.artifact("TrainFloat")
    shutil.rmtree(str(trained))
    with store.lock("TrainFloat", trained.name):
        waiting = checkout.start(stage="TrainFloat")
        said = until(lambda: waiting.stdout.readline())
        while b"another run is making it" not in said:
            said = until(lambda: waiting.stdout.readline())
        folder = checkout.artifact("PrepareData.train")
        record = manifest.unsealed((folder / manifest.NAME).read_bytes())
        product = next(output for output in record["outputs"] if output["product"])
        content = (folder / product["path"]).read_bytes() + b" "
        damage(folder / product["path"], content)
        product.update(bytes=len(content), sha256=digest.of_bytes(content))
        damage(folder / manifest.NAME, manifest.sealed(record))
        assert store.state("PrepareData.train", folder.name) == "intact"
    run = finish(waiting)
    assert run.code != 0 and "it needs PrepareData.train" in run.said and not trained.exists(), run
