"""Signals that wait while a new process is started."""

import os
import signal
import threading
from typing import Any, Dict, List


class HeldInterrupts:
    """Holds SIGINT and SIGTERM back until `release`.

    An exception between the start of a process and the `try` that ends it would leave the process running. In the
    new process, before its exec, it would print a traceback."""

    def __init__(self) -> None:
        self.held: List[int] = []
        self.handlers: Dict[int, Any] = {}
        if threading.current_thread() is threading.main_thread():  # Python runs handlers in no other thread
            for number in (signal.SIGINT, signal.SIGTERM):
                self.handlers[number] = signal.signal(number, lambda number, frame: self.held.append(number))

    def release(self) -> None:
        """Restores the handlers, and sends this process the signal that was held back."""
        handlers, self.handlers = self.handlers, {}
        for number, handler in handlers.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        if self.held:
            os.kill(os.getpid(), self.held.pop(0))
