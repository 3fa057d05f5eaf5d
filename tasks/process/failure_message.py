"""The message to the parent for an exception that ended a stage."""

import errno
import linecache
import os
import traceback
from typing import Dict, Iterator, Optional, Set

from octet.errors import ModelError, OctetError, StoreError
from octet.job import Job
from tasks.source_guard import private_source, source_origin

DISK_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO}
DISK_FULL = os.strerror(errno.ENOSPC)
SHORT_OF_MEMORY = ("std::bad_alloc", "OOM when allocating", "failed to map segment", "can't start new thread",
                   os.strerror(errno.ENOMEM))


def message(error: BaseException, job: Job) -> Dict[str, str]:
    """The message for the parent: {error: an OctetError as JSON}, {short_of_memory: text} or {unexpected: text}. Prints
    the traceback of an error that is no OctetError and no disk error, to the log."""
    short = next((cause for cause in _chain(error) if _is_short_of_memory(cause)), None)
    if short is not None:
        traceback.print_exception(type(error), error, error.__traceback__)
        return {"short_of_memory": _line(short)}
    if isinstance(error, OctetError):
        return {"error": private_source.with_original_paths(error).to_json()}
    if _is_disk_error(error):
        return {"error": StoreError(
            "cannot write: {}".format(os.strerror(getattr(error, "errno", None) or errno.ENOSPC)),
            where=getattr(error, "filename", None) or job.output, why=str(error),
            next_step="free some space, or set another store in luigi.cfg").to_json()}
    traceback.print_exception(type(error), error, error.__traceback__)
    frame = _users_frame(error)
    if frame is None:
        return {"unexpected": _line(error)}
    return {"error": private_source.with_original_paths(ModelError(
        "your code raised {}".format(_line(error)), where="{}:{}".format(frame.filename, frame.lineno),
        why="{}, called while {} ran".format(
            linecache.getline(frame.filename, frame.lineno or 0).strip() or "in {}".format(frame.name), job.stage),
        next_step="correct it there, and run it again")).to_json()}


def _line(error: BaseException) -> str:
    """'TYPE: the first line of the error's text', with the original paths of the user's files."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [""]
    # TensorFlow puts the whole traceback of a failed import into the message.
    text = lines[0] if "failed to map segment" not in str(error) else next(
        line for line in lines if "failed to map segment" in line)
    return private_source.original("{}: {}".format(type(error).__name__, text) if text else type(error).__name__)


def _chain(error: Optional[BaseException]) -> Iterator[BaseException]:
    """The exception, then its causes."""
    seen: Set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _is_short_of_memory(error: BaseException) -> bool:
    # TensorFlow's errors have no errno; they are recognized by their texts.
    return (isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM or
            any(sign in str(error) for sign in SHORT_OF_MEMORY))


def _is_disk_error(error: BaseException) -> bool:
    return isinstance(error, OSError) and error.errno in DISK_ERRORS or DISK_FULL in str(error)


def _users_frame(error: BaseException) -> Optional[traceback.FrameSummary]:
    """The innermost frame in the user's source; None where there is none."""
    return next((frame for frame in reversed(traceback.extract_tb(error.__traceback__))
                 if source_origin.is_users(frame.filename)), None)
