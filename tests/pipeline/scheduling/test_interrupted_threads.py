"""Ctrl-C at every instruction of the starts and ends of threads: it is handled, and nothing hangs.

Python's `threading` does not expect it: a lock stays locked, or an unlocked lock is released."""

import os
import signal
import sys
import time
from pathlib import Path

import pytest
from luigi.scheduler import Scheduler

from pipeline.execution.early_record import EarlyRecord
from pipeline.scheduling.scheduler_client import Question
from pipeline.scheduling.worker import Worker
from pipeline.settings import Settings

FILES = ("threading.py", "contextlib.py", "interrupts.py", "scheduler_client.py", "worker.py", "early_record.py")
LONG_S = 10


def worker():
    with Worker(scheduler=Scheduler()):
        pass


def early_record():
    record = EarlyRecord(Settings(None, "no", Path("/nowhere"), Path("/nowhere")), "no", "TrainFloat",
                         "2026-01-31T12:00:00Z")
    try:
        pass
    finally:
        record.stop()


def question():
    assert Question(lambda: 3).answer(5) == 3


@pytest.fixture
def limited():
    """Makes waiting for a lock without end a failure."""
    def hangs(number, frame):
        raise TimeoutError("hangs")
    before = signal.signal(signal.SIGALRM, hangs), signal.signal(signal.SIGINT, signal.default_int_handler)
    usr1 = signal.getsignal(signal.SIGUSR1)  # as Luigi's worker does
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before[0])
    signal.signal(signal.SIGINT, before[1])
    signal.signal(signal.SIGUSR1, usr1)


def interrupted(work, instruction):
    """Runs `work` with a SIGINT before its n-th instruction. Returns whether it has that many instructions."""
    count = 0

    def trace(frame, event, argument):
        nonlocal count
        if os.path.basename(frame.f_code.co_filename) not in FILES:
            return None
        frame.f_trace_opcodes = True
        if event == "opcode":
            count += 1
            if count == instruction:
                os.kill(os.getpid(), signal.SIGINT)
        return trace
    before = sys.gettrace()
    signal.setitimer(signal.ITIMER_REAL, LONG_S)
    try:
        sys.settrace(trace)
        work()
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(before)
        signal.setitimer(signal.ITIMER_REAL, 0)
    assert count < instruction, "the interrupt was lost"
    return False


@pytest.mark.parametrize("work", [worker, early_record, question])
def test_an_interrupt_anywhere_ends_the_work(work, limited):
    instruction, started = 1, time.monotonic()
    while interrupted(work, instruction):
        instruction += 1
    assert instruction > 100
    assert time.monotonic() - started < LONG_S * 5
