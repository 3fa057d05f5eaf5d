"""The regularization of a Keras model: dropout, noise, l1 and l2 penalties. Its inference graph contains none of it.

TrainFloat writes it to regularization.json; the quantized phase reads it (tasks/training/qat_regularization.py):

    noises     [{layer, kind: dropout | gaussian_dropout | gaussian_noise, size, shared_axes, tensor}]
    penalties  [{layer, variable, l1, l2}]
    left       [a sentence for each regularization that has neither form, and that the quantized phase leaves out]

size: the rate; for gaussian_noise, the standard deviation. shared_axes: the axes along which the mask of a sample is
constant. tensor: the node of float.pb whose output the layer reads. variable: the node of the weights in float.pb.
"""

import json
from pathlib import Path
from typing import Any, Collection, Iterator, List, Optional, Tuple

import tensorflow as tf
from typing_extensions import TypedDict

from tasks.graph import io_spec
from tasks.keras_model import layer_patterns
from tasks.keras_model.build import Built

FILE = "regularization.json"
L = tf.keras.layers
SHARED = {L.SpatialDropout1D: [1], L.SpatialDropout2D: [1, 2], L.SpatialDropout3D: [1, 2, 3]}
"""{class of layer: the axes along which the mask of a sample is constant}."""
WEIGHTS = {"kernel_regularizer": "kernel", "depthwise_regularizer": "depthwise_kernel",
           "pointwise_regularizer": "pointwise_kernel"}
"""{attribute of a layer that holds a penalty: the attribute that holds the penalized weights}."""
OTHER_PENALTIES = ("bias_regularizer", "activity_regularizer", "gamma_regularizer", "beta_regularizer",
                   "embeddings_regularizer")


class Noise(TypedDict):
    """A dropout or noise layer; the fields are explained at the top of the file."""

    layer: str
    kind: str
    size: float
    shared_axes: List[int]
    tensor: str


class Penalty(TypedDict):
    """The penalty l1 * sum |w| + l2 * sum w^2 on a layer's weights."""

    layer: str
    variable: str
    l1: float
    l2: float


class Regularization(TypedDict):
    """The content of regularization.json; the fields are explained at the top of the file."""

    noises: List[Noise]
    penalties: List[Penalty]
    left: List[str]


def of(built: Built) -> Regularization:
    """The regularization of a model that was built in inference mode in the current graph."""
    found: Regularization = {"noises": [], "penalties": [], "left": []}
    on_path = set(io_spec.before(built.outputs))
    layers = list(layer_patterns.named(built.model))
    for name, layer in layers:
        kind = _kind(layer)
        if kind is not None:
            places = list(_places(layer, on_path))
            found["noises"].extend({"layer": name, "kind": kind[0], "size": kind[1], "shared_axes": kind[2],
                                    "tensor": tensor} for tensor in places)
            if not places:
                found["left"].append("{} {}: its position in the network is unknown".format(type(layer).__name__, name))
        elif isinstance(layer, L.AlphaDropout):
            found["left"].append("AlphaDropout {}: it is made for SELU only".format(name))
        _add_penalties(name, layer, found)
    found["left"].extend(_others(built.model, {id(layer) for _, layer in layers}))
    return found


def _others(model: tf.keras.Model, known: Collection[int]) -> Iterator[str]:
    """A sentence for each regularized layer inside a layer that is not a model (such as TimeDistributed), and for each
    layer that adds a loss of its own. known: the ids of the layers that `of` has examined."""
    for layer in model.submodules:
        if not isinstance(layer, L.Layer) or isinstance(layer, tf.keras.Model):
            continue
        penalties = any(getattr(layer, name, None) is not None for name in (*WEIGHTS, *OTHER_PENALTIES))
        if id(layer) not in known and (_kind(layer) is not None or penalties):
            yield "{} {}: it is inside another layer".format(type(layer).__name__, layer.name)
        elif id(layer) in known and layer.losses and not penalties:
            yield "the losses of {} {}: not l1 or l2".format(type(layer).__name__, layer.name)


def _kind(layer: tf.keras.layers.Layer) -> Optional[Tuple[str, float, List[int]]]:
    """(kind, size, shared_axes) of a dropout or noise layer. None for other layers, and for a rate of 0."""
    if isinstance(layer, L.GaussianNoise):
        return ("gaussian_noise", float(layer.stddev), []) if layer.stddev else None
    if isinstance(layer, L.GaussianDropout):
        return ("gaussian_dropout", float(layer.rate), []) if layer.rate else None
    if not isinstance(layer, L.Dropout) or not layer.rate:
        return None
    shared = next((axes for cls, axes in SHARED.items() if isinstance(layer, cls)), None)
    if shared is None:
        shared = [axis for axis, size in enumerate(layer.noise_shape or ()) if size == 1]
    return "dropout", float(layer.rate), shared


def _places(layer: tf.keras.layers.Layer, on_path: Any) -> Iterator[str]:
    """The name of the node that the layer reads, for each call of the layer that is part of the network."""
    for number in range(len(layer._inbound_nodes)):
        output = layer.get_output_at(number)
        if isinstance(output, tf.Tensor) and output.op in on_path and output.op.type == "Identity":
            source = output
            while source.op.type == "Identity":
                source = source.op.inputs[0]
            if source.value_index == 0:
                yield source.op.name


def _add_penalties(name: str, layer: tf.keras.layers.Layer, found: Regularization) -> None:
    for attribute, of_what in WEIGHTS.items():
        penalty, variable = getattr(layer, attribute, None), getattr(layer, of_what, None)
        if penalty is None or variable is None:
            continue
        if type(penalty) is not tf.keras.regularizers.L1L2:
            found["left"].append("the {} of {}: not l1 or l2".format(attribute, name))
        elif penalty.l1 or penalty.l2:
            found["penalties"].append({"layer": name, "variable": variable.op.name, "l1": float(penalty.l1),
                                       "l2": float(penalty.l2)})
    found["left"].extend("the {} of {}: not a penalty on its kernel".format(attribute, name)
                         for attribute in OTHER_PENALTIES if getattr(layer, attribute, None) is not None)


def write(folder: Path, regularization: Regularization) -> None:
    """Writes regularization.json; equal content gives equal bytes."""
    (folder / FILE).write_text(json.dumps(regularization, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def read(folder: Path) -> Regularization:
    """Reads regularization.json from the folder."""
    found: Regularization = json.loads((folder / FILE).read_text(encoding="utf-8"))
    return found
