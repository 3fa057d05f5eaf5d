"""The process that Luigi runs a stage in: the command's own or, with several workers, a fork of it."""

import os
import signal
import sys

from pipeline.process import child
from pipeline.terminal import streams

CONTEXT = "pipeline.scheduling.worker_context.StageProcess"
"""For Luigi's setting `[worker] task_process_context`."""


class StageProcess:
    """Around a stage's run: it ends with the command, and without a traceback when interrupted."""

    def __init__(self, process) -> None:
        self.process = process
        self.is_fork = process.use_multiprocessing

    def __enter__(self) -> "StageProcess":
        if self.is_fork:
            child.die_with_parent(self.process._parent_pid)()
            # Ctrl-C reaches the whole group. The command decides, and then ends us with SIGTERM.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        return self

    def __exit__(self, kind, error, trace) -> None:
        if self.is_fork:
            streams.finish()
        if not isinstance(error, KeyboardInterrupt):
            return
        if self.is_fork:
            sys.stderr.flush()
            os._exit(128 + signal.SIGTERM)  # multiprocessing would print a traceback
        # Luigi has put a result into its queue and will close it; the queue's thread would still be
        # writing, and complain.
        self.process.result_queue.get(timeout=5)
