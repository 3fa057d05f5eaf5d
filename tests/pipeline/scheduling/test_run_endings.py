"""How a run ends, through the real command: its message, its exit code and its record."""
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from tests.pipeline.checkout import Checkout, finish
from tests.pipeline.scheduling.test_concurrent_runs import child_of


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A checkout in which everything is made, for tests that change nothing in it."""
    checkout = Checkout(tmp_path_factory.mktemp("built"))
    assert checkout.luigi().code == 0
    return checkout


@pytest.fixture
def checkout(tmp_path):
    return Checkout(tmp_path)


def command(checkout, words, **which):
    """The command inside a shell, which can redirect its streams."""
    return subprocess.run(["bash", "-c", words, "bash"] + checkout.command(**which), cwd="/", env=checkout.environment,
                          timeout=120, capture_output=True, text=True)


@pytest.mark.parametrize("words", ['"$@" >&-', '"$@" 2>&-', '"$@" >&- 2>&- <&-', '"$@" >/dev/full',
                                   '"$@" >/dev/full 2>&1', 'set -o pipefail; "$@" 2>&1 | true'])
def test_a_complete_run_ends_well_whatever_becomes_of_its_output(built, words):
    done = command(built, words)
    assert done.returncode == 0 and "Exception" not in done.stderr, done


@pytest.mark.parametrize("words", ['exec "$@" >/dev/full 2>&1', 'exec "$@" >&- 2>&- <&-'])
def test_a_stage_whose_progress_cannot_be_written_goes_on(checkout, words):
    done = command(checkout, words, stage="TrainFloat")
    assert done.returncode == 0, done
    assert checkout.luigi(stage="TrainFloat").made == []
    assert checkout.octet("verify").returncode == 0


def test_output_that_could_not_be_written_is_printed_at_the_end(tmp_path):
    code = ("import os, sys; from pipeline.terminal import streams; streams.guard()\n"
            "kept = os.dup(2); full = os.open('/dev/full', os.O_WRONLY); os.dup2(full, 2)\n"
            "print('TrainFloat: 50 %', file=sys.stderr)\n"
            "os.dup2(kept, 2); streams.finish()")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0
    assert done.stderr == "could not be written before (No space left on device):\nTrainFloat: 50 %\n"


def test_a_run_goes_on_when_its_terminal_is_closed_and_hangups_are_ignored(checkout):
    master, slave = os.openpty()
    checkout.change(checkout.mine / "faces.yaml", "width: 8", "width: 8, sleep_s: 1")
    run = subprocess.Popen(["bash", "-c", 'trap "" HUP; exec "$@"', "bash"] + checkout.command(stage="TrainFloat"),
                           cwd="/", env=dict(checkout.environment, TERM="xterm"), stdin=slave, stdout=slave,
                           stderr=slave,
                           start_new_session=True)
    os.close(slave)
    child_of(run)
    os.close(master)
    assert run.wait(timeout=90) == 0
    assert checkout.luigi(stage="TrainFloat").made == []


def test_a_store_that_changes_in_luigi_cfg_during_a_run_is_the_next_runs(checkout):
    checkout.change(checkout.mine / "faces.yaml", "width: 8", "width: 8, sleep_s: 2")
    run = checkout.start(stage="TrainQAT")
    child_of(run)
    checkout.change(checkout.root / "luigi.cfg", str(checkout.store), str(checkout.folder / "elsewhere"))
    run = finish(run)
    assert run.code == 0, run
    assert not (checkout.folder / "elsewhere").exists()


def test_a_fork_of_luigi_that_is_killed_is_named(checkout):
    checkout.change(checkout.mine / "faces.yaml", "width: 8", "width: 8, sleep_s: 3")
    run = checkout.start("--workers", "2", stage="TrainFloat")
    child_of(run)
    fork, = [process for process in psutil.Process(run.pid).children()
             if process.status() != psutil.STATUS_ZOMBIE
             and not any(word.endswith("fork_server.py") for word in process.cmdline())]
    fork.kill()
    run = finish(run)
    assert run.code == 13 and "SIGKILL" in run.said and "Traceback" not in run.said, run


def test_ctrl_c_while_the_command_starts_is_130_without_a_traceback(built):
    script = "import os, signal, sys; sys.argv[0] = 'luigi'; os.write(2, b'.'); import pipeline"
    for wait_s in (0.03, 0.06, 0.1, 0.2, 0.3, 0.5):
        words = built.command()
        run = subprocess.Popen(
            [words[0], "-c", script] + words[3:], cwd="/", env=built.environment, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE)
        assert run.stderr.read(1) == b"."
        time.sleep(wait_s)
        run.send_signal(signal.SIGINT)
        _, said = run.communicate(timeout=60)
        assert run.returncode in (0, 130) and b"Traceback" not in said, (wait_s, run.returncode, said)


@pytest.mark.parametrize("command", ["luigi", "octet"])
def test_ctrl_c_while_python_ends_does_not_change_the_exit_code(built, command):
    words = built.command() if command == "luigi" else [built.command()[0], "", "", "ls"]
    load = "import pipeline" if command == "luigi" else "from pipeline.cli.main import main; sys.exit(main())"
    script = """
import os, sys, time
class Last:
    def __del__(self, write=os.write, sleep=time.sleep):  # called after Python has restored the signals' handlers
        write(1, b"ending\\n")
        sleep(1)
last = Last()
sys.argv[0] = "{}"
{}""".format(command, load)
    run = subprocess.Popen(
        [words[0], "-c", script] + words[3:], cwd="/", env=built.environment, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE)
    while run.stdout.readline() not in (b"ending\n", b""):
        pass
    assert run.poll() is None
    run.send_signal(signal.SIGINT)
    _, said = run.communicate(timeout=60)
    assert (run.returncode, said) == (0, b"")


def test_an_interrupt_that_cuts_clean_up_short_is_no_other_error(built):
    """The signal arrives just after the descriptor of a folder was closed: the clean-up closes it again, and fails."""
    script = """
import os, signal, sys
close, calls = os.close, []
def close_and_signal(handle):
    close(handle)
    code = sys._getframe(1).f_code
    if code.co_name == "folder" and code.co_filename.endswith("safe_tree.py"):
        calls.append(handle)
        if len(calls) == 2:
            os.kill(os.getpid(), signal.SIGINT)
os.close = close_and_signal
sys.argv[0] = "luigi"
import pipeline"""
    words = built.command()
    run = subprocess.run(
        [words[0], "-c", script] + words[3:], cwd="/", env=built.environment, capture_output=True, text=True,
        timeout=60)
    assert run.returncode == 130 and run.stderr.startswith("interrupted: complete stages"), run
