"""The child is a real process. Small scripts in place of `tasks` follow its protocol, or violate it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from octet.errors import ConvertError, StageDied
from octet.job import Job
from pipeline.process import child

ROOT = Path(__file__).resolve().parents[3]
PREAMBLE = """
import json, os, signal, subprocess, sys, time
job, fd = json.loads(os.fdopen(int(sys.argv[2])).readline()), int(sys.argv[1])
def say(**said): os.write(fd, json.dumps(said).encode() + b"\\n")
"""


def run(tmp_path, code, heard=None):
    door = (sys.executable, "-I", "-c", PREAMBLE + code)
    job = Job(stage="small", settings={"seed": 1}, inputs={}, output=str(tmp_path),
              recipe_folder=str(tmp_path))
    report = (lambda *said: heard.append(said)) if heard is not None else lambda *said: None
    return child.run(job, report, tmp_path.with_name("log.txt"), write_source=lambda source: door)


def gone(pid):
    for _ in range(100):
        try:
            with open("/proc/{}/stat".format(pid)) as stat:
                if stat.read().rpartition(")")[2].split()[0] == "Z":
                    return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.05)
    return False


def test_metrics_and_progress_come_back(tmp_path):
    heard = []
    assert run(tmp_path, "say(progress=0.4, message='here'); say(metrics={'stage': job['stage']})",
               heard) == {"stage": "small"}
    assert heard == [(0.4, "here")]


def test_temporary_files_are_beside_the_output_and_gone_with_the_process(tmp_path):
    metrics = run(tmp_path / "out", "import tempfile;"
                  "say(metrics={'made': tempfile.NamedTemporaryFile(delete=False).name})")
    made = Path(metrics["made"])
    assert made.parent.parent == tmp_path and not made.parent.exists()


def test_no_variable_that_changes_results_reaches_it(tmp_path, monkeypatch):
    for name, value in (("TF_USE_DEEP_CONV2D", "1"), ("KERAS_HOME", str(tmp_path)), ("PYTHONPATH", str(tmp_path)),
                        ("TF_CPP_MIN_LOG_LEVEL", "2"), ("TF_VAR_region", "2"), ("OMP_NUM_THREADS", "2")):
        monkeypatch.setenv(name, value)
    metrics = run(tmp_path / "out", "say(metrics=dict(os.environ))")
    assert not {"TF_USE_DEEP_CONV2D", "PYTHONPATH"} & set(metrics)
    assert Path(metrics["KERAS_HOME"]).parent == Path(metrics["TMPDIR"])
    assert metrics["TF_CPP_MIN_LOG_LEVEL"] == metrics["TF_VAR_region"] == metrics["OMP_NUM_THREADS"] == "2"


def test_reported_error_is_raised_as_it_was(tmp_path):
    with pytest.raises(ConvertError) as caught:
        run(tmp_path, "say(error=json.dumps(dict(type='ConvertError', what='a', where='b', "
                      "why='c', next_step='d'))); sys.exit(1)")
    assert str(caught.value) == "b  a\n    c\n    d"


def test_killed_child_is_named_by_its_signal(tmp_path):
    with pytest.raises(StageDied, match="SIGKILL") as caught:
        run(tmp_path, "os.kill(os.getpid(), 9)")
    assert "memory" in caught.value.next_step


def test_exit_code_and_end_of_log_are_shown(tmp_path):
    with pytest.raises(StageDied, match="exit code 7") as caught:
        run(tmp_path, "print('last words', flush=True); os._exit(7)")
    assert "last words" in caught.value.why


def test_success_without_metrics_is_a_death(tmp_path):
    with pytest.raises(StageDied, match="without reporting"):
        run(tmp_path, "pass")


def test_grandchild_that_holds_the_pipe_is_killed_and_not_waited_for(tmp_path):
    started = time.time()
    metrics = run(tmp_path, "p = subprocess.Popen(['sleep', '60'], pass_fds=[fd]);"
                            "say(metrics={'pid': p.pid})")
    assert time.time() - started < 10
    assert gone(metrics["pid"])


def test_exception_in_the_parent_kills_the_child(tmp_path):
    pids = []

    def interrupt(fraction, message):
        pids.append(int(message))
        raise KeyboardInterrupt

    door = (sys.executable, "-I", "-c", PREAMBLE +
            "say(progress=0, message=str(os.getpid())); time.sleep(60)")
    with pytest.raises(KeyboardInterrupt):
        child.run(Job("small", {}, {}, str(tmp_path / "out"), ""), interrupt, tmp_path / "log",
                  write_source=lambda source: door)
    assert gone(pids[0])


@pytest.mark.parametrize("victims", [["child"], ["parent"], ["child", "parent"]], ids=" and ".join)
def test_kill_leaves_no_process_behind_not_even_what_a_shell_below_it_started(tmp_path, victims):
    code = ("import sys; from pathlib import Path; from pipeline.process import child;"
            "from octet.job import Job;"
            "child.run(Job('s', {}, {}, sys.argv[1], ''), lambda f, m: print(m, flush=True),"
            "Path(sys.argv[1] + '.log'), write_source=lambda source: (sys.executable, '-c', sys.argv[2]))")
    door = PREAMBLE + ("shell = subprocess.Popen('sleep 60; :', shell=True)\n"
                       "say(progress=0, message='%d %d' % (os.getpid(), shell.pid)); time.sleep(60)")
    parent = subprocess.Popen(["nohup", sys.executable, "-c", code, str(tmp_path / "out"), door],
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=str(ROOT))
    with parent.stdout:
        pid, shell = map(int, parent.stdout.readline().split())
        sleep = wait_for_child_of(shell)
        pids = {"child": pid, "parent": parent.pid}
        if len(victims) == 2:
            os.kill(parent.pid, signal.SIGSTOP)  # so that it cannot tidy up between the two
        for victim in victims:
            os.kill(pids[victim], signal.SIGKILL)
        assert parent.wait(timeout=20) != 0
    assert [gone(process) for process in (pid, shell, sleep)] == [True] * 3


def wait_for_child_of(pid):
    for _ in range(100):
        found = psutil.Process(pid).children()
        if found:
            return found[0].pid
        time.sleep(0.05)
    raise AssertionError("{} has started nothing".format(pid))
