"""Turns an unexpected exception into an OctetError, and writes its traceback to a file for a report."""

import os
import platform
import sys
import tempfile
import traceback
from typing import Optional

from octet.errors import OctetError
from pipeline.terminal import out_of_memory


def explained(error: BaseException, where: str) -> OctetError:
    """The OctetError for `error`. Writes the traceback to a file. Returns an OctetError unchanged. A lack of memory has
    an error of its own; raises MemoryError if that error cannot be created.

    where: the command, or the stage."""
    if isinstance(error, OctetError):
        return error
    if out_of_memory.is_lack_of_memory(error):
        return out_of_memory.explained(where)
    lines = str(error).strip().splitlines()
    machine = os.uname()  # `platform.platform()` would start a process for the same information
    text = "{}\nPython {}, {} {} {}\n\n{}".format(
        " ".join(sys.argv), platform.python_version(), machine.sysname, machine.release, machine.machine,
        "".join(traceback.format_exception(type(error), error, error.__traceback__)))
    path = _write_report(text)
    return OctetError("unexpected {}".format(": ".join([type(error).__name__] + lines[:1])), where=where,
                      why="Octet does not know this error",
                      next_step="please report it, with the traceback in {}".format(path) if path else
                      "please report it, with this traceback, which could not be written to a file:\n" + text)


def _write_report(text: str) -> Optional[str]:
    """The path of a new temporary file with the text; None if none can be written."""
    try:
        descriptor, path = tempfile.mkstemp(prefix="octet-error-", suffix=".txt")
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as out:
            out.write(text)
        return path
    except OSError:
        return None
