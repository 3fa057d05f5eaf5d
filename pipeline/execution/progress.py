"""How far a stage is: a bar in a terminal, plain lines in a log. What is reported at 100 % stays to be read."""

import multiprocessing
import os
import sys
import time
from typing import Optional, TextIO

EVERY_S = 5.0
EVERY_FRACTION = 0.1


def on_terminal(name: str, stream: Optional[TextIO] = None):
    """A context manager that gives `report(fraction, message)`, which shows on `stream` (stderr)."""
    stream = stream or sys.stderr
    # Two forks of Luigi would draw their bars over each other; their lines only follow each other.
    is_fork = multiprocessing.current_process().name != "MainProcess"
    can_draw = stream.isatty() and os.environ.get("TERM", "dumb") != "dumb"
    return Bar(name, stream) if can_draw and not is_fork else Lines(name, stream)


class Bar:
    """A bar that moves."""

    def __init__(self, name: str, stream: TextIO) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
        self.progress = Progress(TextColumn("{task.fields[stage]:<22}"), BarColumn(),
                                 TextColumn("{task.percentage:>3.0f} %"), TimeElapsedColumn(),
                                 TextColumn("{task.description}", markup=False),
                                 console=Console(file=stream))
        self.name = name

    def __enter__(self):
        self.progress.start()
        self.task = self.progress.add_task("", total=1.0, stage=self.name)
        return self

    def __call__(self, fraction: float, message: str = "") -> None:
        self.progress.update(self.task, completed=fraction, description=message)
        if fraction >= 1 and message:
            self.progress.console.print("{}: {}".format(self.name, message), markup=False, highlight=False)

    def __exit__(self, kind, *error) -> None:
        if kind is None:
            self.progress.update(self.task, completed=1.0, description="done")
        else:
            self.progress.update(self.task, description="stopped")
        self.progress.stop()


class Lines:
    """A line now and then: for the first report, those at 100 %, and each tenth that is 5 s after another."""

    def __init__(self, name: str, stream: TextIO, clock=time.monotonic) -> None:
        self.name, self.stream, self.clock = name, stream, clock
        self.shown_at, self.shown, self.line = None, 0.0, ""

    def __enter__(self):
        self.started = self.clock()
        self._write("started")
        return self

    def __call__(self, fraction: float, message: str = "") -> None:
        now = self.clock()
        first = self.shown_at is None
        due = first or (now - self.shown_at >= EVERY_S and fraction - self.shown >= EVERY_FRACTION)
        line = "{:.0f} %  {}".format(100 * fraction, message).rstrip()
        if due or (fraction >= 1 and line != self.line):
            self.shown_at, self.shown, self.line = now, fraction, line
            self._write(line)

    def __exit__(self, kind, *error) -> None:
        how = "stopped" if kind else "done"
        self._write("{} after {:.1f} s".format(how, self.clock() - self.started))

    def _write(self, text: str) -> None:
        self.stream.write("{}: {}\n".format(self.name, text))  # in one piece, among other processes
        self.stream.flush()
