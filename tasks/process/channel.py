"""How a stage's process speaks to its parent: lines of JSON through a pipe."""

import json
import os
import sys
import threading
from types import FrameType
from typing import Optional

from tasks.source_guard import private_source, user_code

LOOK_EVERY_S = 2.0
# Held from the start: user code may replace what is in these modules.
_write, _dumps = os.write, json.dumps


class Channel:
    """The pipe to the parent. What is said through it is whole lines, from whichever thread."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        os.set_inheritable(descriptor, False)
        self._one_at_a_time = threading.Lock()

    def say(self, **message) -> None:
        """Sends one message. Raises OSError where the pipe is closed: by the parent's end, or by user code."""
        left = _dumps(message).encode("utf-8") + b"\n"
        with self._one_at_a_time:
            while left:
                left = left[_write(self.descriptor, left):]

    def progress(self, fraction: float, text: str) -> None:
        """Sends how far the work is. A report that cannot be sent is no reason to end the work."""
        try:
            self.say(progress=fraction, message=text)
        except OSError:
            pass

    def watch(self) -> None:
        """From now on, says now and then which line of the source the main thread is at."""
        threading.Thread(target=self._watch, args=(threading.main_thread().ident,), daemon=True).start()

    def _watch(self, thread: int) -> None:
        pause, said = threading.Event(), None
        while not pause.wait(LOOK_EVERY_S):
            at = place(sys._current_frames().get(thread))
            if at and at != said:
                try:
                    self.say(at=private_source.original(at))
                except OSError:
                    return
                said = at


def place(frame: Optional[FrameType]) -> Optional[str]:
    """'FILE:LINE in FUNCTION' of the innermost call of source that can be edited: the user's, else Octet's."""
    ours = None
    while frame is not None:
        path = frame.f_code.co_filename
        at = "{}:{} in {}".format(path, frame.f_lineno, frame.f_code.co_name)
        if user_code.is_users(path):
            return at
        if user_code.is_ours(path):
            ours = ours or at
        frame = frame.f_back
    return ours
