"""Shows the progress of a stage: a bar in a terminal, lines in a log. A message reported at 100 % stays visible."""

import multiprocessing
import os
import sys
import time
from typing import Callable, Optional, TextIO, Union

EVERY_S = 5.0
EVERY_FRACTION = 0.1


def on_terminal(name: str, stream: Optional[TextIO] = None) -> "Union[Bar, Lines]":
    """A context manager that yields `report(fraction, message)`, which writes to `stream` (by default stderr)."""
    stream = stream or sys.stderr
    # Bars of two Luigi workers would overwrite each other; lines do not.
    is_fork = multiprocessing.current_process().name != "MainProcess"
    can_draw = stream.isatty() and os.environ.get("TERM", "dumb") != "dumb"
    return Bar(name, stream) if can_draw and not is_fork else Lines(name, stream)


class Bar:
    """A progress bar in a terminal, redrawn in place."""

    def __init__(self, name: str, stream: TextIO) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
        self.progress = Progress(TextColumn("{task.fields[stage]:<22}"), BarColumn(),
                                 TextColumn("{task.percentage:>3.0f} %"), TimeElapsedColumn(),
                                 TextColumn("{task.description}", markup=False),
                                 console=Console(file=stream))
        self.name = name

    def __enter__(self) -> "Bar":
        self.progress.start()
        self.task = self.progress.add_task("", total=1.0, stage=self.name)
        return self

    def __call__(self, fraction: float, message: str = "") -> None:
        self.progress.update(self.task, completed=fraction, description=message)
        if fraction >= 1 and message:
            self.progress.console.print("{}: {}".format(self.name, message), markup=False, highlight=False)

    def __exit__(self, kind: Optional[type], *error: object) -> None:
        if kind is None:
            self.progress.update(self.task, completed=1.0, description="done")
        else:
            self.progress.update(self.task, description="stopped")
        self.progress.stop()


class Lines:
    """Progress as lines: for the first report, for reports at 100 %, and for each report that is at least
    EVERY_FRACTION and EVERY_S after the last line."""

    def __init__(self, name: str, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self.name, self.stream, self.clock = name, stream, clock
        self.shown_at: Optional[float] = None
        self.shown, self.line = 0.0, ""

    def __enter__(self) -> "Lines":
        self.started = self.clock()
        self._write("started")
        return self

    def __call__(self, fraction: float, message: str = "") -> None:
        now = self.clock()
        due = self.shown_at is None or (
            now - self.shown_at >= EVERY_S and fraction - self.shown >= EVERY_FRACTION)
        line = "{:.0f} %  {}".format(100 * fraction, message).rstrip()
        if due or (fraction >= 1 and line != self.line):
            self.shown_at, self.shown, self.line = now, fraction, line
            self._write(line)

    def __exit__(self, kind: Optional[type], *error: object) -> None:
        how = "stopped" if kind else "done"
        self._write("{} after {:.1f} s".format(how, self.clock() - self.started))

    def _write(self, text: str) -> None:
        self.stream.write("{}: {}\n".format(self.name, text))  # one write: other processes write to the stream too
        self.stream.flush()
