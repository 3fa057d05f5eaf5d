"""Pieces of random networks that are layers with weights."""

from typing import Dict, List

from tests.fuzz.piece import LAYERS, Args, Piece, Shape, same

FUSED = (None, None, "relu", "relu", "sigmoid", "tanh")  # activations inside a layer


def _reach(random) -> float:
    """The size of a layer's values: ordinary, or anything from 1e-3 to 1e3."""
    return round(10 ** (random.uniform(-3, 3) if random.random() < 0.3 else random.uniform(-0.5, 1)), 6)


def window(random, shape: Shape, least: int = 1) -> Args:
    """The arguments of a window of a convolution or a pool: size, stride and dilation of each axis, and padding."""
    size = [random.randint(least, 3) for _ in shape[:-1]]
    dilated = random.random() < 0.15
    stride = [1 if dilated else random.choice((1, 1, 2))] * (len(shape) - 1)
    return {"size": size, "stride": stride, "padding": random.choice(("same", "same", "valid")),
            "dilation": [2 if dilated else 1] * (len(shape) - 1)}


def windowed(args: Args, shape: Shape) -> List[int]:
    """The sides of a tensor after a window."""
    sides = []
    for side, size, stride, dilation in zip(shape, args["size"], args["stride"], args["dilation"]):
        reached = side if args["padding"] == "same" else side - (size - 1) * dilation
        sides.append(-(-reached // stride))
    return sides


def conv(random, shape: Shape) -> Args:
    return dict(window(random, shape), filters=random.randint(1, 8), bias=random.random() < 0.6,
                activation=random.choice(FUSED), reach=_reach(random))


def conv_shape(args: Args, shape: Shape) -> Shape:
    return (*windowed(args, shape), args["filters"])


def conv_made(layer):
    return lambda args, name, **more: layer(
        args["filters"], args["size"], strides=args["stride"], padding=args["padding"],
        dilation_rate=args["dilation"], use_bias=args["bias"], activation=args["activation"], name=name, **more)


def _depthwise(random, shape: Shape) -> Args:
    return dict(window(random, shape), dilation=[1, 1], multiplier=random.choice((1, 1, 2)),
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


_KERNEL_BIAS = ("kernel", "bias")

WEIGHTED: Dict[str, Piece] = {
    "conv": Piece((3,), 30, conv, conv_shape, conv_made(LAYERS.Conv2D), _KERNEL_BIAS),
    "depthwise": Piece((3,), 12, _depthwise,
                       lambda args, shape: (*windowed(args, shape), shape[-1] * args["multiplier"]),
                       _depthwise_made, ("depthwise", "bias")),
    "separable": Piece((3,), 6, lambda random, shape: dict(conv(random, shape), dilation=[1, 1]), conv_shape,
                       _separable_made, ("depthwise", "pointwise", "bias")),
    "transposed": Piece((3,), 6, _transposed, _transposed_shape, _transposed_made, _KERNEL_BIAS),
    "conv1d": Piece((2,), 20, conv, conv_shape, conv_made(LAYERS.Conv1D), _KERNEL_BIAS),
    "dense": Piece((1, 2, 3), 5, dense, lambda args, shape: (*shape[:-1], args["units"]), _dense_made, _KERNEL_BIAS),
    "batch_norm": Piece((1, 2, 3), 12, _batch_norm, same, _batch_norm_made,
                        ("gamma", "beta", "moving_mean", "moving_variance")),
}
