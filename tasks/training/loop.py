"""The training loop that both phases share: codes and answers in, a trained session out."""

import logging
import time
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any, Callable, Collection, Dict, List, Mapping, Optional, Sequence, Tuple

import numpy as np
import tensorflow as tf

from octet.data.dataset import Part
from octet.errors import ModelError
from octet.job import Progress
from tasks.graph import io_spec
from tasks.graph.placeholders import Answers
from tasks.keras_model.own_loss import OwnLosses
from tasks.keras_model.sessions import put
from tasks.training import feed, learning_rate_schedule, losses, optimizer
from tasks.training.augmentation.augmentation import Augmentation
from tasks.training.best_epoch import Best
from tasks.training.checkpoint import NUMBERS, Checkpoint, Checkpoints
from tasks.training.history import History, duration
from tasks.training.random_numbers import RandomNumbers
from tasks.training.reduce_on_plateau import Plateau
from tasks.training.weight_average import Average

EVERY_BATCHES = 20  # progress is told
CHECKPOINT_SECONDS = 600.0  # from one checkpoint to the next in a long epoch


class Trainer:
    """Loss and optimizer on top of a graph that is otherwise finished.

    `inputs` and `outputs` are in the order of the network's; `settings` are complete (`optimizer.with_defaults`).
    `augmentation` varies what a step is fed; None feeds it as it is. Variables that are `frozen` stay as they are.
    `distance`, to what the network is to imitate, has the share `settings.distill` of the loss. With a folder of
    `checkpoints`, a training that was interrupted goes on after the last of them, and comes to the same bytes: there is
    one after each epoch, and every ten minutes in a long one.
    `own` are the losses that the recipe names by file. `factors` are those of the learning rate, of the variables that
    have one. `noise` gives what switches on the network's noise in a step of this number.
    """

    def __init__(self, network: io_spec.Network, inputs: Sequence[tf.Tensor], outputs: Sequence[tf.Tensor],
                 settings: SimpleNamespace, extra_losses: Sequence[tf.Tensor] = (),
                 updates: Sequence[tf.Operation] = (), augmentation: Optional[Augmentation] = None,
                 frozen: Collection[tf.Variable] = (), distance: Optional[tf.Tensor] = None,
                 checkpoints: Optional[Path] = None,
                 own: OwnLosses = OwnLosses(),  # noqa: B008 (it has no state)
                 factors: Mapping[tf.Variable, float] = MappingProxyType({}),
                 noise: Callable[[int], Dict[tf.Tensor, Any]] = lambda step: {}) -> None:
        self.network = network
        self.inputs = inputs
        self.settings = settings
        self.augmentation = augmentation
        self.rate = tf.placeholder(tf.float32, [], "octet/learning_rate")
        self.answers = Answers(network)
        loss = self._of_answers(outputs, own)
        if distance is not None:
            loss = settings.distill * distance + (1 - settings.distill) * loss
        self.loss = tf.add_n([loss, *extra_losses])
        # Behind the losses, which may be random too, and before the gradients, which have the same numbers.
        self.random = RandomNumbers([self.loss, *outputs, *updates])
        self.checkpoints = Checkpoints(checkpoints if self._can_go_on() else None)
        step = tf.group(*optimizer.minimize(self.loss, self.rate, settings, frozen, factors), *updates)
        self.noise = noise
        self.plateau = Plateau(settings.plateau_epochs)
        self.average = Average(settings.weight_average, [step])
        self.step = self.average.update

    def _can_go_on(self) -> bool:
        """Whether a checkpoint can hold all that changes while the network is trained."""
        left = self.random.left + [variable.op.name for variable in tf.global_variables()
                                   if np.dtype(variable.dtype.base_dtype.as_numpy_dtype).kind not in NUMBERS]
        left += [variable.op.name for variable in tf.local_variables()]
        if left:
            logging.warning("an interrupted training would begin again: no checkpoint holds the state of %s",
                            ", ".join(left[:3]))
        return not left

    def _of_answers(self, outputs: Sequence[tf.Tensor], own: OwnLosses) -> tf.Tensor:
        """The loss of the outputs; of samples that are two in one, each counts by its share."""
        loss = losses.total(self.network, outputs, self.answers, own)
        if self.augmentation is None or not self.augmentation.mixes:
            return loss
        self.others = Answers(self.network)
        self.share = tf.placeholder(tf.float32, [], "octet/share")
        return self.share * loss + (1 - self.share) * losses.total(self.network, outputs, self.others, own)

    def fit(self, session: tf.Session, part: Part, seed: int, history: History, progress: Progress, best: Best,
            fed_too: Callable[[float], Dict[tf.Tensor, Any]] = lambda epochs_done: {}) -> None:
        """Trains for the settings' epochs, or until `best` is exhausted; `history` is told of each.

        `fed_too` gives what else a step is fed, from how many epochs came before it. Raises ModelError
        when the loss is no longer a number. Where there is a checkpoint, all of it is as it was then.
        """
        size, epochs = self.settings.batch_size, self.settings.epochs
        batches, classes = feed.count(part, size), feed.drawn_by(part, self.network["outputs"])
        self.average.start(session)
        first, skipped, losses_sum = self._restored(session, history, best)
        began = self._kept_at = time.perf_counter()
        start = first + skipped / batches
        for epoch in range(first, epochs):
            if best.exhausted:
                break
            history.begin_epoch()
            samples = 0  # of this process: what came before it says nothing about its speed
            for batch, rows in enumerate(feed.batches(part, size, seed, epoch, classes)):
                if batch < skipped:
                    continue
                step = epoch * batches + batch
                fed = self._fed_in_training(part, rows, epoch)
                fed.update(self.random.fed(step))
                fed.update(self.noise(step))
                fed[self.rate] = learning_rate_schedule.rate(
                    self.settings, step, epochs * batches, self.plateau.reductions)
                fed.update(fed_too(epoch + batch / batches))
                _, loss = session.run([self.step, self.loss], fed)
                if not np.isfinite(loss):
                    raise ModelError(
                        "the loss is {}".format(loss), where="epoch {}, batch {}".format(epoch + 1, batch + 1),
                        why="training cannot recover from it",
                        next_step="lower learning_rate, set clip_norm, or look for values that overflow")
                losses_sum, samples = losses_sum + float(loss), samples + len(rows)
                if time.perf_counter() - self._kept_at >= CHECKPOINT_SECONDS and batch + 1 < batches:
                    self._keep(session, epoch, batch + 1, losses_sum, history, best)
                if batch % EVERY_BATCHES == 0:
                    now = epoch + (batch + 1) / batches
                    progress((epoch + batch / batches) / epochs, "epoch {}/{}, {}".format(epoch + 1, epochs, ", ".join(
                        [history.line(losses_sum / (batch + 1), samples)]
                        + self._left(began, (now - start) / (epochs - start)))))
            history.end_epoch(losses_sum / batches, samples)
            self.plateau.end_epoch(best)
            self._keep(session, epoch + 1, 0, 0.0, history, best)
            progress((epoch + 1) / epochs, "epoch {}/{}, {}".format(
                epoch + 1, epochs, history.line(losses_sum / batches)))
            skipped, losses_sum = 0, 0.0

    def _keep(self, session: tf.Session, epoch: int, batch: int, losses_sum: float, history: History,
              best: Best) -> None:
        """A checkpoint after so many whole epochs and batches of the next one, whose losses add up to that."""
        if self.checkpoints.wanted:
            values = session.run({variable.op.name: variable for variable in tf.global_variables()})
            self.checkpoints.keep(Checkpoint(epoch, batch, values, best.values, {
                "history": history.state(), "best": best.state(), "plateau": self.plateau.state(),
                "losses_sum": losses_sum}))
        self._kept_at = time.perf_counter()

    def _restored(self, session: tf.Session, history: History, best: Best) -> Tuple[int, int, float]:
        """How many epochs were done before, how many batches of the next one, and the sum of their losses; all is as it
        was after them."""
        variables = {variable.op.name: variable for variable in tf.global_variables()}
        found = self.checkpoints.newest(list(variables))
        if found is None:
            return 0, 0, 0.0
        put(session, list(variables.values()), [found.variables[name] for name in variables])
        history.restore(found.facts["history"])
        best.restore(found.facts["best"], found.best)
        self.plateau.restore(found.facts["plateau"])
        logging.info("goes on after epoch %d of %d%s", found.epoch, self.settings.epochs,
                     " and {} batches".format(found.batch) if found.batch else "")
        return found.epoch, found.batch, found.facts["losses_sum"]

    def _left(self, began: float, done: float) -> List[str]:
        """When the phase will be over, as far as the part of it that is done says."""
        took = time.perf_counter() - began
        return [duration(took / done - took) + " left"]

    def _fed_in_training(self, part: Part, rows: np.ndarray, epoch: int) -> Dict[tf.Tensor, np.ndarray]:
        if self.augmentation is None:
            return self.fed(part, rows)
        varied = self.augmentation.batch(part, rows, epoch)
        fed = dict(zip(self.inputs, varied.inputs))
        fed.update(_known(self.answers, varied.answers, varied.extras))
        if self.augmentation.mixes:
            fed.update(_known(self.others, varied.others, varied.other_extras))
            fed[self.share] = varied.share
        return fed

    def fed(self, part: Part, rows: np.ndarray) -> Dict[tf.Tensor, np.ndarray]:
        """The real inputs and the answers of some samples of a part, as they are."""
        fed = io_spec.feed(self.network, self.inputs, part, rows)
        fed.update(self.answers.fed(part, rows))
        if self.augmentation is not None and self.augmentation.mixes:
            fed.update(self.others.fed(part, rows))
            fed[self.share] = 1.0
        return fed


def _known(answers: Answers, targets: Sequence[np.ndarray],
           extras: Dict[str, np.ndarray]) -> Dict[tf.Tensor, np.ndarray]:
    return {**dict(zip(answers.targets, targets)), **{answers.extras[name]: extras[name] for name in answers.extras}}
