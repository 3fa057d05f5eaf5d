"""How a stage's process ends, with the real `tasks`: threads, input, silence, lack of memory, faults, interrupts.

The stage is `digest`, the only one without TensorFlow. The user's code is a dataset's `digest`."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from octet.errors import DatasetError, StageDied
from octet.job import Job
from pipeline.inputs import snapshot
from pipeline.process import child, scratch
from pipeline.process.child_exit import Unexpected
from pipeline.stage_specs import DIGEST
from tests.pipeline.process.test_child import PREAMBLE, gone

ROOT = Path(__file__).resolve().parents[3]
IMPORTS = """
import sys
sys.path.insert(0, {!r})
from pathlib import Path
from tests.pipeline.process import test_endings as t
from pipeline.process import child
"""
DATASET = """
import sys, threading, time

def load():
    raise AssertionError("only the digest is asked for")

def digest(part):
{}
    return "0" * 64
"""


def job_of(folder, body):
    (folder / "mine.py").write_text(DATASET.format("\n".join("    " + line for line in body.splitlines())))
    return Job(stage=DIGEST, settings={"data": {"dataset": "./mine.py", "args": {}}, "parts": ["test"]}, inputs={},
               output=str(folder / "out"), recipe_folder=str(folder), origin=str(ROOT))


def run(folder, body, log=None, **said):
    return child.run(job_of(folder, body), lambda *progress: None, log or folder / "log.txt", door_of(folder), **said)


def door_of(folder):
    """Runs the real `tasks` from a private copy of the source."""
    sections = {"data": {"dataset": "./mine.py", "args": {}}, "model": {"build": "lenet", "weights": None}}
    return snapshot._trees(sections, folder, ROOT, (DIGEST,))[DIGEST].write


def run_small(folder, code, report=lambda *progress: None, settings=None):
    """Runs a small script with `code` instead of `tasks`."""
    job = Job("train_float", settings or {}, {}, str(folder / "out"), "")
    command = (sys.executable, "-I", "-c", PREAMBLE + code)
    return child.run(job, report, folder / "log.txt", write_source=lambda source: command)


def test_work_that_is_done_waits_for_no_thread(tmp_path):
    started = time.monotonic()
    assert run(tmp_path, "threading.Thread(target=time.sleep, args=(600,)).start()") == {"test": "0" * 64}
    assert time.monotonic() - started < 10


def test_a_process_that_stays_after_its_result_is_killed(tmp_path):
    started = time.monotonic()
    metrics = run_small(tmp_path, "say(metrics={'pid': os.getpid()}); time.sleep(600)")
    assert time.monotonic() - started < 20 and gone(metrics["pid"])


@pytest.mark.parametrize("code, said", [("input('which part? ')", "EOFError"), ("breakpoint()", "no terminal"),
                                        ("import pdb; pdb.set_trace()", "BdbQuit"), ("sys.exit(0)", "SystemExit"),
                                        ("raise KeyboardInterrupt", "KeyboardInterrupt")])
def test_user_code_that_asks_or_leaves_is_an_error_with_its_line(tmp_path, code, said):
    with pytest.raises(Exception) as caught:
        run(tmp_path, code)
    assert said in str(caught.value) and "mine.py" in str(caught.value)
    assert not isinstance(caught.value, (StageDied, Unexpected))


def test_silence_is_reported_with_the_line_that_runs(tmp_path, monkeypatch):
    monkeypatch.setattr(child, "QUIET_S", 3.0)
    told = []

    def wait(message):
        told.append(message)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, "while True: time.sleep(0.1)", on_wait=wait)
    assert re.search(r"no report for 3 s; still at .*mine\.py:8 in digest", told[0])


def test_progress_that_cannot_be_shown_does_not_end_the_work(tmp_path):
    def full(*said):
        raise OSError(28, "No space left on device")

    assert run_small(tmp_path, "say(progress=0.1); say(progress=0.2); say(metrics={'a': 1})", full) == {"a": 1}


def test_a_log_on_a_full_disk_ends_no_work(tmp_path):
    code = "print('x' * 100000, flush=True)\nsys.stderr.write('y' * 100000)\nprint('\\ud800')"
    assert run(tmp_path, code, log=Path("/dev/full")) == {"test": "0" * 64}


def test_a_lack_of_memory_is_reported_with_the_memory_available_and_used(tmp_path):
    with pytest.raises(StageDied, match="MemoryError") as caught:
        run(tmp_path, "kept = bytearray(200 << 20)\nbytearray(1 << 60)")
    taken = re.search(r"took up to (\d+\.\d) MB of memory; the machine has [\d.]+ GB", caught.value.why)
    assert 200 < float(taken.group(1)) < 1000
    assert "make smaller" in caught.value.next_step


def test_openblas_sends_an_interrupt_where_it_gets_no_thread(tmp_path):
    code = ("import os, signal\n"
            "os.write(2, b'OpenBLAS blas_thread_init: pthread_create failed for thread 1 of 2: '\n"
            "            b'Resource temporarily unavailable\\n')\n"
            "os.kill(os.getpid(), signal.SIGINT)\nimport time; time.sleep(5)")
    with pytest.raises(StageDied, match="ran out of memory") as caught:
        run(tmp_path, code)
    assert "pthread_create failed" in caught.value.why and "the machine has" in caught.value.why


def test_a_kill_is_reported_with_the_memory_used(tmp_path):
    with pytest.raises(StageDied, match="SIGKILL") as caught:
        run(tmp_path, "kept = b'1' * (200 << 20)\nimport os; os.kill(os.getpid(), 9)")
    assert 200 < float(re.search(r"took up to (\d+\.\d) MB", caught.value.why).group(1)) < 1000


def test_a_full_disk_moves_no_temporary_folder(tmp_path):
    """Python uses another temporary folder if it cannot write to TMPDIR. Then the private source would seem to be
    elsewhere."""
    assert run(tmp_path, "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))") == {"test": "0" * 64}


@pytest.mark.parametrize("put", [lambda log, canary: log.symlink_to(canary), lambda log, canary: os.mkfifo(str(log))],
                         ids=["link", "fifo"])
def test_a_log_that_is_no_file_is_not_opened(tmp_path, put):
    canary, log = tmp_path / "canary", tmp_path / "log.txt"
    canary.write_text("kept")
    put(log, canary)
    with pytest.raises(OSError):
        run(tmp_path, "pass", log=log)
    assert canary.read_text() == "kept"


def test_a_limited_address_space_is_named(tmp_path):
    job_of(tmp_path, "bytearray(1 << 31)")
    code = IMPORTS.format(str(ROOT)) + "t.run(Path({!r}), 'bytearray(1 << 31)')".format(str(tmp_path))
    done = subprocess.run(["bash", "-c", 'ulimit -v 1500000; exec "$@"', "bash", sys.executable, "-c", code],
                          capture_output=True, text=True, cwd=str(ROOT))
    assert "`ulimit -v` allows 1.5 GB of address space" in done.stderr, done.stderr
    assert "MemoryError" in done.stderr


def test_a_batch_that_needs_too_much_is_named(tmp_path):
    code = "print(\"terminate called after throwing an instance of 'std::bad_alloc'\", flush=True); os.abort()"
    with pytest.raises(StageDied, match="SIGABRT: it ran out of memory") as caught:
        run_small(tmp_path, code, settings={"train": {"batch_size": 512}})
    assert "train.batch_size (now 512)" in caught.value.next_step


def test_a_pipe_that_user_code_closes_is_named(tmp_path):
    with pytest.raises(StageDied, match="exit code 1") as caught:
        run(tmp_path, "import os; os.closerange(3, 100)")
    assert "pipe to the parent was closed" in caught.value.why


def test_the_frames_of_a_traceback_stay_in_the_log(tmp_path):
    with pytest.raises(StageDied, match="exit code 1") as caught:
        run_small(tmp_path, "def f():\n    raise ValueError('odd')\nf()")
    assert caught.value.why == "ValueError: odd" and "Traceback" in (tmp_path / "log.txt").read_text()


def test_an_internal_fault_is_one_line_with_the_path_of_its_traceback(tmp_path):
    job = job_of(tmp_path, "pass")
    job = job._replace(settings={"data": job.settings["data"]})  # without the four parts of an error
    with pytest.raises(Unexpected, match="KeyError: 'parts'") as caught:
        child.run(job, lambda *said: None, tmp_path / "log.txt", door_of(tmp_path))
    assert caught.value.exit_code == 1 and "report" in caught.value.next_step
    assert str(tmp_path / "log.txt") in caught.value.next_step
    assert "Traceback" in (tmp_path / "log.txt").read_text()


def test_a_fault_in_user_code_is_reported_as_such(tmp_path):
    with pytest.raises(DatasetError, match="ZeroDivisionError"):
        run(tmp_path, "1 / 0")


def test_rubbish_in_the_pipe_harms_nothing(tmp_path):
    code = "import os\nfor fd in range(3, 20):\n    try:\n        os.write(fd, b'\\xff rubbish\\n[1]\\n')\n" \
           "    except OSError:\n        pass"
    assert run(tmp_path, code) == {"test": "0" * 64}


def test_an_interrupt_while_a_process_starts_leaves_nothing(tmp_path):
    code = IMPORTS.format(str(ROOT)) + (
        "try:\n    print('ready', flush=True)\n    while True:\n        t.run(Path({!r}), 'time.sleep(0.1)')\n"
        "except KeyboardInterrupt:\n    sys.exit(130)").format(str(tmp_path))
    for moment in range(12):
        run = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               cwd=str(ROOT), start_new_session=True)
        assert run.stdout.readline() == "ready\n"
        time.sleep(0.001 + 0.017 * moment)
        os.killpg(run.pid, signal.SIGINT)
        said = run.communicate(timeout=20)[1]
        assert (run.returncode, said) == (130, "")
        assert not list(tmp_path.glob("*.tmp"))


HOLD = """
import sys, time
sys.path.insert(0, {!r})
from pipeline.process import scratch
with scratch.folder("check", "test") as folder:
    print(folder, flush=True)
    time.sleep(60)
"""


def test_folders_of_killed_checks_are_swept_and_those_of_living_ones_are_not(tmp_path, monkeypatch):
    held = [subprocess.Popen([sys.executable, "-c", HOLD.format(str(ROOT))], stdout=subprocess.PIPE, text=True,
                             env=dict(os.environ, TMPDIR=str(tmp_path))) for _ in range(2)]
    dead, living = [Path(process.stdout.readline().strip()) for process in held]
    held[0].kill()
    held[0].wait()
    canary = tmp_path / "canary"
    canary.mkdir()
    (canary / "kept").write_text("kept")
    (dead / "link").symlink_to(canary)
    (tmp_path / "octet-locked-check-link").symlink_to(canary)
    # Earlier versions named folders like this and did not lock them, even in use.
    (tmp_path / "octet-check-live").mkdir()
    monkeypatch.setattr(scratch.tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with scratch.folder("check", "test") as folder:
        assert folder.parent == tmp_path
        assert not dead.exists() and living.exists() and (tmp_path / "octet-check-live").exists()
    held[1].kill()
    held[1].wait()
    assert (canary / "kept").read_text() == "kept" and not folder.exists()
