"""The training loop that both phases share: labelled codes in, a trained session out."""

from types import SimpleNamespace
from typing import Callable, Dict, List, Sequence

import numpy as np
import tensorflow as tf

from octet.datasets.dataset import Part
from octet.errors import ModelError
from octet.job import Progress
from tasks import network as net
from tasks.training import feed, schedule

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
    """Loss, optimizer and accuracies on top of a graph that is otherwise finished.

    `inputs` and `outputs` are in the order of the network's.
    """

    def __init__(self, network: Dict, inputs: Sequence[tf.Tensor], outputs: Sequence[tf.Tensor],
                 settings: SimpleNamespace, extra_losses=(), updates=()) -> None:
        self.network = network
        self.inputs = inputs
        self.settings = settings
        self.rate = tf.placeholder(tf.float32, [], "octet/learning_rate")
        self.labels, self.accuracies, losses = [], [], list(extra_losses)
        for output in outputs:
            labels = tf.placeholder(tf.int32, [None], "octet/labels")
            logits = logits_of(output)
            losses.append(tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(
                labels=labels, logits=logits)))
            hits = tf.equal(tf.argmax(logits, 1, output_type=tf.int32), labels)
            self.labels.append(labels)
            self.accuracies.append(tf.reduce_mean(tf.cast(hits, tf.float32)))
        self.loss = tf.add_n(losses)
        minimize = OPTIMIZERS[settings.optimizer](self.rate).minimize(self.loss)
        self.step = tf.group(minimize, *updates)

    def fit(self, session: tf.Session, part: Part, seed: int, progress: Progress,
            fed_too: Callable[[float], Dict] = lambda epochs_done: {}) -> List[Dict]:
        """Trains for the settings' epochs; returns loss and accuracies of each.

        `fed_too` gives what else a step is fed, from how many epochs came before it. Raises ModelError
        when the loss is no longer a number.
        """
        size, names = self.settings.batch_size, [end["name"] for end in self.network["outputs"]]
        batches = feed.count(part, size)
        total, history = batches * self.settings.epochs, []
        for epoch in range(self.settings.epochs):
            sums = np.zeros(1 + len(names))
            for batch, chosen in enumerate(feed.batches(part, size, seed, epoch)):
                done = epoch * batches + batch
                rate = schedule.rate(self.settings.schedule, self.settings.learning_rate,
                                     done, total)
                fed = net.feed(self.network, self.inputs, part, chosen)
                fed.update((labels, part.targets[name][chosen])
                           for name, labels in zip(names, self.labels))
                fed[self.rate] = rate
                fed.update(fed_too(done / batches))
                _, loss, accuracies = session.run([self.step, self.loss, self.accuracies], fed)
                if not np.isfinite(loss):
                    raise ModelError(
                        "the loss is {} in epoch {}, batch {}".format(loss, epoch + 1, batch + 1),
                        why="training cannot recover from it",
                        next_step="lower learning_rate, or look for values that overflow")
                sums += [loss] + accuracies
                if batch % 20 == 0:
                    progress(done / total, "epoch {}/{}, loss {:.3f}".format(
                        epoch + 1, self.settings.epochs, loss))
            loss, *accuracies = (sums / batches).tolist()
            history.append({"epoch": epoch + 1, "loss": loss,
                            "accuracy": dict(zip(names, accuracies))})
        return history
