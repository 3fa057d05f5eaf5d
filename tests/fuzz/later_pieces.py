"""Pieces that were added later. Each has the first seed whose network may contain it, so that networks of lower seeds
stay the same."""

from typing import Dict

import tensorflow as tf

from tests.fuzz.piece import LAYERS, Args, Piece, Shape, function, no_arguments, same
from tests.fuzz.weighted_pieces import conv, conv_made, conv_shape, dense
from tests.tasks.layers import Doubling, Wrapping

ANY, IMAGE, SEQUENCE = (1, 2, 3), (3,), (2,)


def _even(side: int) -> bool:
    return side % 2 == 0


def _halved(args: Args, shape: Shape):
    height, width, channels = shape
    return (height // 2, width // 2, 4 * channels) if _even(height) and _even(width) else None


def _doubled(args: Args, shape: Shape):
    height, width, channels = shape
    return (2 * height, 2 * width, channels // 4) if channels % 4 == 0 else None


def _mirrored(random, shape: Shape) -> Args:
    return {"edges": [[random.randint(0, min(2, side - 1)), random.randint(0, min(2, side - 1))]
                      for side in shape[:-1]], "mode": random.choice(("REFLECT", "SYMMETRIC"))}


def _causal(random, shape: Shape) -> Args:
    return dict(conv(random, shape), padding="causal", stride=[1])


def _time_distributed(args: Args, name: str, **more):
    return LAYERS.TimeDistributed(
        LAYERS.Dense(args["units"], use_bias=args["bias"], activation=args["activation"], **more), name=name)


def _separable1d(args: Args, name: str, **more):
    return LAYERS.SeparableConv1D(args["filters"], args["size"][0], strides=args["stride"][0],
                                  padding=args["padding"], use_bias=args["bias"], activation=args["activation"],
                                  name=name, **more)


def _plain(layer, *arguments: str):
    """The layer made by those of the piece's arguments."""
    return lambda args, name, **more: layer(*(args[argument] for argument in arguments), name=name)


def _axis(random, shape: Shape) -> Args:
    return {"axis": random.randint(1, len(shape))}


def _repeats(random, shape: Shape) -> Args:
    return {"times": [1] + [random.choice((1, 1, 2)) for _ in shape]}


def _reduction(random, shape: Shape) -> Args:
    return dict(_axis(random, shape), of=random.choice(("reduce_mean", "reduce_sum")))


def _edge(random, shape: Shape) -> Args:
    return {"edge": (random.randint(0, 2), random.randint(0, 2))}


def _volume(random, shape: Shape) -> Args:
    height, width, channels = shape
    return {"volume": (height, 2, width // 2, channels)}


def _of_volume(layer, *arguments):
    """Applies the layer to an image as a volume [N, height, 2, width / 2, channels], and turns the result back into an
    image if possible."""
    def call(x, args):
        _, height, width, channels = x.shape.as_list()
        made = layer(*arguments)(tf.reshape(x, (-1,) + args["volume"]))
        return made if made.shape.ndims == 2 else tf.reshape(
            made, (-1, height * made.shape[2].value // 2, width, channels))

    return function(call)


def _even_width(shape_of_it):
    return lambda args, shape: shape_of_it(args, shape) if _even(shape[1]) else None


def _wrapped(args: Args, name: str, **more):
    return Wrapping(LAYERS.Dense(args["units"], use_bias=args["bias"], activation=args["activation"], **more),
                    name=name)


_FROM_10000: Dict[str, Piece] = {
    "separable1d": Piece(SEQUENCE, 6, lambda random, shape: dict(conv(random, shape), dilation=[1]),
                         conv_shape, _separable1d, ("depthwise", "pointwise", "bias")),
    "causal": Piece(SEQUENCE, 6, _causal, lambda args, shape: (shape[0], args["filters"]),
                    conv_made(LAYERS.Conv1D), ("kernel", "bias")),
    "time_distributed": Piece(SEQUENCE, 3, dense, lambda args, shape: (shape[0], args["units"]),
                              _time_distributed, ("kernel", "bias")),
    "padding1d": Piece(SEQUENCE, 2, _edge, lambda args, shape: (shape[0] + sum(args["edge"]), shape[1]),
                       _plain(LAYERS.ZeroPadding1D, "edge")),
    "cropping1d": Piece(SEQUENCE, 2, _edge, lambda args, shape: (shape[0] - sum(args["edge"]), shape[1]),
                        _plain(LAYERS.Cropping1D, "edge")),
    "upsampling1d": Piece(SEQUENCE, 2, lambda random, shape: {"size": random.choice((2, 3))},
                          lambda args, shape: (args["size"] * shape[0], shape[1]),
                          _plain(LAYERS.UpSampling1D, "size")),
    "global_max1d": Piece(SEQUENCE, 1, no_arguments, lambda args, shape: shape[-1:], _plain(LAYERS.GlobalMaxPooling1D)),
    "spatial_dropout1d": Piece(SEQUENCE, 1, lambda random, shape: {"rate": 0.2}, same,
                               _plain(LAYERS.SpatialDropout1D, "rate")),
    "alpha_dropout": Piece(ANY, 1, lambda random, shape: {"rate": 0.2}, same, _plain(LAYERS.AlphaDropout, "rate")),
    "activity_regularization": Piece(ANY, 1, lambda random, shape: {"l1": 0.01}, same,
                                     _plain(LAYERS.ActivityRegularization, "l1")),
    "softmax_layer": Piece(ANY, 1, _axis, same, lambda args, name, **more: LAYERS.Softmax(args["axis"], name=name)),
    "log_softmax": Piece(ANY, 1, no_arguments, same, function(lambda x, args: tf.nn.log_softmax(x))),
    "absolute": Piece(ANY, 2, no_arguments, same, function(lambda x, args: tf.abs(x))),
    "l2_normalize": Piece(ANY, 1, no_arguments, same, function(lambda x, args: tf.nn.l2_normalize(x, -1))),
    "reduced": Piece((2, 3), 2, _reduction,
                     lambda args, shape: tuple(1 if place + 1 == args["axis"] else side
                                               for place, side in enumerate(shape)),
                     function(lambda x, args: getattr(tf, args["of"])(x, args["axis"], keepdims=True))),
    "without_mean": Piece((2, 3), 2, _axis, same, function(
        lambda x, args: x - tf.reduce_mean(x, args["axis"], keepdims=True))),
    "tile": Piece(ANY, 1, _repeats, lambda args, shape: tuple(
        side * times for side, times in zip(shape, args["times"][1:])),
        function(lambda x, args: tf.tile(x, args["times"]))),
    "restacked": Piece((2, 3), 1, _axis, same, function(
        lambda x, args: tf.stack(tf.unstack(x, axis=args["axis"])[::-1], axis=args["axis"]))),
    "mirror_padding": Piece(IMAGE, 1, _mirrored, lambda args, shape: tuple(
        side + sum(edge) for side, edge in zip(shape, args["edges"])) + shape[-1:],
        function(lambda x, args: tf.pad(x, [[0, 0]] + args["edges"] + [[0, 0]], args["mode"]))),
    "space_to_depth": Piece(IMAGE, 2, no_arguments, _halved, function(lambda x, args: tf.nn.space_to_depth(x, 2))),
    "depth_to_space": Piece(IMAGE, 3, no_arguments, _doubled, function(lambda x, args: tf.nn.depth_to_space(x, 2))),
}

_FROM_20000: Dict[str, Piece] = {
    "global_average3d": Piece(IMAGE, 1, _volume, _even_width(lambda args, shape: shape[-1:]),
                              _of_volume(LAYERS.GlobalAveragePooling3D)),
    "global_max3d": Piece(IMAGE, 1, _volume, _even_width(lambda args, shape: shape[-1:]),
                          _of_volume(LAYERS.GlobalMaxPooling3D)),
    "upsampling3d": Piece(IMAGE, 2, _volume, _even_width(lambda args, shape: (2 * shape[0],) + shape[1:]),
                          _of_volume(LAYERS.UpSampling3D, (1, 2, 1))),
    "spatial_dropout3d": Piece(IMAGE, 1, _volume, _even_width(same), _of_volume(LAYERS.SpatialDropout3D, 0.2)),
    "own_layer": Piece(ANY, 1, no_arguments, same, _plain(Doubling)),
    "own_wrapper": Piece(ANY, 3, dense, lambda args, shape: shape[:-1] + (args["units"],), _wrapped,
                         ("kernel", "bias")),
}

LATER: Dict[int, Dict[str, Piece]] = {10000: _FROM_10000, 20000: _FROM_20000}
