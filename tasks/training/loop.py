"""The training loop of both phases. It trains the variables of a session on a part of the data."""

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
from tasks.graph.placeholders import Placeholders
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

PROGRESS_BATCHES = 20  # between two reports of progress
CHECKPOINT_SECONDS = 600.0  # between two checkpoints within a long epoch


class Trainer:
    """Adds the loss and the optimizer to the current graph, and trains it.

    inputs, outputs: in the order of network.json. settings: complete (`optimizer.with_defaults`). extra_losses: scalars
    that are added to the loss. updates: operations that run with each step. augmentation: varies the samples of a step;
    None for none. frozen: variables that do not change. distance: the distillation loss, with the share
    `settings.distill` of the loss; None for none. checkpoints: the folder of the checkpoints; None for none. With it,
    an interrupted training resumes at the newest checkpoint and gives the same bytes as an uninterrupted one.
    Checkpoints are written after each epoch, and every ten minutes within a long one. own: the losses that the recipe
    names by file. factors: {variable: factor of its learning rate}. noise: returns the feed that switches on the
    network's noise in the step of this number.
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
        self.placeholders = Placeholders(network)
        loss = self._mixed_loss(outputs, own)
        if distance is not None:
            loss = settings.distill * distance + (1 - settings.distill) * loss
        self.loss = tf.add_n([loss, *extra_losses])
        # After the losses, which may use random numbers, too; before the gradients, which must use the same numbers.
        self.random = RandomNumbers([self.loss, *outputs, *updates])
        self.checkpoints = Checkpoints(checkpoints if self._can_resume() else None)
        step = tf.group(*optimizer.minimize(self.loss, self.rate, settings, frozen, factors), *updates)
        self.noise = noise
        self.plateau = Plateau(settings.plateau_epochs)
        self.average = Average(settings.weight_average, [step])
        self.step = self.average.update

    def _can_resume(self) -> bool:
        """Whether a checkpoint can hold all state of the training."""
        unsaved = self.random.left + [variable.op.name for variable in tf.global_variables()
                                      if np.dtype(variable.dtype.base_dtype.as_numpy_dtype).kind not in NUMBERS]
        unsaved += [variable.op.name for variable in tf.local_variables()]
        if unsaved:
            logging.warning("an interrupted training would begin again: a checkpoint cannot hold the state of %s",
                            ", ".join(unsaved[:3]))
        return not unsaved

    def _mixed_loss(self, outputs: Sequence[tf.Tensor], own: OwnLosses) -> tf.Tensor:
        """The loss of the outputs. Where two samples are mixed, the losses of both, weighted by their shares."""
        loss = losses.total(self.network, outputs, self.placeholders, own)
        if self.augmentation is None or not self.augmentation.mixes:
            return loss
        self.other_placeholders = Placeholders(self.network)
        self.share = tf.placeholder(tf.float32, [], "octet/share")
        return self.share * loss + (1 - self.share) * losses.total(self.network, outputs, self.other_placeholders, own)

    def fit(self, session: tf.Session, part: Part, seed: int, history: History, progress: Progress, best: Best,
            fed_too: Callable[[float], Dict[tf.Tensor, Any]] = lambda epochs_done: {}) -> None:
        """Trains for the settings' epochs, or until `best` is exhausted. Adds each epoch to `history`. Where there is a
        checkpoint, restores the session, `history` and `best` from it, and resumes there.

        fed_too: returns what else is fed in a step, given the number of epochs before it, with the fraction of the
        current one. Raises ModelError when the loss is NaN or infinite.
        """
        size, epochs = self.settings.batch_size, self.settings.epochs
        batches, classes = feed.count(part, size), feed.oversampled_classes(part, self.network["outputs"])
        self.average.start(session)
        first, skipped, losses_sum = self._restored(session, history, best)
        began = self._kept_at = time.perf_counter()
        start = first + skipped / batches
        for epoch in range(first, epochs):
            if best.exhausted:
                break
            history.begin_epoch()
            samples = 0  # trained on by this process: the speed does not count those before the checkpoint
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
                if batch % PROGRESS_BATCHES == 0:
                    now = epoch + (batch + 1) / batches
                    progress((epoch + batch / batches) / epochs, "epoch {}/{}, {}".format(epoch + 1, epochs, ", ".join(
                        [history.line(losses_sum / (batch + 1), samples)]
                        + self._time_left(began, (now - start) / (epochs - start)))))
            history.end_epoch(losses_sum / batches, samples)
            self.plateau.end_epoch(best)
            self._keep(session, epoch + 1, 0, 0.0, history, best)
            progress((epoch + 1) / epochs, "epoch {}/{}, {}".format(
                epoch + 1, epochs, history.line(losses_sum / batches)))
            skipped, losses_sum = 0, 0.0

    def _keep(self, session: tf.Session, epoch: int, batch: int, losses_sum: float, history: History,
              best: Best) -> None:
        """Writes a checkpoint after `epoch` whole epochs and `batch` batches of the next one, whose losses add up to
        `losses_sum`."""
        if self.checkpoints.wanted:
            values = session.run({variable.op.name: variable for variable in tf.global_variables()})
            self.checkpoints.keep(Checkpoint(epoch, batch, values, best.values, {
                "history": history.state(), "best": best.state(), "plateau": self.plateau.state(),
                "losses_sum": losses_sum}))
        self._kept_at = time.perf_counter()

    def _restored(self, session: tf.Session, history: History, best: Best) -> Tuple[int, int, float]:
        """Restores the newest checkpoint. Returns (epochs done, batches done of the next one, the sum of the losses of
        these batches); (0, 0, 0.0) where there is no checkpoint."""
        variables = {variable.op.name: variable for variable in tf.global_variables()}
        checkpoint = self.checkpoints.newest(list(variables))
        if checkpoint is None:
            return 0, 0, 0.0
        put(session, list(variables.values()), [checkpoint.variables[name] for name in variables])
        history.restore(checkpoint.facts["history"])
        best.restore(checkpoint.facts["best"], checkpoint.best)
        self.plateau.restore(checkpoint.facts["plateau"])
        logging.info("resumes after epoch %d of %d%s", checkpoint.epoch, self.settings.epochs,
                     " and {} batches".format(checkpoint.batch) if checkpoint.batch else "")
        return checkpoint.epoch, checkpoint.batch, checkpoint.facts["losses_sum"]

    def _time_left(self, began: float, done: float) -> List[str]:
        """The estimated time to the end of the phase. done: the fraction of the work since `began` that is done."""
        took = time.perf_counter() - began
        return [duration(took / done - took) + " left"]

    def _fed_in_training(self, part: Part, rows: np.ndarray, epoch: int) -> Dict[tf.Tensor, np.ndarray]:
        if self.augmentation is None:
            return self.fed(part, rows)
        varied = self.augmentation.batch(part, rows, epoch)
        fed = dict(zip(self.inputs, varied.inputs))
        fed.update(_feed_of(self.placeholders, varied.answers, varied.extras))
        if self.augmentation.mixes:
            fed.update(_feed_of(self.other_placeholders, varied.others, varied.other_extras))
            fed[self.share] = varied.share
        return fed

    def fed(self, part: Part, rows: np.ndarray) -> Dict[tf.Tensor, np.ndarray]:
        """The feed of some samples of a part, without augmentation: real inputs and targets."""
        fed = io_spec.feed(self.network, self.inputs, part, rows)
        fed.update(self.placeholders.fed(part, rows))
        if self.augmentation is not None and self.augmentation.mixes:
            fed.update(self.other_placeholders.fed(part, rows))
            fed[self.share] = 1.0
        return fed


def _feed_of(placeholders: Placeholders, targets: Sequence[np.ndarray],
           extras: Dict[str, np.ndarray]) -> Dict[tf.Tensor, np.ndarray]:
    """The feed of these targets, in the network's order, and extras."""
    return {**dict(zip(placeholders.targets, targets)),
            **{placeholder: extras[name] for name, placeholder in placeholders.extras.items()}}
