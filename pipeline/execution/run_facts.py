"""The fields of a run's record: those that are known when it begins, and those of its end."""

from __future__ import annotations

import os
import socket
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Dict, Optional

from pipeline import formatting
from pipeline.execution import run_failures
from pipeline.store.marks import current_user
from pipeline.store.runs import process_identity

if TYPE_CHECKING:
    from pipeline.store.record_types import RunStage, UnnumberedRun


def begun(recipe: Path, target: str, started: str, snapshot: Optional[str], stages: Dict[str, RunStage]
          ) -> UnnumberedRun:
    """The record of a run of this process that has not ended. snapshot: its digest; None for a run without one."""
    return {"recipe": {"name": recipe.stem, "path": str(recipe)}, "target": target, "started": started,
            "snapshot": snapshot, "stages": stages, "finished": None, "exit": None, "error": None,
            "host": socket.gethostname(), "pid": os.getpid(), "process": process_identity(os.getpid()),
            "by": current_user(), "argv": sys.argv[1:]}


def set_end(record: UnnumberedRun, raised: Optional[BaseException]) -> None:
    """Sets the fields of the end to now. raised: the exception that ended the run; None if there was none."""
    record["finished"] = formatting.utc(time.time())
    record["exit"] = 0 if raised is None else run_failures.exit_code(raised)
    record["error"] = None if raised is None else run_failures.first_line(raised)
