"""The fork server is a real process with real forks. It imports a small module instead of TensorFlow.

Small scripts in place of `tasks/__main__.py` follow its protocol."""

import contextlib
import os
import signal
import subprocess
import sys
from itertools import permutations
from pathlib import Path

import psutil
import pytest

from octet.errors import StageDied
from octet.job import Job
from pipeline.process import child, fork_client, new_process
from tests.pipeline.process.test_child import PREAMBLE, gone, wait_for_child_of

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def serve(monkeypatch):
    """A function that starts a server and returns it. Tests call it themselves, because pytest sets other environment
    variables for fixtures than for tests."""
    started = []

    def start(module="numpy"):
        monkeypatch.setattr(fork_client, "MODULE", module)
        monkeypatch.setattr(fork_client, "_is_allowed", True)
        monkeypatch.setattr(fork_client, "_printed", [])
        fork_client.start_for({fork_client.MODULE})
        started.append(fork_client._server)
        return started[-1]

    yield start
    fork_client.stop()
    assert all(gone(server.process.pid) for server in started)


def run(folder, code, on_progress=lambda *said: None):
    folder.mkdir(exist_ok=True)
    (folder / "script.py").write_text(PREAMBLE + code)
    job = Job(stage="stages.small", settings={"seed": 1}, inputs={}, output=str(folder / "out"), recipe_folder="")
    command = new_process.PYTHON + [str(folder / "script.py")]
    return child.run(job, on_progress, folder / "log.txt", lambda source: command, modules={fork_client.MODULE})


WHERE = "say(metrics={'parent': os.getppid(), 'leads': os.getsid(0) == os.getpid() == os.getpgrp()})"


def test_a_stage_is_forked_and_leads_a_session(serve, tmp_path):
    server = serve()
    assert run(tmp_path, WHERE) == {"parent": server.process.pid, "leads": True}


def test_a_stage_is_as_one_that_is_started_anew(serve, tmp_path):
    """Arguments, variables, descriptors, signals, working folder and limits are the same; only the imported modules
    differ."""
    serve("multiprocessing.process")
    code = ("import resource, traceback\n"
            "say(metrics={'arguments': len(sys.argv), 'script': sys.argv[0], 'main': __name__, 'file': __file__,\n"
            "  'environment': dict(os.environ), 'path': sys.path,\n"
            "  'child': sorted(subprocess.check_output(['env', '-0'], text=True).split('\\0')),\n"
            "  'open': len(os.listdir('/proc/self/fd')), 'input': os.readlink('/proc/self/fd/0'),\n"
            "  'folder': os.getcwd(),\n"
            "  'signals': [str(signal.getsignal(number)) for number in range(1, 32)],\n"
            "  'main modules': {getattr(module, '__file__', '') for module in sys.modules.values()\n"
            "                   if getattr(module, '__name__', '') == '__main__'} == {__file__},\n"
            "  'frames': [frame[0] for frame in traceback.extract_stack() if os.path.isabs(frame[0])],\n"
            "  'flags': str(sys.flags), 'limits': [resource.getrlimit(number) for number in range(16)],\n"
            "  'terminal': os.open('/dev/tty', os.O_RDWR) > 0, 'umask': os.umask(0), 'nice': os.nice(0)})")
    forked = run(tmp_path, code)
    fork_client.stop()
    assert forked == run(tmp_path, code)


def test_forks_draw_other_numbers(serve, tmp_path):
    serve()
    code = "import random, numpy; say(metrics={'drawn': [random.random(), numpy.random.rand()]})"
    first, second = run(tmp_path, code)["drawn"], run(tmp_path, code)["drawn"]
    assert not set(first) & set(second)


def test_the_log_has_what_a_library_writes_to_the_stream_that_it_kept(serve, tmp_path):
    serve()
    code = "print('out', flush=True); print('err', file=sys.stderr); os.write(2, b'raw\\n'); say(metrics={})"
    run(tmp_path, code)
    assert sorted((tmp_path / "log.txt").read_text().split()) == ["err", "out", "raw"]


def test_tensorflow_is_imported_without_a_thread_and_works_in_a_fork(serve, tmp_path, monkeypatch):
    (tmp_path / "keras.json").write_text('{"floatx": "float16"}')
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    server = serve("tensorflow")
    code = ("import time; started = time.process_time(); import tensorflow as tf; import numpy as np\n"
            "taken = time.process_time()\n"
            "with tf.Session() as session:\n"
            "    product = session.run(tf.linalg.matmul(tf.ones([200, 300]), tf.ones([300, 400])))\n"
            "sys.stderr = open(sys.argv[0] + '.txt', 'w'); tf.logging.warn('said later'); sys.stderr.flush()\n"
            "say(metrics={'product': float(product.sum()), 'svd': float(np.linalg.svd(np.eye(300))[1].sum()),\n"
            "  'floatx': tf.keras.backend.floatx(), 'cpu_s': taken, 'log': open(sys.argv[0] + '.txt').read()})")
    metrics = run(tmp_path, code)
    assert (metrics["product"], metrics["svd"]) == (200 * 300 * 400, 300)
    assert metrics["floatx"] == "float32" and "said later" in metrics["log"]
    assert metrics["cpu_s"] < 0.3  # a new process takes more than 0.8 s
    assert os.listdir("/proc/{}/task".format(server.process.pid)) == [str(server.process.pid)]


@pytest.mark.parametrize("code, said", [("os.kill(os.getpid(), 9)", "SIGKILL"), ("os._exit(7)", "exit code 7"),
                                        ("sys.exit(3)", "exit code 3"), ("raise ValueError('odd')", "exit code 1"),
                                        ("os.abort()", "SIGABRT"), ("pass", "without reporting")])
def test_the_end_of_a_stage_is_reported_and_the_next_one_is_forked(serve, tmp_path, code, said):
    server = serve()
    with pytest.raises(StageDied, match=said) as caught:
        run(tmp_path, "kept = b'1' * (100 << 20)\n" + code)
    if "ValueError" in code:
        assert "ValueError: odd" in caught.value.why and "Traceback" in (tmp_path / "log.txt").read_text()
    assert run(tmp_path, WHERE)["parent"] == server.process.pid


def test_what_a_stage_has_started_ends_with_it(serve, tmp_path):
    serve()
    metrics = run(tmp_path, "p = subprocess.Popen(['sleep', '60']); say(metrics={'pid': p.pid})")
    assert gone(metrics["pid"])


def test_a_server_that_ends_takes_its_stage_along_and_the_next_stage_is_started_anew(serve, tmp_path, capfd):
    server = serve()
    def kill(fraction, message):
        server.process.kill()

    with pytest.raises(StageDied, match="SIGKILL"):
        run(tmp_path, "say(progress=0); time.sleep(60)", kill)
    assert run(tmp_path, WHERE) == {"parent": os.getpid(), "leads": True}
    assert "a stage imports TensorFlow itself" in capfd.readouterr().err


def test_without_a_server_stages_start_if_it_cannot_import(serve, tmp_path, capfd):
    server = serve("no_such_module")
    for _ in range(2):
        fork_client.start_for({fork_client.MODULE})
        assert run(tmp_path, WHERE) == {"parent": os.getpid(), "leads": True}
    assert fork_client._server is server  # another server could not import it, either
    assert "a stage imports TensorFlow itself: the process" in capfd.readouterr().err


def test_another_server_follows_one_that_was_killed(serve, tmp_path):
    serve().process.kill()
    fork_client._server.process.wait()
    assert run(tmp_path, WHERE)["parent"] == os.getpid()
    second = serve()
    assert run(tmp_path, WHERE)["parent"] == second.process.pid


def test_an_environment_that_has_changed_is_not_that_of_the_server(serve, tmp_path, monkeypatch, capfd):
    serve()
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert run(tmp_path, WHERE)["parent"] == os.getpid()
    assert "the environment has changed" in capfd.readouterr().err


def test_under_a_memory_limit_no_server_is_started_and_the_reason_is_printed(tmp_path):
    code = ("from pipeline.process import fork_client\n"
            "fork_client.allow(); fork_client.start_for({fork_client.MODULE}); print(fork_client._server)")
    done = subprocess.run(["bash", "-c", 'ulimit -v 4000000; exec "$@"', "bash", sys.executable, "-c", code],
                          capture_output=True, text=True, cwd=str(ROOT))
    assert done.stdout == "None\n"
    assert done.stderr == "each stage imports TensorFlow itself: `ulimit -v` limits the memory\n"


def test_nothing_is_started_for_work_without_tensorflow(monkeypatch):
    monkeypatch.setattr(fork_client, "_is_allowed", True)
    fork_client.start_for({"numpy"})
    assert fork_client._server is None


RUN = """
import os, sys
from multiprocessing import Process
from pathlib import Path
sys.path.insert(0, {root!r})
from pipeline.process import fork_client, new_process
from tests.pipeline.process import test_fork_server as t
fork_client.MODULE = "numpy"
fork_client.allow()
fork_client.start_for({{fork_client.MODULE}})

def show(fraction, message):
    os.write(1, (message + "\\n").encode())

def work(number):
    new_process.die_with_parent(run)()  # as Luigi's forks do
    t.run(Path(sys.argv[1]) / str(number), {code!r}, show)

print(fork_client._server.process.pid, flush=True)
run = os.getpid()
stages = [Process(target=work, args=(number,)) for number in range({workers})]
[stage.start() for stage in stages]
if not stages:
    t.run(Path(sys.argv[1]) / "alone", {code!r}, show)
[stage.join() for stage in stages]
sys.exit(int(any(stage.exitcode for stage in stages)))
"""
STAGE = ("shell = subprocess.Popen('sleep 60; :', shell=True)\n"
         "say(progress=0, message='%d %d' % (os.getpid(), shell.pid)); time.sleep(60)")
VICTIMS = ("run", "server", "stage")


@pytest.mark.parametrize("workers", [0, 4])
@pytest.mark.parametrize("victims", [order for count in (1, 2, 3) for order in permutations(VICTIMS, count)],
                         ids=" then ".join)
def test_no_process_is_left_whichever_is_killed(tmp_path, victims, workers):
    code = RUN.format(root=str(ROOT), code=STAGE, workers=workers)
    parent = subprocess.Popen(["nohup", sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, cwd=str(ROOT))
    with parent.stdout:
        server = int(parent.stdout.readline())
        stages = [list(map(int, parent.stdout.readline().split())) for _ in range(max(1, workers))]
        sleeps = [wait_for_child_of(shell) for _, shell in stages]
        forks = [process.pid for process in psutil.Process(parent.pid).children()]
        pids = {"run": parent.pid, "server": server, "stage": stages[0][0]}
        if len(victims) > 1 and "run" in victims:
            os.kill(parent.pid, signal.SIGSTOP)  # so that it cannot tidy up between the two
        for victim in victims:
            with contextlib.suppress(ProcessLookupError):  # it died with the process before
                os.kill(pids[victim], signal.SIGKILL)
        if victims == ("stage",) and workers:
            assert gone(stages[0][0]) and gone(stages[0][1]) and gone(sleeps[0])
            assert psutil.pid_exists(stages[1][0]) and psutil.pid_exists(server)  # the others continue
            parent.kill()
        assert parent.wait(timeout=20) != 0
    every = [server, *forks, *sleeps, *(pid for stage in stages for pid in stage)]
    assert [gone(pid) for pid in every] == [True] * len(every)


@pytest.mark.parametrize("number, code", [(signal.SIGINT, -2), (signal.SIGTERM, -15)], ids=["INT", "TERM"])
def test_a_run_that_is_interrupted_while_the_server_starts_leaves_nothing(tmp_path, number, code):
    text = RUN.format(root=str(ROOT), code="say(metrics={})", workers=0)
    for moment in range(8):
        parent = subprocess.Popen([sys.executable, "-c", text, str(tmp_path)], stdout=subprocess.PIPE,
                                  stderr=subprocess.DEVNULL, cwd=str(ROOT))
        with parent.stdout:
            server = int(parent.stdout.readline())
            with pytest.raises(subprocess.TimeoutExpired):
                parent.wait(timeout=0.01 + 0.02 * moment)
                raise subprocess.TimeoutExpired("it has ended already", 0)
            parent.send_signal(number)
            assert parent.wait(timeout=20) in (0, 1, code)
        assert gone(server)


def test_orders_are_messages_of_json(serve, tmp_path):
    """A malformed message does not end the stages of others."""
    server = serve()
    server.orders.send(b"{}")
    assert run(tmp_path, WHERE)["parent"] == server.process.pid
