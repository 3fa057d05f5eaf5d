"""One stage's work in a process of its own, which never outlives this one.

Whichever of us is killed, nothing is left running:

- we are: the kernel kills the stage's process (PR_SET_PDEATHSIG), which also watches its job pipe;
- it is: we kill its group, and with it toco and whatever else it has started;
- both are, at one moment, or it dies first: its session has a controlling terminal, a pty that
  nobody reads. When the session's leader dies, or our end of the pty closes, the kernel hangs up
  on the group. PR_SET_PDEATHSIG would not reach toco: TensorFlow starts it, through a shell.
"""

import ctypes
import fcntl
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import termios
from pathlib import Path
from typing import Callable, Dict, Optional, Sequence, Tuple

from octet import errors
from octet.job import Job, Progress
from pipeline import child_environment

LOG_TAIL_LINES = 15
POLL_S = 0.2
PR_SET_PDEATHSIG = 1
SOURCE = "source"  # in the scratch folder: what the process imports
# Temporary files go beside the output, under a name that the store sweeps after a kill.
SCRATCH = ".scratch.tmp"
# Loaded here, not in the new process: between fork and exec nothing may take the loader's lock.
LIBC = ctypes.CDLL(None, use_errno=True)


def run(job: Job, on_progress: Progress, log_path: Path, door: Callable[[Path], Sequence[str]]) -> Dict:
    """The metrics of `job`, done in a new process that is gone, with all below it, on return.

    `door` writes the source of the process into a new folder (`SourceTree.write`), and gives the command that starts
    it: one that speaks the protocol of `tasks/__main__.py`. It gets one more argument, the number of the descriptor
    it reports to. Its stdout and stderr go to `log_path`.
    Raises the OctetError that the process reports, StageDied when it ends without a word.
    """
    log_path.parent.mkdir(parents=True, exist_ok=True)
    ours, theirs = _channels()
    reports, scratch = ours[0], Path(job.output + SCRATCH)
    try:
        scratch.mkdir()
        command = list(door(scratch / SOURCE))
        with log_path.open("wb") as log:
            process = subprocess.Popen(
                command + [str(theirs[0])], stdin=subprocess.PIPE, stdout=log, stderr=log,
                pass_fds=theirs, start_new_session=True, env=_environment(scratch),
                preexec_fn=_lead_session(os.getpid(), theirs[1]))
    except BaseException:
        _close_all(ours)
        raise
    finally:
        _close_all(theirs)
    try:
        _send(process, job)
        heard = _listen(process, reports, on_progress)
    finally:
        # The leader is not reaped yet, so the number of its group cannot be anybody else's.
        os.killpg(process.pid, signal.SIGKILL)
        exit_code = process.wait()
        _close(process.stdin)
        _close_all(ours)
        shutil.rmtree(str(scratch), ignore_errors=True)
    if heard.error is not None:
        raise heard.error
    if exit_code != 0 or heard.metrics is None:
        raise _died(job, exit_code, log_path)
    return heard.metrics


class _Heard:
    """What a stage's process has said so far."""

    def __init__(self, on_progress: Progress) -> None:
        self.on_progress = on_progress
        self.metrics: Optional[Dict] = None
        self.error: Optional[errors.OctetError] = None

    def line(self, text: bytes) -> None:
        said = json.loads(text.decode("utf-8"))
        if "progress" in said:
            self.on_progress(float(said["progress"]), said.get("message", ""))
        if "metrics" in said:
            self.metrics = said["metrics"]
        if "error" in said:
            self.error = errors.from_json(said["error"])


def die_with_parent(parent: int) -> Callable[[], None]:
    """A function to call in a new process: from then on it dies when the thread that made it does."""
    def ask() -> None:
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # it died between the fork and the request
            os.kill(os.getpid(), signal.SIGKILL)
    return ask


def _channels() -> Tuple[Tuple[int, int], Tuple[int, int]]:
    """(ours, theirs): of each the descriptors of the pipe for reports and of the pty."""
    pipe = os.pipe()
    try:
        pty = os.openpty()
    except OSError as error:
        _close_all(pipe)
        raise errors.OctetError(
            "no pseudo-terminal can be opened: {}".format(error.strerror), where="/dev/ptmx",
            why="without one, a stage's process that is killed would leave toco running",
            next_step="mount devpts at /dev/pts, or end some of the terminals that are open") from error
    return (pipe[0], pty[0]), (pipe[1], pty[1])


def _lead_session(parent: int, terminal: int) -> Callable[[], None]:
    """For a new process that is the leader of a session: it dies with us, and its group with it."""
    dies = die_with_parent(parent)

    def ask() -> None:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)  # `nohup luigi` has it ignored
        fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
        dies()
    return ask


def _close_all(descriptors: Sequence[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)


def _environment(scratch: Path) -> Dict[str, str]:
    # toco is found through PATH, and under cron the environment's folder is not on it. What it is
    # given goes through temporary files, which TensorFlow removes unless it is killed. Keras reads keras.json, which
    # changes results, from KERAS_HOME.
    here = os.path.dirname(sys.executable)
    return dict(child_environment.passed_on(), PATH=os.pathsep.join([here, os.environ.get("PATH", os.defpath)]),
                TMPDIR=str(scratch), KERAS_HOME=str(scratch / "keras"))


def _send(process: subprocess.Popen, job: Job) -> None:
    try:
        process.stdin.write(job.to_json().encode("utf-8") + b"\n")
        process.stdin.flush()  # and stays open: its end tells the process that we are gone
    except BrokenPipeError:
        pass  # it died at once; the exit code and the log say why


def _close(stream) -> None:
    try:
        stream.close()
    except BrokenPipeError:
        pass


def _listen(process: subprocess.Popen, reports: int, on_progress: Progress) -> _Heard:
    """All that the process says until it ends. Leaves it unreaped."""
    heard, rest = _Heard(on_progress), b""
    while True:
        # A grandchild may hold the pipe open, so its end is no sign; the process's own end is.
        ended = _has_ended(process.pid)
        while select.select([reports], [], [], 0 if ended else POLL_S)[0]:
            chunk = os.read(reports, 65536)
            if not chunk:
                _wait_for_end(process.pid)
                return heard
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                heard.line(line)
        if ended:
            return heard


def _has_ended(pid: int) -> bool:
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None


def _wait_for_end(pid: int) -> None:
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)


def _died(job: Job, exit_code: int, log_path: Path) -> errors.StageDied:
    if exit_code < 0:
        how = "was killed by {}".format(signal.Signals(-exit_code).name)
    elif exit_code > 0:
        how = "ended with exit code {}".format(exit_code)
    else:
        how = "ended without reporting a result"
    tail = log_path.read_text(encoding="utf-8", errors="replace").splitlines()[-LOG_TAIL_LINES:]
    next_step = "the whole log: {}".format(log_path)
    if exit_code == -signal.SIGKILL:
        next_step = ("was it short of memory (the kernel kills what takes too much: see `dmesg`)? "
                     "A smaller batch_size takes less\n" + next_step)
    elif any("MemoryError" in line for line in tail):
        next_step = "it ran out of memory: a smaller batch_size takes less\n" + next_step
    return errors.StageDied("the process {}".format(how), where=job.stage,
                            why="\n".join(tail) or "it wrote nothing", next_step=next_step)
