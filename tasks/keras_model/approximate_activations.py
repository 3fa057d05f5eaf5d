"""Activations without a uint8 kernel are approximated by operations that have one.

    softplus(x)      level + sum of slope * relu(x - knee)        a line on each side, secants between

Where a recipe says `model: {approximate: [softplus]}`, this takes the activation's place in the float phase
already, so that the network is trained with it. Knees are set so that the largest error is the same between
each two of them; half of it is on either side.
"""

from typing import Any, Callable, Iterator, List, NamedTuple, Optional, Sequence, Set

import numpy as np
import tensorflow as tf

from octet.errors import ModelError
from tasks.graph import contrib, io_spec
from tasks.graph.scopes import APPROXIMATED

SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805  # Klambauer et al. 2017, arXiv:1706.02515
GRID = 20001

ERROR = {"softplus": 0.02, "elu": 0.02, "selu": 0.04}
"""The largest error of each approximation, over all reals."""


class Curve(NamedTuple):
    """A function that is nearly a line outside [low, high], and the largest error that its approximation may have."""

    function: Callable[[np.ndarray], np.ndarray]
    low: float
    high: float
    error: float


def softplus() -> Curve:
    return Curve(lambda x: np.logaddexp(0, x), -5.0, 5.0, ERROR["softplus"])


def elu(alpha: float = 1.0, scale: float = 1.0, error: float = ERROR["elu"]) -> Curve:
    """scale * x, below 0 scale * alpha * (exp(x) - 1)."""
    return Curve(lambda x: scale * np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0))),
                 -5.0 - np.log(max(1.0, abs(scale * alpha))), 0.0, error)


CURVES = {"Softplus": ("softplus", softplus()), "Elu": ("elu", elu()),
          "Selu": ("selu", elu(SELU_ALPHA, SELU_SCALE, ERROR["selu"]))}
"""{TensorFlow's operation: (its name in a recipe, its curve)}."""


class Pieces(NamedTuple):
    """level + sum of slopes[i] * relu(x - knees[i])."""

    level: float
    knees: List[float]
    slopes: List[float]

    def __call__(self, x: np.ndarray) -> np.ndarray:
        return self.level + sum(slope * np.maximum(x - knee, 0) for knee, slope in zip(self.knees, self.slopes))


def pieces(curve: Curve) -> Pieces:
    """The fewest lines that approximate the curve within its error; the slope is 0 left of the first knee."""
    knees = _knees(curve, 2 * curve.error)
    values = curve.function(np.array(knees))
    rises = np.diff(values) / np.diff(knees)
    # Left of the first knee it is level, right of the last it goes on as the curve does.
    ends = np.array([0.0, *rises, curve.function(np.array(1e3 + 1)) - curve.function(np.array(1e3))])
    found = Pieces(float(values[0]), [float(knee) for knee in knees], [float(slope) for slope in np.diff(ends)])
    x = np.linspace(curve.low - 10, curve.high + 10, GRID)
    off = found(x) - curve.function(x)
    return found._replace(level=found.level - float(off.max() + off.min()) / 2)


def _knees(curve: Curve, error: float) -> List[float]:
    """The knees from low to high, each as far from the one before as the error of the secant allows."""
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


class Activation(NamedTuple):
    """An activation in a graph: `y` computed from `x`. name: as a recipe calls it."""

    name: str
    x: tf.Tensor
    y: tf.Tensor
    curve: Curve


def replace(names: Sequence[str], outputs: Sequence[tf.Tensor]) -> List[tf.Tensor]:
    """The outputs, now that the activations named are approximated everywhere before them in the live graph.

    Comes before the loss: a gradient that is there already would be that of the activation itself.
    Raises ModelError for a name that there is nothing of.
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
                parts.update(tensor.op for tensor in found.y.op.inputs)  # what a choice is made of is not looked at
    for name in names:
        if name not in present:
            raise ModelError(
                "the network has no {}".format(name), where="model.approximate",
                why="there is nothing to approximate; it has {} that may be".format(
                    ", ".join(sorted(present)) or "no activation"),
                next_step="leave {} out of the list".format(name))
    return outputs


def _choices(operations: Sequence[tf.Operation]) -> Iterator[Activation]:
    """The activations that Keras writes as where(x > 0, elu(x), alpha * elu(x))."""
    for operation in operations:
        alpha = _alpha(operation) if operation.type == "Select" else None
        if alpha is not None:
            x, y = operation.inputs[1].op.inputs[0], operation.outputs[0]
            if np.isclose(alpha, SELU_ALPHA):  # Keras multiplies it by SELU_SCALE behind it
                yield Activation("selu", x, y, elu(SELU_ALPHA, error=ERROR["selu"] / SELU_SCALE))
            else:
                yield Activation("elu", x, y, elu(alpha))


def _alpha(choice: tf.Operation) -> Optional[float]:
    """The alpha of where(x > 0, elu(x), alpha * elu(x)); None of any other choice."""
    condition, inside, scaled = (tensor.op for tensor in choice.inputs)
    if (condition.type, inside.type, scaled.type) != ("Greater", "Elu", "Mul"):
        return None
    alpha = tf.get_static_value(scaled.inputs[0])
    is_elu = (condition.inputs[0] is inside.inputs[0] and tf.get_static_value(condition.inputs[1]) == 0
              and scaled.inputs[1] is inside.outputs[0] and np.size(alpha) == 1)
    return float(alpha) if is_elu and alpha is not None else None


def _operations(operations: Sequence[tf.Operation]) -> Iterator[Activation]:
    """The activations that are one operation of TensorFlow."""
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
            # The slope goes inside the ReLU: one layer makes all of it.
            piece = tf.nn.relu(abs(slope) * x - abs(slope) * knee)
            if total is None:
                total = piece if slope > 0 else -piece
            else:
                total = total + piece if slope > 0 else total - piece
        return total + found.level
