"""The user's own losses: functions of outputs, targets and extras, written with TensorFlow operations.

    loss: ./losses.py:yolo                         called with {name: tensor} of all outputs, targets and extras
    loss: {targets: {mask: ./losses.py:overlap}}   called with that output, that target, {name: tensor} of all extras

Each returns the loss of a batch as a float32 scalar. The outputs are those of the network: where it ends in a softmax,
they are probabilities. In the quantized phase, they are fake-quantized.
"""

from pathlib import Path
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np
import tensorflow as tf

from octet.data.dataset import Part
from octet.errors import ModelError
from octet.lookup import LOSSES, load_attribute, source_file
from octet.user_code import translated_errors
from tasks.evaluation.evaluate_graph import RawLosses
from tasks.graph import io_spec
from tasks.graph.placeholders import Placeholders
from tasks.source_guard import file_guard

CORRECT = "correct the function"


class OwnLoss(NamedTuple):
    """A loss function of the user. where: its key in the recipe. source: its file. folder: the recipe's folder."""

    function: Callable[..., Any]
    where: str
    source: Optional[Path]
    folder: str


class OwnLosses(NamedTuple):
    """of_all: the total loss of all outputs, or None. of_target: {target: the loss of its output}."""

    of_all: Optional[OwnLoss] = None
    of_target: Dict[str, OwnLoss] = {}


def load(network: io_spec.Network, folder: str) -> OwnLosses:
    """Loads the functions that network.json names. folder: the recipe's. Raises RecipeError or ModelError."""
    of_all = network.get("loss")
    return OwnLosses(_loaded(of_all, "loss.function", folder) if of_all else None, {
        end["name"]: _loaded(end["loss"]["function"], "loss.targets.{}.function".format(end["name"]), folder)
        for end in network["outputs"] if end["loss"].get("function")})


def _loaded(spec: str, where: str, folder: str) -> OwnLoss:
    with file_guard.calling(where, folder):
        return OwnLoss(load_attribute(spec, LOSSES, "", folder, where), where,
                       source_file(spec, LOSSES, folder), folder)


def call_on_all(loss: OwnLoss, network: io_spec.Network, outputs: Sequence[tf.Tensor],
                placeholders: Placeholders) -> tf.Tensor:
    """The loss of a batch, a float32 scalar, from a function of all outputs. Raises ModelError."""
    names = [end["name"] for end in network["outputs"]]
    return _called(loss, dict(zip(names, outputs)), dict(zip(names, placeholders.targets)), dict(placeholders.extras))


def call_on_target(loss: OwnLoss, output: tf.Tensor, target: tf.Tensor, placeholders: Placeholders) -> tf.Tensor:
    """The loss of a batch, a float32 scalar, from a function of one output. Raises ModelError."""
    return _called(loss, output, target, dict(placeholders.extras))


def _called(loss: OwnLoss, outputs: Any, targets: Any, extras: Dict[str, tf.Tensor]) -> tf.Tensor:
    before = set(tf.global_variables())
    with translated_errors("{} could not be called with outputs, targets and extras".format(_name(loss)), loss.source,
                           ModelError, where=loss.where, next_step=CORRECT), file_guard.calling(loss.where,
                           loss.folder):
        found = loss.function(outputs, targets, extras)
    made = [variable.op.name for variable in tf.global_variables() if variable not in before]
    if made:
        raise ModelError("{} creates variables: {}".format(_name(loss), ", ".join(made)), where=loss.where,
                         why="they would not be saved for later stages",
                         next_step="compute the loss from outputs, targets, extras and constants")
    try:
        found = tf.convert_to_tensor(found)
    except (TypeError, ValueError):
        raise ModelError("{} returns {!r}, which is not a number".format(_name(loss), type(found).__name__),
                         where=loss.where, why="training minimizes one number for each batch",
                         next_step="return a scalar tensor: tf.reduce_mean of the losses of the samples") from None
    if found.dtype != tf.float32 or found.shape.ndims != 0:
        raise ModelError("{} returns {} of shape {}, not a float32 scalar".format(
            _name(loss), found.dtype.name, found.shape if found.shape.ndims is not None else "unknown"),
            where=loss.where, why="training minimizes one number for each batch",
            next_step="return tf.reduce_mean(...) of it" if found.dtype == tf.float32 else
            "return tf.reduce_mean(tf.cast(..., tf.float32)) of it")
    return found


def _name(loss: OwnLoss) -> str:
    return "the loss {}".format(getattr(loss.function, "__name__", "of the recipe"))


def raw_losses(network: io_spec.Network, outputs: Sequence[tf.Tensor], own: OwnLosses) -> Optional[RawLosses]:
    """The losses of the raw outputs, which decide which epoch is best; None if no output is raw."""
    if not any(end["kind"] == "raw" for end in network["outputs"]):
        return None
    placeholders = Placeholders(network)
    whole = call_on_all(own.of_all, network, outputs, placeholders) if own.of_all else None
    losses = {end["name"]: whole if whole is not None else call_on_target(
        own.of_target[end["name"]], output, target, placeholders)
        for end, output, target in zip(network["outputs"], outputs, placeholders.targets) if end["kind"] == "raw"}
    return RawLosses(losses, placeholders)


def expect_sound(session: tf.Session, network: io_spec.Network, inputs: Sequence[tf.Tensor],
                 outputs: Sequence[tf.Tensor], own: OwnLosses, part: Part, sample_count: int) -> None:
    """Raises ModelError unless each loss is a scalar, is differentiable with respect to each output that it is given,
    and is finite, with finite gradients, on the first `sample_count` samples of the part. The session's graph has to be
    the current one."""
    placeholders = Placeholders(network)
    checked = [] if own.of_all is None else [(own.of_all, call_on_all(own.of_all, network, outputs, placeholders), [
        (end["name"], output) for end, output in zip(network["outputs"], outputs)])]
    checked += [(own.of_target[end["name"]], call_on_target(own.of_target[end["name"]], output, target, placeholders),
                 [(end["name"], output)])
                for end, output, target in zip(network["outputs"], outputs, placeholders.targets)
                if end["name"] in own.of_target]
    few = slice(0, sample_count)
    fed = {**io_spec.feed(network, inputs, part, few), **placeholders.fed(part, few)}
    for loss, value, read in checked:
        gradients = _gradients(loss, value, read)
        try:
            found, slopes = session.run([value, gradients], fed)
        except tf.errors.OpError as error:
            raise ModelError("{} fails on the first {} samples".format(_name(loss), min(sample_count, len(part))),
                             where=loss.where, why="at {}: TensorFlow says: {}".format(
                                 error.op.name if error.op else "an operation", error.message.splitlines()[0]),
                             next_step=CORRECT) from error
        _expect_finite(loss, found, "is {}".format(found))
        for (name, _), slope in zip(read, slopes):
            _expect_finite(
                loss, slope, "has a gradient that is not finite with respect to the output '{}'".format(name))


def _gradients(loss: OwnLoss, value: tf.Tensor, read: List[Tuple[str, tf.Tensor]]) -> List[tf.Tensor]:
    try:
        gradients = tf.gradients(value, [output for _, output in read])
    except LookupError as error:  # an operation that has no gradient
        raise ModelError("{} is not differentiable".format(_name(loss)), where=loss.where,
                         why="TensorFlow says: {}".format(str(error).splitlines()[0]),
                         next_step="do not use that operation, or wrap what is constant in tf.stop_gradient"
                         ) from None
    for (name, _), gradient in zip(read, gradients):
        if gradient is None:
            raise ModelError(
                "{} is not differentiable with respect to the output '{}'".format(_name(loss), name), where=loss.where,
                why="it does not read the output, or only through operations without a gradient (argmax, comparisons, "
                    "casts to integers, tf.round, tf.py_func), so it cannot train that output",
                next_step="compute it from that output by differentiable operations; or, if the output need not be "
                          "trained, remove it from the network")
    return [tf.convert_to_tensor(gradient) for gradient in gradients]


def _expect_finite(loss: OwnLoss, values: Any, what: str) -> None:
    if not np.isfinite(values).all():
        raise ModelError(
            "{} {}".format(_name(loss), what), where=loss.where,
            why="with the network's initial weights and the first samples; training cannot recover from it",
            next_step="look for divisions by 0 and for log, sqrt or pow of 0: add a small number, or divide by "
                      "tf.maximum(..., 1.0)")
