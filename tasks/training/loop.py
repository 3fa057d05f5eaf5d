"""The training loop that both phases share: codes and answers in, a trained session out."""

from types import SimpleNamespace
from typing import Callable, Dict, Sequence

import numpy as np
import tensorflow as tf

from octet.datasets.dataset import Part
from octet.errors import ModelError
from octet.job import Progress
from tasks import network as net
from tasks.training import feed, losses, schedule
from tasks.training.history import History

OPTIMIZERS = {
    "adam": tf.train.AdamOptimizer,
    "sgd": tf.train.GradientDescentOptimizer,
    "momentum": lambda rate: tf.train.MomentumOptimizer(rate, 0.9),
    "rmsprop": tf.train.RMSPropOptimizer,
}


class Trainer:
    """Loss and optimizer on top of a graph that is otherwise finished.

    `inputs` and `outputs` are in the order of the network's.
    """

    def __init__(self, network: Dict, inputs: Sequence[tf.Tensor], outputs: Sequence[tf.Tensor],
                 settings: SimpleNamespace, extra_losses=(), updates=()) -> None:
        self.network = network
        self.inputs = inputs
        self.settings = settings
        self.rate = tf.placeholder(tf.float32, [], "octet/learning_rate")
        self.answers = [losses.answers(end) for end in network["outputs"]]
        self.loss = tf.add_n([losses.total(network, outputs, self.answers), *extra_losses])
        self.step = tf.group(*self._minimize(), *updates)

    def _minimize(self) -> Sequence[tf.Operation]:
        step = tf.train.get_global_step()  # there is one where something waits for it
        if not tf.trainable_variables():  # of a network of fixed filters, only the ranges have something to learn
            return [] if step is None else [tf.assign_add(step, 1)]
        try:
            return [OPTIMIZERS[self.settings.optimizer](self.rate).minimize(
                self.loss, global_step=step)]
        except ValueError as error:
            raise ModelError(
                "no weight of the network can be trained", where="model.build",
                why="none has a gradient; TensorFlow says: {}".format(str(error).splitlines()[0]),
                next_step="let the gradient through to a weight, or set trainable=False on all layers") from error

    def fit(self, session: tf.Session, part: Part, seed: int, history: History, progress: Progress,
            fed_too: Callable[[float], Dict] = lambda epochs_done: {}) -> None:
        """Trains for the settings' epochs; `history` is told of each.

        `fed_too` gives what else a step is fed, from how many epochs came before it. Raises ModelError
        when the loss is no longer a number.
        """
        size, epochs = self.settings.batch_size, self.settings.epochs
        batches = feed.count(part, size)
        for epoch in range(epochs):
            history.begin_epoch()
            losses_sum, samples = 0.0, 0
            for batch, rows in enumerate(feed.batches(part, size, seed, epoch)):
                done = epoch + batch / batches
                fed = self.fed(part, rows)
                fed[self.rate] = schedule.rate(self.settings.schedule, self.settings.learning_rate,
                                               done / epochs)
                fed.update(fed_too(done))
                _, loss = session.run([self.step, self.loss], fed)
                if not np.isfinite(loss):
                    raise ModelError(
                        "the loss is {}".format(loss), where="epoch {}, batch {}".format(epoch + 1, batch + 1),
                        why="training cannot recover from it",
                        next_step="lower learning_rate, or look for values that overflow")
                losses_sum, samples = losses_sum + float(loss), samples + len(rows)
                if batch % 20 == 0:
                    progress(done / epochs, "epoch {}/{}, {}".format(epoch + 1, epochs, history.line(loss)))
            history.end_epoch(losses_sum / batches, samples)
            progress((epoch + 1) / epochs, "epoch {}/{}, {}".format(
                epoch + 1, epochs, history.line(losses_sum / batches)))

    def fed(self, part: Part, rows: np.ndarray) -> Dict[tf.Tensor, np.ndarray]:
        """The real inputs and the answers of some samples of a part."""
        fed = net.feed(self.network, self.inputs, part, rows)
        fed.update((answers, part.targets[end["name"]][rows])
                   for end, answers in zip(self.network["outputs"], self.answers))
        return fed
