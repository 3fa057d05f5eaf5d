"""The entry point of a stage's process: it reads one job, and writes reports as lines of JSON.

    python -I tasks/__main__.py REPORTS JOBS

REPORTS and JOBS are the file descriptors of two pipes. The job is the first line of JOBS. The parent keeps JOBS open
while it lives; at the end of JOBS, this process kills its process group and itself. Standard input is /dev/null: user
code that asks for input fails instead of waiting for ever.
"""

import importlib
import json
import os
import signal
import sys
import tempfile
import threading
from typing import Any

# The packages beside this file, which are a private copy, come before installed ones.
OURS = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
sys.path.insert(0, OURS)

from tasks.source_guard import uncached_source  # noqa: E402

uncached_source.install(os.path.dirname(OURS))

from octet.job import Job  # noqa: E402
from tasks import log  # noqa: E402
from tasks.process import channel, failure_message  # noqa: E402
from tasks.source_guard import file_guard, loaded_sources, private_source, watched_functions  # noqa: E402


def _die_with_parent(jobs: int) -> None:
    while os.read(jobs, 65536):
        pass
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)


def _refuse_debugger(*args: Any, **kwargs: Any) -> None:
    raise RuntimeError("breakpoint(): a stage's process has no terminal for a debugger")


def _read_job(jobs: int) -> Job:
    line = bytearray()
    while not line.endswith(b"\n"):
        chunk = os.read(jobs, 65536)
        if not chunk:
            raise EOFError("the parent died before it sent the job")
        line += chunk
    return Job.from_json(line.decode("utf-8"))


def main() -> int:
    log.use()
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")  # or one stage would take all memory of a GPU
    sys.breakpointhook = _refuse_debugger
    # The private source is in this folder. Without this line, Python chooses another folder when the disk is full.
    tempfile.tempdir = os.environ.get("TMPDIR")
    reports, jobs = channel.Channel(int(sys.argv[1])), int(sys.argv[2])
    os.set_inheritable(jobs, False)
    job = _read_job(jobs)
    private_source.install(job.origin)
    watched_functions.install()
    threading.Thread(target=_die_with_parent, args=(jobs,), daemon=True).start()
    reports.watch()
    try:
        stage = importlib.import_module("tasks." + job.stage)
        metrics = stage.run(job, reports.progress)
        loaded_sources.check()
        if file_guard.outside:
            metrics = dict(metrics, read_outside_data_path=file_guard.outside)
        result = {"metrics": json.loads(json.dumps(metrics))}
    except BaseException as error:  # user code may raise SystemExit or KeyboardInterrupt
        result = failure_message.message(error, job)
    try:
        reports.say(**result)
    except OSError as error:
        print("the result could not be reported: {}. "
              "The pipe to the parent was closed by the code that ran here".format(error.strerror))
        return 1
    return 0


if __name__ == "__main__":
    try:
        code = main()
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException:
        sys.excepthook(*sys.exc_info())
        code = 1
    os._exit(code)  # other threads may still run; the work is done
