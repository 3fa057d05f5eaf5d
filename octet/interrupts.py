"""Work that no interrupt may come into the middle of."""

import os
import signal
import threading
from contextlib import contextmanager
from typing import Iterator, List


@contextmanager
def held() -> Iterator[None]:
    """SIGINT and SIGTERM that come while the block runs are heard at its end, by the handlers that were there before.

    In a thread other than the main one nothing changes: Python runs handlers in the main thread alone."""
    came: List[int] = []
    handlers = {}
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            handlers[number] = signal.signal(number, lambda number, frame: came.append(number))
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        if came:
            os.kill(os.getpid(), came[0])
