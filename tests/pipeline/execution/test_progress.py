"""A bar in a terminal (a real pty), lines everywhere else."""

import io
import os
import select
import subprocess
import sys

import pytest

from pipeline.execution import progress
from tests.pipeline.checkout import ROOT

FORKS = """
import multiprocessing, sys
from pipeline.execution import progress

def train():
    with progress.on_terminal("TrainFloat", sys.stdout) as shown:
        shown(0.25, "epoch 1/4")

workers = [multiprocessing.get_context("fork").Process(target=train) for _ in range(2)]
for worker in workers:
    worker.start()
for worker in workers:
    worker.join()
"""


@pytest.fixture
def terminal(monkeypatch):
    """(the stream to write to, a descriptor from which its output can be read)."""
    monkeypatch.setenv("TERM", "xterm")
    master, slave = os.openpty()
    with open(slave, "w") as stream:
        yield stream, master
    os.close(master)


def train(stream):
    with progress.on_terminal("TrainFloat", stream) as shown:
        shown(0.25, "epoch 1/4")


def shown_on(master):
    shown = b""
    while select.select([master], [], [], 0.2)[0]:
        shown += os.read(master, 4096)
    return shown.decode()


def test_terminal_gets_a_bar_that_ends_full(terminal):
    stream, master = terminal
    train(stream)
    shown = shown_on(master)
    assert "━" in shown and "100 %" in shown and "done" in shown


def test_stage_that_fails_leaves_its_bar_where_it_stopped(terminal):
    stream, master = terminal
    with pytest.raises(ValueError), progress.on_terminal("TrainFloat", stream) as shown:
        shown(0.25, "epoch 1/4")
        raise ValueError
    shown = shown_on(master)
    assert "stopped" in shown and " 25 %" in shown and "100 %" not in shown


def test_forks_of_luigi_write_lines_because_their_bars_would_overwrite_each_other(terminal):
    stream, master = terminal
    # in a process of its own: a fork of one that has TensorFlow's threads may never end
    subprocess.run([sys.executable, "-c", FORKS], stdout=stream, cwd=str(ROOT), timeout=60, check=True)
    lines = shown_on(master).splitlines()
    assert sorted(line.split(" after")[0] for line in lines) == sorted(
        2 * ["TrainFloat: started", "TrainFloat: 25 %  epoch 1/4", "TrainFloat: done"])


def test_terminal_that_cannot_draw_gets_lines(terminal, monkeypatch):
    stream, master = terminal
    monkeypatch.setenv("TERM", "dumb")
    train(stream)
    assert "━" not in shown_on(master)


def test_what_is_found_at_the_end_stays_to_be_read(terminal):
    stream, master = terminal
    log = io.StringIO()
    for shown in progress.Bar("TrainQAT", stream), progress.Lines("TrainQAT", log):
        with shown:
            for message in ("epoch 1/1", "conv1 [0, 6] never moved", "conv2 has no width"):
                shown(1.0, message)
    told = ["TrainQAT: conv1 [0, 6] never moved", "TrainQAT: conv2 has no width"]
    drawn = shown_on(master)
    assert [line for line in told if line not in drawn] == []
    assert log.getvalue().splitlines()[2:4] == [line.replace(": ", ": 100 %  ") for line in told]


def test_log_gets_each_tenth_at_most_every_five_seconds():
    now, log = [0.0], io.StringIO()
    with progress.Lines("TrainQAT", log, clock=lambda: now[0]) as shown:
        for second in range(1, 201):
            now[0] = float(second)
            shown(min(second, 100) / 100, "")  # a per cent a second
    started, *told, done = log.getvalue().splitlines()
    percents = [int(line.split()[1]) for line in told]
    assert percents[0] == 1 and percents[-1] == 100
    assert all(10 <= after - before <= 11 for before, after in zip(percents, percents[1:-1]))
    assert len(percents) == len(set(percents))
