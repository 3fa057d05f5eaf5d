"""The losses, by the kind of target and the recipe's section `loss`.

    class, labels   cross_entropy, focal
    class_map       cross_entropy, focal, dice, iou, over the pixels that are not ignored
    value           mse, mae, huber

Cross-entropy is computed with the softmax of the scores, or with a sigmoid for each class where the head has sigmoids.
The loss of a batch is the mean over its samples or pixels, each times the weight of its class and of its sample. A
user's own loss (tasks/keras_model/own_loss.py) replaces these.
"""

from typing import Any, Dict, Optional, Sequence, Tuple

import tensorflow as tf

from tasks.graph.io_spec import Network, OutputEnd
from tasks.graph.placeholders import Placeholders
from tasks.keras_model import heads, own_loss

SMOOTH = 1.0  # added to numerator and denominator of dice and iou: a class may be absent from a batch


def of(end: OutputEnd, output: tf.Tensor, expected: tf.Tensor, sample_weights: Optional[tf.Tensor] = None) -> tf.Tensor:
    """The scalar loss of one output. end["loss"]: {kind, gamma, delta, label_smoothing, class_weights}, as
    `loss_settings.settled` gives it. sample_weights: [N], or None where all are 1."""
    settings = end["loss"]
    if end["kind"] == "value":
        errors = _VALUES[settings["kind"]](expected - output, settings)
        return tf.reduce_mean(errors if sample_weights is None else errors * _beside(sample_weights, errors))
    logits, probabilities, single = _expected_probabilities(end, output, expected)
    weights = _weights(end, expected, settings)
    if sample_weights is not None and end["kind"] != "labels":
        weights = (tf.ones_like(expected, tf.float32) if weights is None else weights) * _beside(
            sample_weights, expected)
    if settings["kind"] in ("dice", "iou"):
        return _overlap(settings["kind"], end, logits, probabilities, weights, single)
    smoothing = settings["label_smoothing"]
    if single:
        probabilities = probabilities * (1 - smoothing) + smoothing / 2
        each = tf.nn.sigmoid_cross_entropy_with_logits(labels=probabilities, logits=logits)
    else:
        if smoothing:
            probabilities = probabilities * (1 - smoothing) + smoothing / len(end["classes"])
        each = tf.nn.softmax_cross_entropy_with_logits_v2(labels=probabilities, logits=logits)[..., None]
    if settings["kind"] == "focal":  # Lin et al. 2017: well classified samples count less
        each *= tf.pow(1 - tf.exp(-each), settings["gamma"])
    if end["kind"] == "labels":
        positive = tf.constant(settings["class_weights"] or [1.0] * len(end["classes"]), tf.float32)
        each *= expected * positive + 1 - expected
        return tf.reduce_mean(each if sample_weights is None else each * sample_weights[:, None])
    # Summed over the classes, so that a sample with sigmoids weighs as much as with a softmax.
    losses = tf.reduce_sum(each, axis=-1)
    if weights is None:
        return tf.reduce_mean(losses)
    counted = tf.reduce_sum(tf.cast(_not_ignored(end, expected), tf.float32))
    return tf.reduce_sum(losses * weights) / tf.maximum(counted, 1.0)


def total(network: Network, outputs: Sequence[tf.Tensor], placeholders: Placeholders,
          own: own_loss.OwnLosses = own_loss.OwnLosses()) -> tf.Tensor:  # noqa: B008 (it has no state)
    """The scalar loss: the sum of the outputs' losses, each times its `loss_weight`; or the result of the user's own
    function of all outputs."""
    if own.of_all is not None:
        return own_loss.call_on_all(own.of_all, network, outputs, placeholders)
    return tf.add_n([end["loss_weight"] * _of_end(end, output, target, placeholders, own)
                     for end, output, target in zip(network["outputs"], outputs, placeholders.targets)])


def _of_end(end: OutputEnd, output: tf.Tensor, target: tf.Tensor, placeholders: Placeholders,
            own: own_loss.OwnLosses) -> tf.Tensor:
    if end["name"] in own.of_target:
        return own_loss.call_on_target(own.of_target[end["name"]], output, target, placeholders)
    weights = end["loss"].get("sample_weights")
    return of(end, output, target, None if weights is None else placeholders.extras[weights])


def _beside(sample_weights: tf.Tensor, values: tf.Tensor) -> tf.Tensor:
    """The weights [N] as [N, 1, ...], which broadcasts with values [N, ...]."""
    return tf.reshape(sample_weights, [-1] + [1] * (values.shape.ndims - 1))


def _expected_probabilities(end: OutputEnd, output: tf.Tensor,
                            expected: tf.Tensor) -> Tuple[tf.Tensor, tf.Tensor, bool]:
    """(logits [..., C], the expected probabilities [..., C], whether the head has sigmoids)."""
    head, count = heads.of(output), len(end["classes"])
    if end["kind"] == "labels":
        return head.logits, expected, True
    if end.get("threshold") is not None:  # one score for two classes
        return head.logits, tf.cast(tf.equal(expected, 1), tf.float32)[..., None], True
    return head.logits, tf.one_hot(expected, count), head.kind == heads.SIGMOID


def _not_ignored(end: OutputEnd, expected: tf.Tensor) -> tf.Tensor:
    if end.get("ignore") is None:
        return tf.ones_like(expected, tf.bool)
    return tf.not_equal(expected, end["ignore"])


def _weights(end: OutputEnd, expected: tf.Tensor, settings: Dict[str, Any]) -> Any:
    """The weight of each sample or pixel, 0 where it is ignored; None where all are 1."""
    if end["kind"] == "labels" or settings["class_weights"] is None and end.get("ignore") is None:
        return None
    known = _not_ignored(end, expected)
    weights = tf.cast(known, tf.float32)
    if settings["class_weights"] is not None:
        of_class = tf.gather(tf.constant(settings["class_weights"], tf.float32),
                             tf.where(known, expected, tf.zeros_like(expected)))
        weights *= of_class
    return weights


def _overlap(kind: str, end: OutputEnd, logits: tf.Tensor, probabilities: tf.Tensor, weights: Any,
             single: bool) -> tf.Tensor:
    """1 - the mean over the classes of the soft dice coefficient, 2 |A and B| / (|A| + |B|) (Milletari et al. 2016), or
    of the soft IoU, |A and B| / |A or B| (Rahman and Wang 2016)."""
    shares = tf.sigmoid(logits) if single else tf.nn.softmax(logits)
    if weights is not None:
        shares, probabilities = shares * weights[..., None], probabilities * weights[..., None]
    axes = list(range(len(end["shape"]) + 1))
    intersection, size_sum = tf.reduce_sum(shares * probabilities, axes), tf.reduce_sum(shares + probabilities, axes)
    if kind == "iou":
        return 1 - tf.reduce_mean((intersection + SMOOTH) / (size_sum - intersection + SMOOTH))
    return 1 - tf.reduce_mean((2 * intersection + SMOOTH) / (size_sum + SMOOTH))


def _huber(error: tf.Tensor, settings: Dict[str, Any]) -> tf.Tensor:
    """Half the squared error up to delta, linear beyond (Huber 1964)."""
    delta, size = settings["delta"], tf.abs(error)
    return tf.where(size <= delta, 0.5 * tf.square(error), delta * (size - 0.5 * delta))


_VALUES = {"mse": lambda error, _: tf.square(error), "mae": lambda error, _: tf.abs(error), "huber": _huber}
