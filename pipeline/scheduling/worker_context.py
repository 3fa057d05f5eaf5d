"""The process that Luigi runs a stage in: the command's own process or, with several workers, a fork of it."""

import os
import signal
import sys
from typing import Any

from pipeline.process import new_process
from pipeline.terminal import streams

CONTEXT = "pipeline.scheduling.worker_context.StageProcess"
"""The value of Luigi's setting `[worker] task_process_context`."""


class StageProcess:
    """A context manager around a stage's run. A fork dies with the command, and an interrupt prints no traceback.

    process: Luigi's `luigi.worker.TaskProcess`."""

    def __init__(self, process: Any) -> None:
        self.process = process
        self.is_fork = process.use_multiprocessing

    def __enter__(self) -> "StageProcess":
        if self.is_fork:
            new_process.die_with_parent(self.process._parent_pid)()
            # Ctrl-C reaches the whole process group. Forks ignore it: the command ends them with SIGTERM.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        return self

    def __exit__(self, kind: object, error: object, traceback: object) -> None:
        if self.is_fork:
            streams.finish()
        if not isinstance(error, KeyboardInterrupt):
            return
        if self.is_fork:
            sys.stderr.flush()
            os._exit(128 + signal.SIGTERM)  # multiprocessing would print a traceback
        # Luigi has put a result into its queue and will close the queue. Without this, the queue's thread might still
        # be writing and would print an error.
        self.process.result_queue.get(timeout=5)
