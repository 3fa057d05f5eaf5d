"""Trainings with TensorFlow that are killed, through the real command: the next run resumes."""

import contextlib
import re
import shutil
import signal
import time

import psutil
import pytest

from pipeline.store.artifacts import Store
from tests.pipeline import faults
from tests.pipeline.checkout import Checkout, finish

EPOCHS = 60


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    checkout = Checkout(tmp_path_factory.mktemp("goes_on"), real=True)
    faults.train_longer(checkout, EPOCHS)
    return checkout


def killed(checkout, stage, epoch):
    """Starts a run, and kills the stage's process when there is a checkpoint of that epoch."""
    run = checkout.start(stage=stage)
    store, end = Store(checkout.store), time.monotonic() + 120
    while time.monotonic() < end and run.poll() is None:
        if any(training.stage == stage and training.epochs_done >= epoch
               for training in store.checkpoints.unfinished()):
            with contextlib.suppress(psutil.Error):
                for process in faults.stages_of(psutil.Process(run.pid)):
                    process.send_signal(signal.SIGKILL)
            break
        time.sleep(0.002)
    return finish(run)


@pytest.mark.parametrize("stage", ["TrainFloat", pytest.param("TrainQAT", marks=pytest.mark.slow)])
def test_a_killed_training_comes_to_the_same_bytes(checkout, stage):
    run = checkout.luigi(stage=stage)
    assert run.code == 0, run.said
    undisturbed = faults.products(checkout)
    shutil.rmtree(str(checkout.artifact(stage)))
    run = killed(checkout, stage, 3)
    assert run.code != 0 and stage not in faults.products(checkout), run.said
    training, = Store(checkout.store).checkpoints.unfinished()
    assert training.stage == stage and 3 <= training.epochs_done < EPOCHS
    run = checkout.luigi(stage=stage)
    assert run.code == 0, run.said
    after, of = re.search("{}: resumes after epoch (.*) of (.*)".format(stage), run.said).groups()
    assert (int(after), int(of)) == (training.epochs_done, EPOCHS)
    assert faults.products(checkout) == undisturbed and Store(checkout.store).checkpoints.unfinished() == []
