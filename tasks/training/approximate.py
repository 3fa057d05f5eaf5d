"""Activations without a uint8 kernel, approximated by pieces that have one.

    softplus(x)      level + sum of slope * relu(x - knee)        a line on each side, secants between

Where a recipe says `model: {approximate: [softplus]}`, this takes the activation's place in the float phase
already, so that the network is trained with it. Knees are set so that the largest error is the same between
each two of them; half of it is on either side.
"""

from typing import Callable, Dict, List, NamedTuple, Sequence, Tuple

import numpy as np
import tensorflow as tf
from tensorflow.contrib.quantize.python import common

SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805  # Klambauer et al. 2017, arXiv:1706.02515
GRID = 20001


class Curve(NamedTuple):
    """An activation that is nearly a line outside [low, high]: `op` is its TensorFlow operation."""

    op: str
    function: Callable[[np.ndarray], np.ndarray]
    low: float
    high: float
    knees: Tuple[float, ...] = ()  # where it has a corner of its own


CURVES: Dict[str, Curve] = {
    "softplus": Curve("Softplus", lambda x: np.logaddexp(0, x), -5.0, 5.0),
    "elu": Curve("Elu", lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))), -5.0, 0.0),
    "selu": Curve("Selu", lambda x: SELU_SCALE * np.where(x > 0, x, SELU_ALPHA * np.expm1(np.minimum(x, 0))),
                  -6.0, 0.0),
}
ERROR = {"softplus": 0.02, "elu": 0.02, "selu": 0.04}
"""The largest error of each approximation, over all reals."""


class Pieces(NamedTuple):
    """level + sum of slopes[i] * relu(x - knees[i])."""

    level: float
    knees: List[float]
    slopes: List[float]

    def __call__(self, x: np.ndarray) -> np.ndarray:
        return self.level + sum(slope * np.maximum(x - knee, 0) for knee, slope in zip(self.knees, self.slopes))


def pieces(name: str) -> Pieces:
    """The fewest lines within ERROR[name] of an activation that is 0-sloped on the left, sloped on the right."""
    curve = CURVES[name]
    knees = _knees(curve, 2 * ERROR[name])
    values = curve.function(np.array(knees))
    rises = np.diff(values) / np.diff(knees)
    # Left of the first knee it is level, right of the last it goes on as the curve does.
    ends = np.array([0.0, *rises, curve.function(np.array(1e3 + 1)) - curve.function(np.array(1e3))])
    found = Pieces(float(values[0]), [float(knee) for knee in knees], [float(slope) for slope in np.diff(ends)])
    x = np.linspace(curve.low - 10, curve.high + 10, GRID)
    off = found(x) - curve.function(x)
    return found._replace(level=found.level - float(off.max() + off.min()) / 2)


def _knees(curve: Curve, error: float) -> List[float]:
    """From low to high, each as far from the one before as the secant's error allows."""
    grid = np.linspace(curve.low, curve.high, GRID)
    values, knees, start = curve.function(grid), [0], 0
    while start < GRID - 1:
        reach, step = start + 1, GRID - 1 - start
        while step:
            end = min(start + step, GRID - 1)
            line = np.interp(grid[start:end + 1], [grid[start], grid[end]], [values[start], values[end]])
            if np.abs(line - values[start:end + 1]).max() <= error:
                reach = max(reach, end)
                break
            step //= 2
        # The halving stops short of the farthest point: creep on.
        while reach < GRID - 1:
            end = min(reach + max(1, GRID // 200), GRID - 1)
            line = np.interp(grid[start:end + 1], [grid[start], grid[end]], [values[start], values[end]])
            if np.abs(line - values[start:end + 1]).max() > error:
                break
            reach = end
        knees.append(reach)
        start = reach
    return [float(grid[index]) for index in knees]


def replace(graph: tf.Graph, names: Sequence[str], outputs: Sequence[tf.Tensor]) -> List[tf.Tensor]:
    """The outputs, now that the activations named are approximated everywhere in the live graph.

    Comes before the loss: a gradient that is there already would be that of the activation itself.
    """
    outputs = list(outputs)
    for name in names:
        found = pieces(name)
        for operation in [each for each in graph.get_operations() if each.type == CURVES[name].op]:
            old = operation.outputs[0]
            readers = old.consumers()
            new = _built(operation, found)
            if readers:
                common.RerouteTensor(new, old, can_modify=readers)
            outputs = [new if output is old else output for output in outputs]
    return outputs


def _built(operation: tf.Operation, found: Pieces) -> tf.Tensor:
    x = operation.inputs[0]
    with x.graph.as_default(), tf.name_scope(operation.name + "/approximated/"):
        total = None
        for knee, slope in zip(found.knees, found.slopes):
            # The slope goes inside the ReLU: one layer makes all of it.
            piece = tf.nn.relu(abs(slope) * x - abs(slope) * knee)
            total = piece if total is None else total + piece if slope > 0 else total - piece
        return total + found.level
