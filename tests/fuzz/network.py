"""Networks as data that can be printed, compared, built with Keras and reduced (`shrink`): functional graphs of all
layers that Octet supports. random_network.py draws them."""

from typing import Any, Dict, List, NamedTuple, Optional, Tuple

import numpy as np
import tensorflow as tf

from octet.data.dataset import Input, quantization
from tests.fuzz.later_pieces import LATER
from tests.fuzz.piece import LAYERS, Piece, Shape
from tests.fuzz.pieces import PIECES

MERGES = {"add": LAYERS.Add, "subtract": LAYERS.Subtract, "multiply": LAYERS.Multiply, "maximum": LAYERS.Maximum,
          "minimum": LAYERS.Minimum, "average": LAYERS.Average, "concatenate": LAYERS.Concatenate}
class Step(NamedTuple):
    """One application of a layer. sources: numbers of tensors; the inputs come first, then the output of each step.
    shared: the step whose layer is used again; None if the step has a layer of its own."""

    kind: str
    sources: Tuple[int, ...]
    args: Dict[str, Any]
    shape: Shape
    shared: Optional[int] = None


class Network(NamedTuple):
    """inputs: {name: the range of its codes}. outputs: numbers of tensors."""

    inputs: Dict[str, Input]
    steps: List[Step]
    outputs: List[int]
    seed: int

    def build(self, values: Optional[Dict[str, List[np.ndarray]]] = None) -> tf.keras.Model:
        """The model in the current graph. values: {layer: its weights}, which become the initial values of the
        variables; see `weights.measured`."""
        tensors = [LAYERS.Input(spec.shape, name=name) for name, spec in self.inputs.items()]
        layers = []
        for number, step in enumerate(self.steps):
            layer = layers[step.shared] if step.shared is not None else _layer(number, step, values or {})
            layers.append(layer)
            given = [tensors[source] for source in step.sources]
            tensors.append(layer(given if step.kind in MERGES else given[0]))
        return tf.keras.Model(tensors[:len(self.inputs)], [tensors[output] for output in self.outputs])

    def samples(self, count: int, seed: int = 0) -> Dict[str, np.ndarray]:
        """Codes [count, ...] uint8 for each input: noise, smooth, dark and bright samples."""
        random, found = np.random.RandomState([self.seed, seed]), {}
        for name, spec in self.inputs.items():
            noise = random.uniform(0, 1, (count,) + spec.shape)
            flat = random.uniform(0, 1, (count,) + (1,) * len(spec.shape))
            share = random.uniform(0, 1, (count,) + (1,) * len(spec.shape))
            found[name] = np.floor(255 * (share * noise + (1 - share) * flat) + 0.5).astype(np.uint8)
        return found

    def reals(self, codes: Dict[str, np.ndarray]) -> List[np.ndarray]:
        """The reals of the codes, float32, in the order of the model's inputs."""
        found = []
        for name, spec in self.inputs.items():
            scale, zero_point = quantization(spec.low, spec.high)
            found.append((codes[name].astype(np.float32) - zero_point) * np.float32(scale))
        return found

    def __str__(self) -> str:
        names = list(self.inputs) + ["t{}".format(number) for number in range(len(self.steps))]
        lines = ["{} = input{} in [{:g}, {:g}]".format(name, spec.shape, spec.low, spec.high)
                 for name, spec in self.inputs.items()]
        lines += ["t{} = {}({}) {} {}{}".format(
            number, step.kind, ", ".join(names[source] for source in step.sources), step.shape, step.args or "",
            "" if step.shared is None else " the layer of t{}".format(step.shared))
            for number, step in enumerate(self.steps)]
        return "\n".join(lines + ["outputs: " + ", ".join(names[output] for output in self.outputs)])


def pieces_of(seed: float) -> Dict[str, Piece]:
    """The pieces that a network of this seed may contain."""
    found = dict(PIECES)
    for first, pieces in LATER.items():
        if seed >= first:
            found.update(pieces)
    return found


ALL = pieces_of(np.inf)


def layer_name(number: int, kind: str) -> str:
    """The Keras name of a step's layer."""
    return "t{}_{}".format(number, kind)


def _layer(number: int, step: Step, values: Dict[str, List[np.ndarray]]) -> tf.keras.layers.Layer:
    name = layer_name(number, step.kind)
    if step.kind in MERGES:
        return MERGES[step.kind](name=name)
    piece, more = ALL[step.kind], {}
    if name in values:
        more = {weights + "_initializer": tf.constant_initializer(value)
                for weights, value in zip(weight_names(step), values[name])}
    return piece.make(step.args, name, **more)


def weight_names(step: Step) -> List[str]:
    """The names of the variables of a step's layer, in Keras' order."""
    absent = {"bias": step.args.get("bias") is False, "gamma": step.args.get("scale") is False,
              "beta": step.args.get("center") is False}
    return [name for name in ALL[step.kind].weights if not absent.get(name)] if step.kind in ALL else []
