"""Delays SIGINT and SIGTERM during work that they must not interrupt."""

import os
import signal
import threading
from contextlib import contextmanager
from typing import Iterator, List


@contextmanager
def held() -> Iterator[None]:
    """Delays SIGINT and SIGTERM that arrive during the block. At its end, the first one is sent again to this process.

    It has an effect in the main thread only, where Python runs signal handlers."""
    arrived: List[int] = []
    handlers = {}
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            handlers[number] = signal.signal(number, lambda number, frame: arrived.append(number))
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        if arrived:
            os.kill(os.getpid(), arrived[0])
