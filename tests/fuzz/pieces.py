"""The parts of a random network: pieces with one input tensor. A piece draws its arguments for a shape, computes its
output shape, and makes its Keras layer. Shapes are without the batch."""

from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple

import numpy as np
import tensorflow as tf

LAYERS = tf.keras.layers
Shape = Tuple[int, ...]
Args = Dict[str, Any]

FUSED = (None, None, "relu", "relu", "sigmoid", "tanh")  # activations inside a layer
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


def _reach(random) -> float:
    """The size of a layer's values: ordinary, or anything from 1e-3 to 1e3."""
    return round(10 ** (random.uniform(-3, 3) if random.random() < 0.3 else random.uniform(-0.5, 1)), 6)


# Layers with weights. Windows (convolutions and pools) have size, stride, padding and dilation per axis.

def _window(random, shape: Shape, least: int = 1) -> Args:
    size = [random.randint(least, 3) for _ in shape[:-1]]
    dilated = random.random() < 0.15
    stride = [1 if dilated else random.choice((1, 1, 2))] * (len(shape) - 1)
    return {"size": size, "stride": stride, "padding": random.choice(("same", "same", "valid")),
            "dilation": [2 if dilated else 1] * (len(shape) - 1)}


def _windowed(args: Args, shape: Shape) -> List[int]:
    sides = []
    for side, size, stride, dilation in zip(shape, args["size"], args["stride"], args["dilation"]):
        reached = side if args["padding"] == "same" else side - (size - 1) * dilation
        sides.append(-(-reached // stride))
    return sides


def conv(random, shape: Shape) -> Args:
    return dict(_window(random, shape), filters=random.randint(1, 8), bias=random.random() < 0.6,
                activation=random.choice(FUSED), reach=_reach(random))


def conv_shape(args: Args, shape: Shape) -> Shape:
    return (*_windowed(args, shape), args["filters"])


def conv_made(layer):
    return lambda args, name, **more: layer(
        args["filters"], args["size"], strides=args["stride"], padding=args["padding"],
        dilation_rate=args["dilation"], use_bias=args["bias"], activation=args["activation"], name=name, **more)


def _depthwise(random, shape: Shape) -> Args:
    return dict(_window(random, shape), dilation=[1, 1], multiplier=random.choice((1, 1, 2)),
                bias=random.random() < 0.6, activation=random.choice(FUSED), reach=_reach(random))


def _depthwise_made(args: Args, name: str, **more):
    return LAYERS.DepthwiseConv2D(args["size"], strides=args["stride"], padding=args["padding"],
                                  depth_multiplier=args["multiplier"], use_bias=args["bias"],
                                  activation=args["activation"], name=name, **more)


def _separable_made(args: Args, name: str, **more):
    return LAYERS.SeparableConv2D(args["filters"], args["size"], strides=args["stride"], padding=args["padding"],
                                  use_bias=args["bias"], activation=args["activation"], name=name, **more)


def _transposed(random, shape: Shape) -> Args:
    return dict(conv(random, shape), dilation=[1, 1], stride=[random.choice((1, 2))] * 2,
                size=[random.randint(2, 3) for _ in range(2)])


def _transposed_shape(args: Args, shape: Shape) -> Shape:
    return tuple(side * stride + (max(size - stride, 0) if args["padding"] == "valid" else 0)
                 for side, stride, size in zip(shape, args["stride"], args["size"])) + (args["filters"],)


def _transposed_made(args: Args, name: str, **more):
    return LAYERS.Conv2DTranspose(args["filters"], args["size"], strides=args["stride"], padding=args["padding"],
                                  use_bias=args["bias"], activation=args["activation"], name=name, **more)


def dense(random, shape: Shape) -> Args:
    return {"units": random.randint(1, 12), "bias": random.random() < 0.7, "activation": random.choice(FUSED),
            "reach": _reach(random)}


def _dense_made(args: Args, name: str, **more):
    return LAYERS.Dense(args["units"], use_bias=args["bias"], activation=args["activation"], name=name, **more)


def _batch_norm(random, shape: Shape) -> Args:
    return {"scale": random.random() < 0.85, "center": random.random() < 0.85, "reach": _reach(random),
            "fused": random.choice((None, False))}


def _batch_norm_made(args: Args, name: str, **more):
    return LAYERS.BatchNormalization(scale=args["scale"], center=args["center"], fused=args["fused"], name=name,
                                     **more)


# Activations

def _relu(random, shape: Shape) -> Args:
    top = random.choice((None, None, 6.0, 1.0, 4.0))
    return random.choice(({"max_value": top, "negative_slope": 0.0},
                          {"max_value": top, "negative_slope": 0.0},
                          {"max_value": top, "negative_slope": round(random.uniform(0.01, 0.5), 3)}))


def function(of):
    """A layer that applies a function to a tensor and the piece's arguments."""
    return lambda args, name, **more: LAYERS.Lambda(lambda x: of(x, args), name=name)


def _activation(name: str):
    return lambda args, layer_name, **more: LAYERS.Activation(name, name=layer_name)


def _hard_swish(x, args: Args):
    return x * tf.nn.relu6(x + 3.0) / 6.0


# Shapes

def _pool(random, shape: Shape) -> Args:
    return dict(_window(random, shape, least=2), dilation=[1] * (len(shape) - 1))


def _pool_shape(args: Args, shape: Shape) -> Shape:
    return (*_windowed(args, shape), shape[-1])


def _pool_made(layer):
    return lambda args, name, **more: layer(args["size"], strides=args["stride"], padding=args["padding"],
                                            name=name)


def _pool_1d_made(layer):
    return lambda args, name, **more: layer(args["size"][0], strides=args["stride"][0], padding=args["padding"],
                                            name=name)


def _edges(random, shape: Shape) -> Args:
    return {"edges": [[random.randint(0, 2), random.randint(0, 2)] for _ in shape[:-1]]}


def _edged(sign: int):
    return lambda args, shape: tuple(side + sign * sum(edge) for side, edge in zip(shape, args["edges"])) + (
        shape[-1],)


def _upsampling(random, shape: Shape) -> Args:
    return {"interpolation": random.choice(("nearest", "bilinear"))}


def _reshape(random, shape: Shape) -> Args:
    """Reshapes to two or three axes with the same number of values."""
    count = int(np.prod(shape))
    first = random.choice([side for side in range(1, 17) if count % side == 0])
    rest = count // first
    second = random.choice([side for side in range(1, 17) if rest % side == 0])
    return {"shape": random.choice(([first, rest], [first, second, rest // second]))}


def _permute(random, shape: Shape) -> Args:
    order = list(range(len(shape)))
    random.shuffle(order)
    return {"axes": [axis + 1 for axis in order]}


def _slice(random, shape: Shape) -> Args:
    starts = [random.randint(0, side - 1) for side in shape]
    return {"starts": starts, "ends": [random.randint(start + 1, side) for start, side in zip(starts, shape)]}


def _sliced(x, args: Args):
    return x[(slice(None), *(slice(start, end) for start, end in zip(args["starts"], args["ends"])))]


def _groups(random, shape: Shape) -> Args:
    return {"factors": [round(random.uniform(-2, 2), 3) or 1.0 for _ in range(2)]}


def _regrouped(x, args: Args):
    """Splits the channels into two groups, scales each, and joins them in reverse order."""
    first, second = tf.split(x, 2, axis=-1)
    return tf.concat([second * args["factors"][0], first * args["factors"][1]], axis=-1)


def _per_channel(random, shape: Shape) -> Args:
    return {"means": [round(random.uniform(-1, 1), 3) for _ in range(shape[-1])],
            "scales": [round(random.uniform(0.2, 3), 3) for _ in range(shape[-1])]}


def _normalized(x, args: Args):
    return (x - np.float32(args["means"])) * np.float32(args["scales"])


def _clip(random, shape: Shape) -> Args:
    return {"low": round(random.uniform(-2, 0), 3), "high": round(random.uniform(0.5, 3), 3)}


def _scale(random, shape: Shape) -> Args:
    return {"factor": round(random.choice((-1, 1)) * 10 ** random.uniform(-1, 1), 4), "offset": random.choice(
        (0.0, round(random.uniform(-1, 1), 3)))}


def _rate(random, shape: Shape) -> Args:
    return {"rate": round(random.uniform(0.05, 0.5), 3)}


_ANY, _IMAGE, _SEQUENCE, _VECTOR, _AXES = (1, 2, 3), (3,), (2,), (1,), (2, 3)
_KERNEL_BIAS = ("kernel", "bias")

PIECES: Dict[str, Piece] = {
    "conv": Piece(_IMAGE, 30, conv, conv_shape, conv_made(LAYERS.Conv2D), _KERNEL_BIAS),
    "depthwise": Piece(_IMAGE, 12, _depthwise,
                       lambda args, shape: (*_windowed(args, shape), shape[-1] * args["multiplier"]),
                       _depthwise_made, ("depthwise", "bias")),
    "separable": Piece(_IMAGE, 6, lambda random, shape: dict(conv(random, shape), dilation=[1, 1]), conv_shape,
                       _separable_made, ("depthwise", "pointwise", "bias")),
    "transposed": Piece(_IMAGE, 6, _transposed, _transposed_shape, _transposed_made, _KERNEL_BIAS),
    "conv1d": Piece(_SEQUENCE, 20, conv, conv_shape, conv_made(LAYERS.Conv1D), _KERNEL_BIAS),
    "dense": Piece(_ANY, 5, dense, lambda args, shape: (*shape[:-1], args["units"]), _dense_made, _KERNEL_BIAS),
    "batch_norm": Piece(_ANY, 12, _batch_norm, same, _batch_norm_made,
                        ("gamma", "beta", "moving_mean", "moving_variance")),
    "relu": Piece(_ANY, 8, _relu, same, lambda args, name, **more: LAYERS.ReLU(name=name, **args)),
    "leaky_relu": Piece(_ANY, 2, lambda random, shape: {"alpha": round(random.uniform(0.01, 0.4), 3)}, same,
                        lambda args, name, **more: LAYERS.LeakyReLU(args["alpha"], name=name)),
    "prelu": Piece(_ANY, 2, lambda random, shape: {"shared": list(range(1, len(shape)))}, same,
                   lambda args, name, **more: LAYERS.PReLU(shared_axes=args["shared"] or None, name=name, **more),
                   ("alpha",)),
    "sigmoid": Piece(_ANY, 2, no_arguments, same, _activation("sigmoid")),
    "tanh": Piece(_ANY, 2, no_arguments, same, _activation("tanh")),
    "softmax": Piece(_ANY, 1, no_arguments, same, _activation("softmax")),
    "hard_sigmoid": Piece(_ANY, 1, no_arguments, same, _activation("hard_sigmoid")),
    "swish": Piece(_ANY, 2, no_arguments, same, function(lambda x, args: x * tf.sigmoid(x))),
    "hard_swish": Piece(_ANY, 2, no_arguments, same, function(_hard_swish)),
    "max_pool": Piece(_IMAGE, 3, _pool, _pool_shape, _pool_made(LAYERS.MaxPooling2D)),
    "average_pool": Piece(_IMAGE, 3, _pool, _pool_shape, _pool_made(LAYERS.AveragePooling2D)),
    "max_pool1d": Piece(_SEQUENCE, 2, _pool, _pool_shape, _pool_1d_made(LAYERS.MaxPooling1D)),
    "average_pool1d": Piece(_SEQUENCE, 2, _pool, _pool_shape, _pool_1d_made(LAYERS.AveragePooling1D)),
    "global_average": Piece(_IMAGE, 1, no_arguments, lambda args, shape: shape[-1:],
                            lambda args, name, **more: LAYERS.GlobalAveragePooling2D(name=name)),
    "global_max": Piece(_IMAGE, 2, no_arguments, lambda args, shape: shape[-1:],
                        lambda args, name, **more: LAYERS.GlobalMaxPooling2D(name=name)),
    "global_average1d": Piece(_SEQUENCE, 2, no_arguments, lambda args, shape: shape[-1:],
                              lambda args, name, **more: LAYERS.GlobalAveragePooling1D(name=name)),
    "padding": Piece(_IMAGE, 2, _edges, _edged(1),
                     lambda args, name, **more: LAYERS.ZeroPadding2D(args["edges"], name=name)),
    "cropping": Piece(_IMAGE, 2, _edges, _edged(-1),
                      lambda args, name, **more: LAYERS.Cropping2D(args["edges"], name=name)),
    "upsampling": Piece(_IMAGE, 2, _upsampling, lambda args, shape: (2 * shape[0], 2 * shape[1], shape[2]),
                        lambda args, name, **more: LAYERS.UpSampling2D(2, name=name, **args)),
    "flatten": Piece(_AXES, 1, no_arguments, lambda args, shape: (int(np.prod(shape)),),
                     lambda args, name, **more: LAYERS.Flatten(name=name)),
    "reshape": Piece(_ANY, 2, _reshape, lambda args, shape: tuple(args["shape"]),
                     lambda args, name, **more: LAYERS.Reshape(args["shape"], name=name)),
    "permute": Piece(_AXES, 1, _permute, lambda args, shape: tuple(shape[axis - 1] for axis in args["axes"]),
                     lambda args, name, **more: LAYERS.Permute(args["axes"], name=name)),
    "repeat": Piece(_VECTOR, 2, lambda random, shape: {"times": random.randint(2, 4)},
                    lambda args, shape: (args["times"], *shape),
                    lambda args, name, **more: LAYERS.RepeatVector(args["times"], name=name)),
    "dropout": Piece(_ANY, 2, _rate, same, lambda args, name, **more: LAYERS.Dropout(args["rate"], name=name)),
    "spatial_dropout": Piece(_IMAGE, 1, _rate, same,
                             lambda args, name, **more: LAYERS.SpatialDropout2D(args["rate"], name=name)),
    "gaussian_dropout": Piece(_ANY, 1, _rate, same,
                              lambda args, name, **more: LAYERS.GaussianDropout(args["rate"], name=name)),
    "gaussian_noise": Piece(_ANY, 1, _rate, same,
                            lambda args, name, **more: LAYERS.GaussianNoise(args["rate"], name=name)),
    "scale": Piece(_ANY, 2, _scale, same, function(lambda x, args: x * args["factor"] + args["offset"])),
    "clip": Piece(_ANY, 2, _clip, same, function(lambda x, args: tf.clip_by_value(x, args["low"], args["high"]))),
    "slice": Piece(_ANY, 2, _slice,
                   lambda args, shape: tuple(end - start for start, end in zip(args["starts"], args["ends"])),
                   function(_sliced)),
    "groups": Piece(_ANY, 2, _groups, lambda args, shape: shape if shape[-1] % 2 == 0 else None,
                    function(_regrouped)),
    "per_channel": Piece(_ANY, 2, _per_channel, same, function(_normalized)),
}
