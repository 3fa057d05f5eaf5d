"""Runs situations, each in a fork of itself: `python -m tests.attacks.worker WORK`, started in WORK/checkout.

In: a line 'KIND NAME' on standard input for each. Out: a line of JSON for each: kind, name, faults, code, seconds,
said; or `skipped`, the reason why the machine does not allow it."""

import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import IO, Dict, List, Optional

import luigi  # noqa: F401  (what a command imports is imported once, before the forks)
import numpy  # noqa: F401
import psutil
import pydantic  # noqa: F401
import rich.progress  # noqa: F401
import rich.table  # noqa: F401
from PIL import Image  # noqa: F401

from octet.recipe import schema  # noqa: F401
from pipeline.cli import main as cli
from pipeline.scheduling import luigi_command, run  # noqa: F401
from tests.attacks import command, judge, table
from tests.attacks.situation import Situation, Skip
from tests.attacks.situation_folder import Place, listing

HANG_S, BUSY_S, INTERRUPTED_S = 10.0, 60.0, 5.0
"""A command hangs that has not ended after so long; one that still computes has longer, on a machine with others."""
PR_SET_CHILD_SUBREAPER = 36


def main() -> int:
    work, numbered = Path(sys.argv[1]), 0
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)  # what a command leaves behind comes to us
    for verb in cli.verbs():
        __import__("pipeline.cli.verbs." + verb)
    reference = json.loads((work / "products.json").read_text())
    for line in sys.stdin:
        kind, name = line.rstrip("\n").split(" ", 1)
        numbered += 1
        folder = work / "situations" / "{}-{}".format(os.getpid(), numbered)
        folder.parent.mkdir(exist_ok=True)
        try:
            result = judged(Place(work, folder), table.find(kind, name), reference)
        except Skip as reason:
            result = {"skipped": str(reason)}
        except Exception:  # a fault of the table itself
            result = {"faults": ["the table: " + traceback.format_exc()], "said": ""}
        finally:
            _unmount_below(folder)
            shutil.rmtree(str(folder), ignore_errors=True)
        print(json.dumps(dict(result, kind=kind, name=name)), flush=True)
    return 0


def judged(place: Place, situation: Situation, reference: Dict[str, judge.Products]) -> dict:
    """Prepares the situation, runs its command, and says what is wrong."""
    place.furnish()
    situation.prepare(place)
    watched = [place.root, place.checkout]
    before = listing(*watched)
    outcome = _run(place, situation)
    after = listing(*watched)
    faults = judge.faults(place, situation, outcome, before, after, reference)
    return {"faults": faults, "code": outcome.code, "seconds": round(outcome.seconds, 2), "said": outcome.said[-3000:]}


def _run(place: Place, situation: Situation) -> judge.Outcome:
    started = time.monotonic()
    with tempfile.TemporaryFile(dir=str(place.work)) as said:
        pid = command.started(place, situation, said.fileno())
        hung = ""
        try:
            if situation.during:
                situation.during(place, pid)
            code = _ended(pid, HANG_S)
            if code is None and situation.waits:
                hung = "" if _is_said(said, situation.says, BUSY_S) else "waits, and does not say for what"
                os.kill(pid, signal.SIGINT)
                code = _ended(pid, INTERRUPTED_S)
                hung = hung or ("" if code == 130 else "interrupted while it waits: exit code {}".format(code))
            elif code is None:
                code = _ended(pid, BUSY_S if _is_busy(pid) else 0.1)  # it may have ended while it was looked at
                hung = "no end within {:.0f} s".format(time.monotonic() - started) if code is None else ""
        finally:
            left = _sweep(pid, place.helpers)
        said.seek(0)
        return judge.Outcome(code, said.read().decode("utf-8", "replace"), time.monotonic() - started, hung, left)


def _ended(pid: int, within_s: float) -> Optional[int]:
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            return -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
        time.sleep(0.01)
    return None


def _is_said(said: IO[bytes], words: str, within_s: float) -> bool:
    """Whether the command says the words within the time; any words, where none are named. What it does before it has
    to wait takes long on a busy machine, so that it may say after HANG_S what it waits for."""
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        text = os.pread(said.fileno(), os.fstat(said.fileno()).st_size, 0).decode("utf-8", "replace")
        if text.strip() and words in text:
            return True
        time.sleep(0.1)
    return False


def _is_busy(pid: int) -> bool:
    """Whether the process, or one below it, computes, or starts and ends others: rather slow than hung."""
    before = _used(pid)
    time.sleep(2.0)
    after = _used(pid)
    return set(before) != set(after) or sum(after.values()) - sum(before.values()) > 0.02


def _used(pid: int) -> Dict[int, float]:
    """{process: its CPU seconds and those of the processes that it has waited for}, for all from `pid` down."""
    found = {}
    try:
        for process in [psutil.Process(pid)] + psutil.Process(pid).children(recursive=True):
            found[process.pid] = sum(process.cpu_times()[:4])
    except psutil.Error:
        pass  # one has ended: the sets differ
    return found


def _sweep(pid: int, helpers: List[int]) -> List[str]:
    """What the command has left running, now killed; the command itself too where it hangs. The situation's own
    helpers end, too."""
    for helper in helpers:
        os.kill(helper, signal.SIGKILL)
        os.waitpid(helper, 0)
    ours, end = psutil.Process(), time.monotonic() + 2.0
    while time.monotonic() < end:
        alive = [process for process in ours.children(recursive=True) if _is_running(process)]
        if not alive or any(process.pid == pid for process in alive):
            break
        time.sleep(0.02)
    left = [" ".join(_command_line(process))[-100:] for process in alive if process.pid != pid]
    hangs = any(process.pid == pid for process in alive)
    for process in alive:
        try:
            process.kill()
        except psutil.Error:
            pass
    for process in ours.children():
        try:
            os.waitpid(process.pid, 0)
        except ChildProcessError:
            pass
    return [] if hangs else left


def _is_running(process: psutil.Process) -> bool:
    try:
        if process.status() == psutil.STATUS_ZOMBIE:
            if process.ppid() == os.getpid():
                os.waitpid(process.pid, os.WNOHANG)
            return False
        return True
    except (psutil.Error, ChildProcessError):
        return False


def _command_line(process: psutil.Process) -> List[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return ["?"]


def _unmount_below(folder: Path) -> None:
    with open("/proc/mounts") as mounts:
        places = [line.split()[1] for line in mounts]
    for place in reversed(places):
        if place.startswith(str(folder) + os.sep):
            subprocess.run(["umount", "-l", place], check=False)


if __name__ == "__main__":
    sys.exit(main())
