"""Signals to the command or to a stage's process, at moments of a run and of a check."""

import os
import signal
import time
from typing import Callable, Iterator, List

import psutil

from tests.attacks.situation import CHECK, LUIGI, VERBS, Situation
from tests.attacks.situation_folder import Place
from tests.attacks.substitutes import remove

MOMENTS = (0.0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.3)
SIGNALS = {"INT": (0, 130, 2), "TERM": (0, 143, 15), "HUP": (0, 1, 129), "KILL": (0, 9)}
"""{signal to the command: the correct exit codes, or numbers of signals}. 0: the command had ended before the
signal."""


def situations() -> Iterator[Situation]:
    for name, codes in SIGNALS.items():
        for moment in MOMENTS:
            for verb, command in (("luigi", LUIGI), ("check", CHECK)):
                yield Situation(
                    "{}-at-{}/{}".format(name, moment, verb),
                    command,
                    _unmade,
                    _signal(name, moment),
                    undamaged=True,
                    codes=codes,
                    fresh=True,
                )
            yield Situation(
                "{}-twice-at-{}/luigi".format(name, moment),
                LUIGI,
                _unmade,
                _signal(name, moment, times=2),
                undamaged=True,
                codes=codes,
                fresh=True,
            )
    for name in ("KILL", "TERM", "STOP", "SEGV"):
        for moment in MOMENTS[4:]:
            yield Situation(
                "stage-{}-at-{}/luigi".format(name, moment),
                LUIGI,
                _unmade,
                _signal_to_stage(name, moment),
                undamaged=True,
                codes=None,
                fresh=True,
            )
    for verb in ("verify", "gc-delete", "gc-quarantine", "why"):
        for name in ("INT", "TERM"):
            for moment in (0.05, 0.15, 0.25, 0.35):
                yield Situation(
                    "{}-at-{}/{}".format(name, moment, verb),
                    VERBS[verb],
                    during=_signal(name, moment),
                    codes=(0, 130, 143, 2, 15),
                    fresh=True,
                )


def _unmade(place: Place) -> None:
    for stage in ("TrainFloat", "Freeze", "ConvertUint8"):
        remove(place, place.artifact(stage))


def _signal(name: str, moment: float, times: int = 1) -> Callable[[Place, int], None]:
    def during(place: Place, pid: int) -> None:
        _until_python_runs(pid)
        time.sleep(moment)
        for _ in range(times):
            _send(pid, name)  # not reaped yet, so no other process has the number
            time.sleep(0.05)

    return during


def _signal_to_stage(name: str, moment: float) -> Callable[[Place, int], None]:
    def during(place: Place, pid: int) -> None:
        time.sleep(moment)
        for stage in _stages(pid):
            _send(stage, name)
            if name == "STOP":
                time.sleep(0.5)
                _send(stage, "CONT")

    return during


def _stages(pid: int) -> List[int]:
    try:
        return [process.pid for process in psutil.Process(pid).children(recursive=True)]
    except psutil.Error:
        return []


def _until_python_runs(pid: int) -> None:
    """Waits until the interpreter has started to run its script. Before that, no code of Octet can handle a signal."""
    end = time.monotonic() + 3
    try:
        while time.monotonic() < end and sum(psutil.Process(pid).cpu_times()[:2]) < 0.05:
            time.sleep(0.005)
    except psutil.Error:
        pass


def _send(pid: int, name: str) -> None:
    try:
        os.kill(pid, getattr(signal, "SIG" + name))
    except ProcessLookupError:
        pass
