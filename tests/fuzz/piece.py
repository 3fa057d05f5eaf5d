"""What a piece of a random network is. A piece has one input tensor. It draws its arguments for a shape, computes its
output shape, and makes its Keras layer. Shapes are without the batch."""

from typing import Any, Callable, Dict, NamedTuple, Optional, Tuple

import numpy as np
import tensorflow as tf

LAYERS = tf.keras.layers
Shape = Tuple[int, ...]
Args = Dict[str, Any]

MOST_VALUES = 1024  # of one tensor: 16 x 16 x 4


class Piece(NamedTuple):
    """ranks: of the input shapes. often: the relative frequency. draw(random, shape): the arguments. shape(args,
    shape): the output shape; None if there is none. make(args, name): the layer. weights: the names of the layer's
    variables, as in its arguments `<name>_initializer`."""

    ranks: Tuple[int, ...]
    often: int
    draw: Callable[[Any, Shape], Args]
    shape: Callable[[Args, Shape], Optional[Shape]]
    make: Callable[..., tf.keras.layers.Layer]
    weights: Tuple[str, ...] = ()


def fits(shape: Optional[Shape]) -> bool:
    """Whether the network may continue with this shape."""
    return shape is not None and all(side >= 1 for side in shape) and int(np.prod(shape)) <= MOST_VALUES


def no_arguments(random, shape: Shape) -> Args:
    return {}


def same(args: Args, shape: Shape) -> Shape:
    return shape


def function(of):
    """A layer that applies a function to a tensor and the piece's arguments."""
    return lambda args, name, **more: LAYERS.Lambda(lambda x: of(x, args), name=name)
