"""The child is a real process: small doors in place of `tasks` speak its protocol, or fail to."""

import os
import sys
import time

import pytest

from octet.errors import ConvertError, StageDied
from octet.job import Job
from pipeline import child

PREAMBLE = """
import json, os, signal, subprocess, sys, time
job, fd = json.loads(sys.stdin.readline()), int(sys.argv[1])
def say(**said): os.write(fd, json.dumps(said).encode() + b"\\n")
"""


def run(tmp_path, code, heard=None):
    door = (sys.executable, "-I", "-c", PREAMBLE + code)
    job = Job(stage="small", settings={"seed": 1}, inputs={}, output=str(tmp_path),
              recipe_folder=str(tmp_path))
    report = (lambda *said: heard.append(said)) if heard is not None else lambda *said: None
    return child.run(job, report, tmp_path / "log.txt", door=door)


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
        child.run(Job("small", {}, {}, "", ""), interrupt, tmp_path / "log", door=door)
    assert gone(pids[0])


def test_child_dies_with_a_killed_parent(tmp_path):
    import signal
    import subprocess
    code = ("import sys; from pathlib import Path; from pipeline import child;"
            "from octet.job import Job;"
            "child.run(Job('s', {}, {}, '', ''), lambda f, m: print(m, flush=True),"
            "Path(sys.argv[1]), door=(sys.executable, '-c', sys.argv[2]))")
    parent = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "log"), PREAMBLE +
         "say(progress=0, message=str(os.getpid())); time.sleep(60)"],
        stdout=subprocess.PIPE, cwd=str(child.Path(child.__file__).parent.parent))
    pid = int(parent.stdout.readline())
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    assert gone(pid)
