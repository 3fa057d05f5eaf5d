"""A stage's share of the processors, with real locks, real processes and the kernel's affinity."""

import json
import os
import subprocess
import sys

import pytest

from octet import processors
from octet.errors import UsageError
from octet.job import Job
from pipeline import settings
from pipeline.process import child, processor_share
from tests.pipeline.process.test_child import PREAMBLE, run
from tests.project import Project

ALL = sorted(os.sched_getaffinity(0))
SEEN = "say(metrics={'cores': sorted(os.sched_getaffinity(0)), 'environment': dict(os.environ)})"
several = pytest.mark.skipif(len(ALL) < 2, reason="one core cannot be divided")

RECIPE = """\
data: {dataset: digits}
model: {build: resnet_v1, args: {filters: 4}}
train: {epochs: 1}
quantize: {epochs: 1}
"""

HOLD = """
import sys
from pathlib import Path
from pipeline.process.processor_share import Share
with Share(folder=Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def another_stage(folder):
    """A process that counts as a stage until its stdin is closed, or it is killed."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"held\n"
    return process


def ended(process):
    process.communicate(timeout=30)


@several
def test_cores_are_divided_among_the_running_stages(tmp_path):
    folder = tmp_path / "stages"
    with processor_share.Share(folder=folder) as first:
        assert first.processors() == set(ALL)
        with processor_share.Share(folder=folder) as second:
            assert len(first.processors()) == len(second.processors()) == len(ALL) // 2
            assert not first.processors() & second.processors()
        assert first.processors() == set(ALL)
        other = another_stage(folder)
        assert len(first.processors()) == len(ALL) // 2
        other.kill()  # the kernel frees its lock
        ended(other)
        assert first.processors() == set(ALL)


def test_every_stage_has_a_core(tmp_path):
    shares = [processor_share.Share(folder=tmp_path).__enter__() for _ in range(2 * len(ALL) + 1)]
    try:
        assert [len(share.processors()) for share in shares] == [1] * len(shares)
        assert set.union(*(set(share.processors()) for share in shares)) == set(ALL)
    finally:
        for share in shares:
            share.__exit__()


def test_a_setting_holds_whatever_runs(tmp_path):
    with processor_share.Share(1, tmp_path) as one, processor_share.Share(10_000, tmp_path) as all_of_them:
        assert len(one.processors()) == 1 and all_of_them.processors() == set(ALL)


@pytest.mark.parametrize("spoil", ["file", "link", "closed"])
def test_a_folder_that_cannot_be_used_stops_nothing(spoil, tmp_path):
    folder, canary = tmp_path / "stages", tmp_path / "canary"
    canary.mkdir()
    if spoil == "file":
        folder.write_text("")
    elif spoil == "link":
        folder.symlink_to(canary)
    else:
        folder.mkdir()
        for number in range(processor_share.MOST_STAGES):
            (folder / str(number)).symlink_to(canary / "made")
    with processor_share.Share(folder=folder) as share:
        assert share.processors() == set(ALL)
    assert not os.listdir(str(canary))


def test_a_limit_of_the_control_group_counts(tmp_path):
    def quotas(**files):
        folder = tmp_path / str(len(os.listdir(str(tmp_path))))
        folder.mkdir()
        for name, text in files.items():
            (folder / name.replace("__", ".")).write_text(text + "\n")
        return processors.quotas_of(folder)
    assert quotas(cpu__max="150000 100000") == [1.5]
    assert quotas(cpu__cfs_quota_us="50000", cpu__cfs_period_us="100000") == [0.5]
    assert quotas(cpu__max="max 100000") == []
    assert quotas(cpu__cfs_quota_us="-1", cpu__cfs_period_us="100000") == []
    assert quotas() == []


@several
def test_a_running_stage_gives_cores_away_and_gets_them_back(tmp_path, monkeypatch):
    """All threads of the process follow, and those that it starts later."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(processor_share.tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(processor_share, "LOOK_EVERY_S", 0.1)
    folder, heard, others = tmp_path / "octet-stages-{}".format(os.getuid()), [], []

    def report(fraction, message):
        heard.append(json.loads(message))
        if len(heard) == 1:
            others.append(another_stage(folder))
        elif len(heard) == 2:
            ended(others[0])
    code = """
import threading
threading.Thread(target=lambda: time.sleep(60), daemon=True).start()
def cores():
    return sorted({len(os.sched_getaffinity(int(thread))) for thread in os.listdir('/proc/self/task')})
def wait_for(count):
    end = time.time() + 20
    while cores() != [count] and time.time() < end: time.sleep(0.02)
    say(progress=0.5, message=json.dumps(cores()))
everything = cores()[0]
wait_for(everything); wait_for(everything // 2); wait_for(everything)
say(metrics={}); os._exit(0)
"""
    job = Job(stage="small", settings={"seed": 1}, inputs={}, output=str(tmp_path / "out"), recipe_folder=str(tmp_path))
    child.run(job, report, tmp_path / "log.txt", lambda source: (sys.executable, "-I", "-c", PREAMBLE + code))
    assert heard == [[len(ALL)], [len(ALL) // 2], [len(ALL)]]


def test_the_setting_reaches_the_process(tmp_path, monkeypatch):
    config = tmp_path / "luigi.cfg"
    config.write_text("[octet]\nprocessors = 1\n")
    monkeypatch.setenv("LUIGI_CONFIG_PATH", str(config))
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "7")
    seen = run(tmp_path / "out", SEEN)
    assert len(seen["cores"]) == 1
    assert seen["environment"]["TF_NUM_INTRAOP_THREADS"] == "4"  # of the recipe; another number changes the weights


@pytest.mark.parametrize("value", ["0", "-1", "two", "1.5", "", "٣"])
def test_a_wrong_number_of_processors_is_refused(value, tmp_path, monkeypatch):
    def write(number):
        (tmp_path / "luigi.cfg").write_text("[octet]\nprocessors = {}\n".format(number))
        monkeypatch.setenv("LUIGI_CONFIG_PATH", str(tmp_path / "luigi.cfg"))
    write(value)
    with pytest.raises(UsageError) as refused:
        settings.load()
    assert "is not a whole number of at least 1" in refused.value.what
    write(refused.value.next_step.split()[1])  # write 1
    assert settings.load().processors == 1


def test_weights_depend_on_the_recipe_and_not_on_processors_or_variables(tmp_path):
    def made(name, config="", threads=4, **environment):
        (tmp_path / name).mkdir()
        project = Project(tmp_path / name, config, RECIPE + "threads: {}\n".format(threads))
        done = project.luigi("ConvertUint8", "--local-scheduler", **environment)
        assert done.returncode == 0, done.stderr
        return project.products()

    expected = made("as it is")
    assert made("one processor", "processors = 1\n", TF_NUM_INTRAOP_THREADS="1") == expected
    # ResNet gets other weights with one thread: without that, the line above would prove nothing.
    assert made("one thread", threads=1)["TrainFloat/float.pb"] != expected["TrainFloat/float.pb"]
