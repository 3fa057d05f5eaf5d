"""The training loop that both phases share: labelled codes in, a trained session out."""

from types import SimpleNamespace
from typing import Dict, List

import numpy as np
import tensorflow as tf

from octet.datasets.dataset import Part
from octet.errors import ModelError
from octet.job import Progress
from tasks import network as net
from tasks.training import schedule

OPTIMIZERS = {
    "adam": tf.train.AdamOptimizer,
    "sgd": tf.train.GradientDescentOptimizer,
    "momentum": lambda rate: tf.train.MomentumOptimizer(rate, 0.9),
    "rmsprop": tf.train.RMSPropOptimizer,
}


def logits_of(output: tf.Tensor) -> tf.Tensor:
    """What the loss is taken on: the softmax's input, or the output itself.

    Taken from the graph as it now is, so that a fake-quant before the softmax is part of the loss.
    """
    return output.op.inputs[0] if output.op.type == "Softmax" else output


class Trainer:
    """Loss, optimizer and accuracy on top of a graph that is otherwise finished."""

    def __init__(self, inputs: tf.Tensor, output: tf.Tensor, settings: SimpleNamespace,
                 extra_losses=(), updates=()) -> None:
        self.inputs = inputs
        self.settings = settings
        self.labels = tf.placeholder(tf.int32, [None], "octet/labels")
        self.rate = tf.placeholder(tf.float32, [], "octet/learning_rate")
        logits = logits_of(output)
        self.loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(
            labels=self.labels, logits=logits)) + sum(extra_losses)
        hits = tf.equal(tf.argmax(logits, 1, output_type=tf.int32), self.labels)
        self.accuracy = tf.reduce_mean(tf.cast(hits, tf.float32))
        minimize = OPTIMIZERS[settings.optimizer](self.rate).minimize(self.loss)
        self.step = tf.group(minimize, *updates)

    def fit(self, session: tf.Session, part: Part, network: Dict, seed: int,
            progress: Progress) -> List[Dict]:
        """Trains for the settings' epochs; returns loss and accuracy of each.

        The order of the samples depends on the seed and the epoch alone. Raises ModelError when
        the loss is no longer a number.
        """
        (images, labels), size = _arrays(part), self.settings.batch_size
        batches = max(1, len(images) // size)
        total, history = batches * self.settings.epochs, []
        for epoch in range(self.settings.epochs):
            order = np.random.RandomState([seed, epoch]).permutation(len(images))
            sums = np.zeros(2)
            for batch in range(batches):
                chosen = order[batch * size:(batch + 1) * size]
                done = epoch * batches + batch
                rate = schedule.rate(self.settings.schedule, self.settings.learning_rate,
                                     done, total)
                _, loss, accuracy = session.run(
                    [self.step, self.loss, self.accuracy],
                    {self.inputs: net.real(network, images[chosen]),
                     self.labels: labels[chosen], self.rate: rate})
                if not np.isfinite(loss):
                    raise ModelError(
                        "the loss is {} in epoch {}, batch {}".format(loss, epoch + 1, batch + 1),
                        why="training cannot recover from it",
                        next_step="lower learning_rate, or look for values that overflow")
                sums += loss, accuracy
                if batch % 20 == 0:
                    progress(done / total, "epoch {}/{}, loss {:.3f}".format(
                        epoch + 1, self.settings.epochs, loss))
            loss, accuracy = sums / batches
            history.append({"epoch": epoch + 1, "loss": float(loss), "accuracy": float(accuracy)})
        return history


def _arrays(part: Part):
    return next(iter(part.inputs.values())), next(iter(part.targets.values()))
