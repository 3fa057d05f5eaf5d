"""Sends a stage's reports to the parent process: lines of JSON through a pipe."""

import json
import os
import sys
import threading
from types import FrameType
from typing import Any, Optional

from tasks.source_guard import private_source, source_origin

PLACE_EVERY_S = 2.0  # seconds between two looks at the line of source that runs
# Bound at import: user code may replace the functions of these modules.
_write, _dumps = os.write, json.dumps


class Channel:
    """The pipe to the parent. Threads may send concurrently; lines are not mixed."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        os.set_inheritable(descriptor, False)
        self._one_at_a_time = threading.Lock()

    def say(self, **message: Any) -> None:
        """Sends one message. Raises OSError where the parent or user code has closed the pipe."""
        left = _dumps(message).encode("utf-8") + b"\n"
        with self._one_at_a_time:
            while left:
                left = left[_write(self.descriptor, left):]

    def progress(self, fraction: float, text: str) -> None:
        """Sends the share of the work that is done. A report that cannot be sent is dropped."""
        try:
            self.say(progress=fraction, message=text)
        except OSError:
            pass

    def watch(self) -> None:
        """Starts a thread that reports which line of source the main thread runs, whenever that changes."""
        threading.Thread(target=self._watch, args=(threading.main_thread().ident,), daemon=True).start()

    def _watch(self, thread: int) -> None:
        pause = threading.Event()
        reported: Optional[str] = None
        while not pause.wait(PLACE_EVERY_S):
            at = place(sys._current_frames().get(thread))
            if at and at != reported:
                try:
                    self.say(at=private_source.original(at))
                except OSError:
                    return
                reported = at


def place(frame: Optional[FrameType]) -> Optional[str]:
    """'FILE:LINE in FUNCTION' of the innermost frame in the user's source, else of the innermost one in Octet's source;
    None where there is neither."""
    ours = None
    while frame is not None:
        path = frame.f_code.co_filename
        at = "{}:{} in {}".format(path, frame.f_lineno, frame.f_code.co_name)
        if source_origin.is_users(path):
            return at
        if source_origin.is_ours(path):
            ours = ours or at
        frame = frame.f_back
    return ours
