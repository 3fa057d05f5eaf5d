"""All pieces of random networks, but for those that were added later (later_pieces.py)."""

from typing import Dict

import numpy as np
import tensorflow as tf

from tests.fuzz.piece import LAYERS, Args, Piece, Shape, function, no_arguments, same
from tests.fuzz.weighted_pieces import WEIGHTED, window, windowed

# Activations

def _relu(random, shape: Shape) -> Args:
    top = random.choice((None, None, 6.0, 1.0, 4.0))
    return random.choice(({"max_value": top, "negative_slope": 0.0},
                          {"max_value": top, "negative_slope": 0.0},
                          {"max_value": top, "negative_slope": round(random.uniform(0.01, 0.5), 3)}))


def _activation(name: str):
    return lambda args, layer_name, **more: LAYERS.Activation(name, name=layer_name)


def _hard_swish(x, args: Args):
    return x * tf.nn.relu6(x + 3.0) / 6.0


# Shapes

def _pool(random, shape: Shape) -> Args:
    return dict(window(random, shape, least=2), dilation=[1] * (len(shape) - 1))


def _pool_shape(args: Args, shape: Shape) -> Shape:
    return (*windowed(args, shape), shape[-1])


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

PIECES: Dict[str, Piece] = {
    **WEIGHTED,
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
