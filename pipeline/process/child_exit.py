"""The error for a stage's process that ended without a result."""

import signal
from pathlib import Path
from typing import List

from octet.errors import OctetError, StageDied
from octet.job import Job
from octet.memory_limits import memory
from pipeline.process import memory_message

LOG_TAIL_LINES = 15


class Unexpected(OctetError):
    """A fault of Octet itself. Its next step names the file with the traceback. Exit code 1."""


def unexpected(job: Job, what: str, log_path: Path) -> Unexpected:
    """The error for an unexpected exception in the stage. what: the exception in one line; its traceback is in the
    log."""
    return Unexpected("stopped on an unexpected error: {}".format(what), where=job.stage,
                      why="this is a fault of Octet, not of the recipe",
                      next_step="the traceback is in {}: please report it, with that file".format(log_path))


def died(job: Job, exit_code: int, used: str, log_path: Path) -> StageDied:
    """The error for a process that ended without a report.

    exit_code: minus the signal's number if a signal killed it. used: the text of `memory_message.describe`."""
    if exit_code < 0:
        how = "the process was killed by {}".format(signal.Signals(-exit_code).name)
    elif exit_code > 0:
        how = "the process ended with exit code {}".format(exit_code)
    else:
        how = "the process ended without reporting a result"
    lines = log_path.read_text(encoding="utf-8", errors="replace").splitlines()
    tail = _without_traceback([line for line in lines if line.strip()][-LOG_TAIL_LINES:])
    if any(sign in line for line in tail for sign in memory_message.SIGNS):
        return out_of_memory(job, how + ": it ran out of memory", "\n".join(tail + [used]), log_path)
    if exit_code == -signal.SIGKILL:
        return out_of_memory(job, how + ": it may have run out of memory", "\n".join(tail + [
            used, "if nobody else sent the signal, the kernel did, because memory ran out (see `dmesg`)"]), log_path)
    # Under `ulimit -v`, a library whose allocation fails may crash with any signal.
    if exit_code < 0 and memory().address_space is not None:
        return out_of_memory(job, how + ": it may have run out of memory", "\n".join(tail + [used]), log_path)
    return StageDied(how, where=job.stage, why="\n".join(tail) or "it wrote nothing", next_step=whole_log(log_path))


def openblas_got_no_thread(log_path: Path) -> bool:
    """Whether the log says that OpenBLAS could not start a thread, for lack of memory or because of `ulimit -u`.

    OpenBLAS then sends SIGINT to its own process."""
    return "blas_thread_init: pthread_create failed" in log_path.read_text(encoding="utf-8", errors="replace")


def _without_traceback(lines: List[str]) -> List[str]:
    """The lines without the frames of tracebacks. The lines that name the exceptions are kept."""
    kept, inside = [], False
    for line in lines:
        inside = line.startswith("Traceback (") or inside and line.startswith(" ")
        if not inside:
            kept.append(line)
    return kept


def out_of_memory(job: Job, what: str, why: str, log_path: Path) -> StageDied:
    """The error for a process that ran out of memory. Its next step names settings that reduce the memory."""
    smaller = ["{}.batch_size (now {})".format(section, values["batch_size"])
               for section, values in sorted(job.settings.items())
               if isinstance(values, dict) and "batch_size" in values and job.stage.startswith("train")]
    smaller += ["the network (model.args)", "its input (the size of the pictures)"]
    return StageDied(what, where=job.stage, why=why, next_step="make smaller: {}; or give it more memory\n{}".format(
        ", ".join(smaller), whole_log(log_path)))


def whole_log(path: Path) -> str:
    """The line that names the log, for an error's next step."""
    return "the whole log: {}".format(path)
