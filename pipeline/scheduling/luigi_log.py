"""Filters the log of Luigi, which goes to stderr."""

import logging


def leave_out_reported_errors() -> None:
    """Leaves entries about errors that Octet reports itself out of Luigi's log."""
    logging.getLogger("luigi-interface").addFilter(is_logged)


def is_logged(entry: logging.LogRecord) -> bool:
    """A filter for Luigi's log. It drops entries about errors that Octet reports itself: the event handlers in
    `stage.py` record the errors of tasks and of their scheduling, and other errors end the run."""
    if entry.exc_info:
        return False
    return not str(entry.msg).startswith("Will not run ") or "task-limit" in str(entry.msg)
