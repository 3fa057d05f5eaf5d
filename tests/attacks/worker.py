"""Runs situations, each in a fork of itself: `python -m tests.attacks.worker WORK`, started in WORK/checkout.

Standard input: a line 'KIND NAME' for each situation. Standard output: a line of JSON for each: kind, name, faults,
code, seconds, said; or `skipped`, the reason why the machine does not allow it."""

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
"""A command that has not ended after this time hangs. One that uses CPU time gets more, because the machine may be
busy."""
PR_SET_CHILD_SUBREAPER = 36


def main() -> int:
    work, numbered = Path(sys.argv[1]), 0
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)  # orphans of the command become our children
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
    """Prepares the situation, runs its command, and returns a line for each broken rule."""
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
                code = _ended(pid, BUSY_S if _is_busy(pid) else 0.1)  # it may have ended meanwhile
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
    """Whether the command prints the words (any words, if none are given) within the time. On a busy machine, it may
    take long until it has to wait, so that it prints what it waits for after HANG_S."""
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        text = os.pread(said.fileno(), os.fstat(said.fileno()).st_size, 0).decode("utf-8", "replace")
        if text.strip() and words in text:
            return True
        time.sleep(0.1)
    return False


def _is_busy(pid: int) -> bool:
    """Whether the process or one of its descendants uses CPU time, or starts and ends others: then it is slow and does
    not hang."""
    before = _used(pid)
    time.sleep(2.0)
    after = _used(pid)
    return set(before) != set(after) or sum(after.values()) - sum(before.values()) > 0.02


def _used(pid: int) -> Dict[int, float]:
    """{process: CPU seconds of it and its reaped children} of `pid` and its descendants."""
    found = {}
    try:
        for process in [psutil.Process(pid)] + psutil.Process(pid).children(recursive=True):
            found[process.pid] = sum(process.cpu_times()[:4])
    except psutil.Error:
        pass  # one has ended, so the sets of processes differ
    return found


def _sweep(pid: int, helpers: List[int]) -> List[str]:
    """Kills everything that the command has left running, also the command itself if it hangs, and the situation's own
    helpers. Returns the processes."""
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
