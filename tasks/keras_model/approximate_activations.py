"""Approximates activations that have no uint8 kernel by operations that have one.

    softplus(x)      level + sum of slope * relu(x - knee)        piecewise linear: secants between the knees, and a
                                                                  straight line left of the first and right of the last

With `model: {approximate: [softplus]}` in the recipe, the approximation replaces the activation before the float
training, so that the network is trained with it. The knees are placed so that the largest error is equal on all
segments. The level shifts the curve so that the errors above and below it are equal, which halves the largest error.
"""

from typing import Any, Callable, Iterator, List, NamedTuple, Optional, Sequence, Set

import numpy as np
import tensorflow as tf

from octet.errors import ModelError
from tasks.graph import contrib, io_spec
from tasks.graph.scopes import APPROXIMATED

SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805  # Klambauer et al. 2017, arXiv:1706.02515
GRID = 20001
"""The number of points at which a curve is compared with its approximation."""

ERROR = {"softplus": 0.02, "elu": 0.02, "selu": 0.04}
"""{activation: the largest absolute error of its approximation over all reals}."""


class Curve(NamedTuple):
    """A function that is almost linear outside [low, high]. error: the largest allowed error of its approximation."""

    function: Callable[[np.ndarray], np.ndarray]
    low: float
    high: float
    error: float


def softplus() -> Curve:
    return Curve(lambda x: np.logaddexp(0, x), -5.0, 5.0, ERROR["softplus"])


def elu(alpha: float = 1.0, scale: float = 1.0, error: float = ERROR["elu"]) -> Curve:
    """The function scale * x for x > 0, and scale * alpha * (exp(x) - 1) otherwise."""
    return Curve(lambda x: scale * np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0))),
                 -5.0 - np.log(max(1.0, abs(scale * alpha))), 0.0, error)


CURVES = {"Softplus": ("softplus", softplus()), "Elu": ("elu", elu()),
          "Selu": ("selu", elu(SELU_ALPHA, SELU_SCALE, ERROR["selu"]))}
"""{type of the TensorFlow operation: (the activation's name in a recipe, its curve)}."""


class Pieces(NamedTuple):
    """A piecewise linear function: level + sum of slopes[i] * relu(x - knees[i])."""

    level: float
    knees: List[float]
    slopes: List[float]

    def __call__(self, x: np.ndarray) -> np.ndarray:
        return self.level + sum(slope * np.maximum(x - knee, 0) for knee, slope in zip(self.knees, self.slopes))


def pieces(curve: Curve) -> Pieces:
    """The approximation of the curve within `curve.error` that needs the fewest lines. Its slope is 0 left of the first
    knee."""
    knees = _knees(curve, 2 * curve.error)
    values = curve.function(np.array(knees))
    rises = np.diff(values) / np.diff(knees)
    # Slope 0 left of the first knee; right of the last knee, the slope of the curve far out.
    ends = np.array([0.0, *rises, curve.function(np.array(1e3 + 1)) - curve.function(np.array(1e3))])
    found = Pieces(float(values[0]), [float(knee) for knee in knees], [float(slope) for slope in np.diff(ends)])
    x = np.linspace(curve.low - 10, curve.high + 10, GRID)
    off = found(x) - curve.function(x)
    return found._replace(level=found.level - float(off.max() + off.min()) / 2)


def _knees(curve: Curve, error: float) -> List[float]:
    """The knees in ascending order. Each is as far from the previous one as possible without the secant between them
    being off by more than `error`."""
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
        # The halving may stop before the farthest possible point: continue in small steps.
        while reach < GRID - 1:
            end = min(reach + max(1, GRID // 200), GRID - 1)
            line = np.interp(grid[start:end + 1], [grid[start], grid[end]], [values[start], values[end]])
            if np.abs(line - values[start:end + 1]).max() > error:
                break
            reach = end
        knees.append(reach)
        start = reach
    return [float(grid[index]) for index in knees]


class Activation(NamedTuple):
    """An activation in a graph: the tensor `y`, computed from `x`. name: its name in a recipe."""

    name: str
    x: tf.Tensor
    y: tf.Tensor
    curve: Curve


def replace(names: Sequence[str], outputs: Sequence[tf.Tensor]) -> List[tf.Tensor]:
    """Replaces the named activations by approximations everywhere in the graph that computes `outputs`.

    Returns the outputs, which may be other tensors. Call it before the loss is built: existing gradients would remain
    those of the original activation. Raises ModelError for a name of which the network has no activation.
    """
    outputs = list(outputs)
    present: Set[str] = set()
    parts: Set[tf.Operation] = set()
    for find in (_choices, _operations):
        for found in find([operation for operation in io_spec.before(outputs) if operation not in parts]):
            present.add(found.name)
            if found.name in names:
                outputs = _replaced(found, outputs)
            else:
                # `_operations` must not find the Elu inside this activation.
                parts.update(tensor.op for tensor in found.y.op.inputs)
    for name in names:
        if name not in present:
            raise ModelError(
                "the network has no {}".format(name), where="model.approximate",
                why="there is nothing to approximate; activations of it that can be approximated: {}".format(
                    ", ".join(sorted(present)) or "none"),
                next_step="leave {} out of the list".format(name))
    return outputs


def _choices(operations: Sequence[tf.Operation]) -> Iterator[Activation]:
    """Finds the activations that Keras builds as where(x > 0, elu(x), alpha * elu(x))."""
    for operation in operations:
        alpha = _alpha(operation) if operation.type == "Select" else None
        if alpha is not None:
            x, y = operation.inputs[1].op.inputs[0], operation.outputs[0]
            if np.isclose(alpha, SELU_ALPHA):  # Keras multiplies the result by SELU_SCALE
                yield Activation("selu", x, y, elu(SELU_ALPHA, error=ERROR["selu"] / SELU_SCALE))
            else:
                yield Activation("elu", x, y, elu(alpha))


def _alpha(choice: tf.Operation) -> Optional[float]:
    """The alpha of a Select that computes where(x > 0, elu(x), alpha * elu(x)); None for any other Select."""
    condition, inside, scaled = (tensor.op for tensor in choice.inputs)
    if (condition.type, inside.type, scaled.type) != ("Greater", "Elu", "Mul"):
        return None
    alpha = tf.get_static_value(scaled.inputs[0])
    is_elu = (condition.inputs[0] is inside.inputs[0] and tf.get_static_value(condition.inputs[1]) == 0
              and scaled.inputs[1] is inside.outputs[0] and np.size(alpha) == 1)
    return float(alpha) if is_elu and alpha is not None else None


def _operations(operations: Sequence[tf.Operation]) -> Iterator[Activation]:
    """Finds the activations that are a single TensorFlow operation."""
    for operation in operations:
        if operation.type in CURVES:
            name, curve = CURVES[operation.type]
            yield Activation(name, operation.inputs[0], operation.outputs[0], curve)


def _replaced(activation: Activation, outputs: Sequence[tf.Tensor]) -> List[tf.Tensor]:
    """Replaces the activation by its approximation. Returns the outputs."""
    readers, new = activation.y.consumers(), _built(activation)
    if readers:
        contrib.common.RerouteTensor(new, activation.y, can_modify=readers)
    return [new if output is activation.y else output for output in outputs]


def _built(activation: Activation) -> tf.Tensor:
    x, found = activation.x, pieces(activation.curve)
    with x.graph.as_default(), tf.name_scope(activation.y.op.name + APPROXIMATED):
        total: Any = None
        for knee, slope in zip(found.knees, found.slopes):
            # The slope goes inside the ReLU, so that one kernel computes the product, the sum and the ReLU.
            piece = tf.nn.relu(abs(slope) * x - abs(slope) * knee)
            if total is None:
                total = piece if slope > 0 else -piece
            else:
                total = total + piece if slope > 0 else total - piece
        return total + found.level
