"""Unusual ends: a process that cannot be killed, one that cannot be forked, a withdrawn order.

The server, its forks and the processes that keep them from ending are real."""

import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time

import psutil
import pytest

from pipeline.process import fork_client, new_process
from tests.pipeline.process import unkillable
from tests.pipeline.process.test_child import gone
from tests.pipeline.process.test_fork_server import ROOT, WHERE, run, serve  # noqa: F401


def order(folder, code="time.sleep(60)"):
    """Orders a process from the server, and returns it."""
    (folder / "script.py").write_text("import time\n" + code)
    pipes = [os.pipe() for _ in range(2)]
    start = new_process.Start("stages.small", new_process.PYTHON + [str(folder / "script.py")],
                              dict(fork_client._server.environment), pipes[0][1], pipes[1][0], os.openpty()[1],
                              os.open(str(folder / "log.txt"), os.O_WRONLY | os.O_CREAT))
    return fork_client.order(start)


def child_of(server):
    for _ in range(200):
        for process in psutil.Process(server.process.pid).children():
            return process.pid
        time.sleep(0.02)
    raise AssertionError("no stage was forked")


@pytest.mark.parametrize("kind", ["forked", "new"])
def test_an_unkillable_stage_is_reported_and_affects_no_other(tmp_path, kind):
    done = subprocess.run([sys.executable, "-m", "tests.pipeline.process.unkillable", str(tmp_path), kind],
                          cwd=str(ROOT), capture_output=True, text=True, timeout=120)
    if done.returncode == unkillable.NOT_TRACED:
        pytest.skip("no process may be traced here")
    assert done.returncode == 0, done.stderr
    assert "does not end" in done.stderr
    assert json.loads(done.stdout) == {"the run does not wait for it": True, "parents": [True, True]}


def test_a_server_that_does_not_answer_is_killed_with_a_message(serve, tmp_path, monkeypatch, capfd):  # noqa: F811
    server = serve()
    monkeypatch.setattr(new_process, "KILL_WITHIN_S", 0.5)
    process = order(tmp_path)
    assert process.has_started(lambda: None)
    os.kill(server.process.pid, signal.SIGSTOP)
    assert process.end().code == -signal.SIGKILL
    assert gone(process.pid) and gone(server.process.pid)
    assert "does not answer" in capfd.readouterr().err


def test_an_order_that_is_withdrawn_between_the_fork_and_the_answer_has_ended(serve, tmp_path):  # noqa: F811
    """The caller that withdraws an order holds the lock of the key, which must not be released before the process has
    ended."""
    server = serve()
    process = order(tmp_path)
    pid = child_of(server)
    os.kill(server.process.pid, signal.SIGSTOP)
    threading.Timer(0.5, os.kill, (server.process.pid, signal.SIGCONT)).start()
    process.end()
    assert not psutil.pid_exists(pid)


def test_an_order_to_a_server_that_is_not_ready_is_withdrawn_at_once(serve, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.setattr(fork_client, "BOOT", "import time; time.sleep(3); " + fork_client.BOOT)
    server, started = serve(), time.monotonic()
    order(tmp_path, "open({!r}, 'w')".format(str(tmp_path / "ran"))).end()
    assert time.monotonic() - started < 1
    assert run(tmp_path, WHERE)["parent"] == server.process.pid
    assert not (tmp_path / "ran").exists()


NO_FORK = """
import importlib, os, resource
importing = importlib.import_module
def limited(name):
    importing(name)
    resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
    os.setresuid(65534, 65534, 65534)  # there is no such limit for root
importlib.import_module = limited
"""


def test_a_failed_fork_is_reported_and_the_server_is_kept(serve, tmp_path, monkeypatch, capfd):  # noqa: F811
    if os.getuid():
        pytest.skip("only root can become another user")
    monkeypatch.setattr(fork_client, "BOOT", NO_FORK + fork_client.BOOT)
    server = serve()
    assert run(tmp_path, WHERE) == {"parent": os.getpid(), "leads": True}
    said = capfd.readouterr().err
    assert os.strerror(11) in said and "has ended" not in said
    assert server.process.poll() is None


@pytest.mark.parametrize("more", [0, 1, 3])
def test_a_server_without_free_descriptors_is_reported_and_kept(serve, tmp_path, capfd, more):  # noqa: F811
    """more: how many of an order's five descriptors the server can accept."""
    server = serve()
    assert run(tmp_path, WHERE)["parent"] == server.process.pid
    used = set(map(int, os.listdir("/proc/{}/fd".format(server.process.pid))))
    limit = max(limit for limit in range(100) if len(set(range(limit)) - used) == more)
    hard = resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE)[1]
    resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (limit, hard))
    assert run(tmp_path, WHERE) == {"parent": os.getpid(), "leads": True}
    said = capfd.readouterr().err
    assert said.startswith("a stage imports TensorFlow itself: ") and "has ended" not in said
    resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (hard, hard))
    assert run(tmp_path, WHERE)["parent"] == server.process.pid
