"""Whichever process is killed, and at whatever moment: no incomplete artifact and no process is left, and the next run
completes."""

import os
import shutil
import signal

import psutil
import pytest

from tests.pipeline.faults import stages_of
from tests.project import SMALL, Project, until

ALL_VICTIMS = (["child"], ["luigi"], ["server"], ["luigi", "child"], ["luigi", "server", "child"])
LONG = SMALL.replace("quantize: {epochs: 1", "quantize: {epochs: 15")


@pytest.fixture(scope="module")
def frozen(tmp_path_factory):
    """A project in which everything up to Freeze is made."""
    project = Project(tmp_path_factory.mktemp("frozen"))
    done = project.luigi("Freeze", "--local-scheduler")
    assert done.returncode == 0, done.stderr
    return project


def copy_of(frozen, folder, recipe=SMALL):
    shutil.copytree(str(frozen.store), str(folder / "store"))
    return Project(folder, recipe=recipe)


def below(process):
    return psutil.Process(process.pid).children(recursive=True)


def runs(processes, word):
    """The processes whose command line has this word."""
    found = []
    for process in processes:
        try:
            found += [process] if word in " ".join(process.cmdline()) else []
        except psutil.NoSuchProcess:
            pass
    return found


def alive(processes):
    return [process for process in processes
            if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]


def kill(run, victims):
    """Sends SIGKILL to all of them at once, while their descendants are stopped."""
    processes = below(run)
    (child,) = stages_of(psutil.Process(run.pid))
    pids = {"luigi": run.pid, "child": child.pid, "server": child.ppid()}
    if "luigi" in victims:
        run.send_signal(signal.SIGSTOP)  # or it would tidy up when it sees the child die
    for victim in reversed(victims):
        os.kill(pids[victim], signal.SIGKILL)
    return processes


def assert_no_victim_leaves_anything(project, stage, is_time, all_victims=ALL_VICTIMS):
    """Kills each of the victims as soon as `is_time(run)`; then lets another run complete."""
    before = project.manifests(stage)
    for victims in all_victims:
        run = project.start(stage, "--local-scheduler")
        until(lambda run=run: is_time(run), pause_s=0.002)  # toco takes a tenth of a second
        processes = kill(run, victims)
        assert run.wait(timeout=60) != 0, victims
        until(lambda processes=processes: not alive(processes), 20)
        assert project.manifests(stage) == before, victims
    done = project.luigi(stage, "--local-scheduler")
    assert done.returncode == 0, done.stderr
    assert len(project.manifests(stage)) == len(before) + 1 and project.half_made() == []


def test_kill_in_the_middle_of_quantized_training(frozen, tmp_path):
    project = copy_of(frozen, tmp_path, LONG)
    assert_no_victim_leaves_anything(project, "TrainQAT", lambda run: "TrainQAT: 0 %" in project.said(),
                                     [["luigi", "server", "child"]])  # others: as for toco, below


def test_kill_while_toco_converts(frozen, tmp_path):
    project = copy_of(frozen, tmp_path)
    assert_no_victim_leaves_anything(project, "ConvertUint8",
                                     lambda run: runs(below(run), "toco_worker"))


@pytest.mark.parametrize("name, code, workers", [
    ("SIGINT", 130, "1"), ("SIGTERM", 143, "2"),
    pytest.param("SIGINT", 130, "2", marks=pytest.mark.slow),
    pytest.param("SIGTERM", 143, "1", marks=pytest.mark.slow)])
def test_interrupted_run_ends_clean(frozen, tmp_path, name, code, workers):
    project = copy_of(frozen, tmp_path, LONG)
    before = project.manifests("TrainQAT")
    run = project.start("TrainQAT", "--local-scheduler", "--workers", workers)
    until(lambda: "TrainQAT: 0 %" in project.said())
    processes = below(run)
    if name == "SIGINT":
        os.killpg(run.pid, signal.SIGINT)  # as a terminal does: all of its foreground group
    else:
        run.send_signal(signal.SIGTERM)
    assert run.wait(timeout=20) == code
    assert alive(processes) == []
    assert project.manifests("TrainQAT") == before and project.half_made() == []
    assert "Traceback" not in project.said()
    assert project.said().endswith("interrupted: complete stages are kept; the same command makes the others\n")
