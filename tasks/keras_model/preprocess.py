"""Preprocessing of pictures inside the network, as set by `model.preprocess` in the recipe.

    input -> 1x1 convolution by constants -> the network      y = x * scale + shift, for caffe with R and B exchanged

The input itself does not change: codes 0..255 with the dataset's range. The preprocessing is one operation, which the
quantization path folds into the first layer (tasks/quantize/rewrites/fold_preprocessing.py).
"""

from typing import Any, Dict, NamedTuple, Sequence, Tuple

import numpy as np
import tensorflow as tf

from octet.data.dataset import Dataset, Input
from octet.errors import ModelError
from octet.quantization import quantization
from tasks.graph import contrib
from tasks.graph.scopes import PREPROCESS


class Preprocessing(NamedTuple):
    """Channel i of the result is pixel[source[i]] * scale[i] + shift[i], for a pixel with channels from 0 to 1."""

    source: Tuple[int, ...]
    scale: np.ndarray
    shift: np.ndarray


_MODES: Dict[str, Preprocessing] = {
    "caffe": Preprocessing((2, 1, 0), np.full(3, 255.0), -np.array([103.939, 116.779, 123.68])),
    "torch": Preprocessing((0, 1, 2), 1 / np.array([0.229, 0.224, 0.225]),
                           -np.array([0.485, 0.456, 0.406]) / np.array([0.229, 0.224, 0.225])),
}
"""The modes of keras_applications.imagenet_utils.preprocess_input; `of` adds `tf`, for any number of channels."""


def of(way: Any, channels: int) -> Preprocessing:
    """The preprocessing for pictures with this number of channels. way: `caffe`, `torch`, `tf` or {mean, std}. Raises
    ModelError if it does not fit the number of channels."""
    every = tuple(range(channels))
    if isinstance(way, dict):
        mean, std = (np.asarray(way[key], np.float64).reshape(-1) for key in ("mean", "std"))
        if any(len(entry) not in (1, channels) for entry in (mean, std)):
            raise _refusal("mean and std have {} and {} numbers".format(len(mean), len(std)),
                           "the pictures have {} channel{}".format(channels, "s" * (channels > 1)),
                           "give one number, or one for each channel")
        return Preprocessing(every, np.broadcast_to(1 / std, [channels]), np.broadcast_to(-mean / std, [channels]))
    if way == "tf":
        return Preprocessing(every, np.full(channels, 2.0), np.full(channels, -1.0))
    if channels != 3:
        raise _refusal("preprocess: {} is for pictures of 3 channels".format(way),
                       "these have {}; the mode has constants for red, green and blue".format(channels),
                       "read them with channels: 3, or write {mean: ..., std: ...}")
    return _MODES[way]


def insert(ways: Any, names: Sequence[str], inputs: Sequence[tf.Tensor], dataset: Dataset) -> None:
    """Inserts the preprocessing between the inputs and all operations that read them.

    ways: the recipe's `model.preprocess`. names: the names of the inputs in the dataset. Raises ModelError for an input
    that is not a picture, and for a setting that does not name one of several inputs.
    """
    for name, way in _by_input(ways, names).items():
        spec = dataset.inputs[name]
        if len(spec.shape) != 3:
            raise _refusal("the input {} is not a picture".format(name),
                           "a sample of it is {}; a picture is [height, width, channels]".format(list(spec.shape)),
                           "remove preprocess, and do the arithmetic in the network")
        tensor = inputs[list(names).index(name)]
        kernel, shift = _arithmetic(of(way, spec.shape[-1]), spec)
        readers = tensor.consumers()
        with tf.name_scope(PREPROCESS):
            made = tf.nn.conv2d(tensor, kernel, 1, "VALID", name="scale")
            made = tf.nn.bias_add(made, shift, name="shift")
        if readers:
            contrib.common.RerouteTensor(made, tensor, can_modify=readers)


def _arithmetic(way: Preprocessing, spec: Input) -> Tuple[np.ndarray, np.ndarray]:
    """(kernel [1, 1, C, C], shift [C]), both for the dequantized input."""
    step, zero_point = quantization(spec.low, spec.high)
    kernel = np.zeros([1, 1, len(way.source), len(way.source)])
    kernel[0, 0, way.source, range(len(way.source))] = way.scale / (255 * step)
    return kernel.astype(np.float32), (way.scale * zero_point / 255 + way.shift).astype(np.float32)


def _by_input(ways: Any, names: Sequence[str]) -> Dict[str, Any]:
    """{name of an input in the dataset: its preprocessing in the recipe}."""
    if not isinstance(ways, dict) or set(ways) == {"mean", "std"}:
        if len(names) > 1:
            raise _refusal("the network has {} inputs".format(len(names)), "preprocess does not name one of them",
                           "write {{INPUT: ...}}; the inputs are {}".format(", ".join(names)))
        return {names[0]: ways}
    unknown = sorted(set(ways) - set(names))
    if unknown:
        raise _refusal("there is no input {}".format(", ".join(unknown)), "",
                       "the inputs are {}".format(", ".join(names)))
    return dict(ways)


def _refusal(what: str, why: str, next_step: str) -> ModelError:
    return ModelError(what, where="model.preprocess", why=why, next_step=next_step)
