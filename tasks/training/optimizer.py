"""How weights follow their gradients: the optimizer, weight decay, clipping, and the defaults of all three.

A classifier with batch norm is trained as ResNets were, with Nesterov momentum and a high rate (He et al. 2015,
arXiv:1512.03385; Goyal et al. 2017, arXiv:1706.02677, for the rate that grows with the batch). Batch norm bounds what
such a rate can do. A network without it, or with a loss whose scale is the data's, gets AdamW, whose steps do not
depend on that scale (Loshchilov & Hutter 2017, arXiv:1711.05101).
"""

from types import MappingProxyType, SimpleNamespace
from typing import Any, Callable, Collection, Dict, List, Mapping, Sequence

import tensorflow as tf

from octet.errors import ModelError

OPTIMIZERS: Dict[str, Callable[[tf.Tensor, float], tf.train.Optimizer]] = {
    "adam": lambda rate, _: tf.train.AdamOptimizer(rate),
    "adamw": lambda rate, _: tf.train.AdamOptimizer(rate),
    "sgd": lambda rate, _: tf.train.GradientDescentOptimizer(rate),
    "momentum": lambda rate, momentum: tf.train.MomentumOptimizer(rate, momentum),
    "nesterov": lambda rate, momentum: tf.train.MomentumOptimizer(rate, momentum, use_nesterov=True),
    "rmsprop": lambda rate, _: tf.train.RMSPropOptimizer(rate),
}
"""{the recipe's name: an optimizer of (learning rate, momentum)}. What adamw has over adam is its default of the
weight decay, which is decoupled for all of them."""

GRADIENT_STEPS = ("sgd", "momentum", "nesterov")  # as long as the gradient is
RATE_OF_128, RATE = 0.1, 0.001
DECAY = {"sgd": 0.002, "momentum": 0.002, "nesterov": 0.002, "adamw": 0.01}
NOT_DECAYED = ("bias", "gamma", "beta", "alpha", "depthwise_kernel")
"""Keras' names of weights that are scales or offsets, or so few to a channel that a decay costs more than it saves
(Howard et al. 2017, arXiv:1704.04861, section 3.3, of depthwise kernels)."""


def with_defaults(settings: SimpleNamespace, classifies: bool, batch_norm: bool, regularised: bool) -> SimpleNamespace:
    """A copy of a phase's settings with `optimizer`, `learning_rate` and `weight_decay` filled in.

    classifies: all targets are classes. batch_norm, regularised: the network has batch norm, or losses of its own.
    """
    filled = SimpleNamespace(**vars(settings))
    if filled.optimizer is None:
        filled.optimizer = "nesterov" if classifies and batch_norm else "adamw"
    if filled.learning_rate is None:
        filled.learning_rate = (RATE_OF_128 * filled.batch_size / 128 if filled.optimizer in GRADIENT_STEPS else RATE)
    if filled.weight_decay is None:
        filled.weight_decay = 0.0 if regularised else DECAY.get(filled.optimizer, 0.0)
    return filled


def described(settings: SimpleNamespace) -> str:
    """The optimization of a phase in one line, for people."""
    words = ["{}, learning rate {:g}, {}, batches of {}".format(
        settings.optimizer, settings.learning_rate, settings.schedule.replace("_", "-"), settings.batch_size)]
    words += ["weight decay {:g}".format(settings.weight_decay)] if settings.weight_decay else []
    words += ["gradients clipped to {:g}".format(settings.clip_norm)] if settings.clip_norm else []
    words += ["rates {}".format(", ".join("{} x {:g}".format(pattern, factor) for pattern, factor
                                          in sorted(settings.rates.items())))] if settings.rates else []
    words += ["weights averaged with {:g}".format(settings.weight_average)] if settings.weight_average else []
    return ", ".join(words)


def minimize(loss: tf.Tensor, rate: tf.Tensor, settings: SimpleNamespace, frozen: Collection[tf.Variable] = (),
             factors: Mapping[tf.Variable, float] = MappingProxyType({})) -> List[tf.Operation]:
    """The operations that take one step on the current graph's trainable variables but those that are frozen; none
    where no variable is left. factors: of the rate, for the variables that have one of their own; 0 freezes.

    Raises ModelError where none of them has a gradient.
    """
    step = tf.train.get_global_step()  # there is one where something waits for it
    variables = [variable for variable in tf.trainable_variables()
                 if variable not in frozen and factors.get(variable, 1.0)]
    if not variables:  # of a network of fixed filters, only the ranges have something to learn
        return [] if step is None else [tf.assign_add(step, 1)]
    optimizer = OPTIMIZERS[settings.optimizer](rate, settings.momentum)
    pairs = [(gradient, variable) for gradient, variable in optimizer.compute_gradients(loss, variables)
             if gradient is not None]
    if not pairs:
        raise ModelError(
            "no weight of the network can be trained", where="model.build",
            why="none of its {} trainable variables has a gradient".format(len(variables)),
            next_step="let the gradient through to a weight, or set trainable=False on all layers")
    gradients, trained = zip(*pairs)
    if settings.clip_norm:
        gradients, _ = tf.clip_by_global_norm(gradients, settings.clip_norm)
    of_factor: Dict[float, List[Any]] = {}
    for gradient, variable in zip(gradients, trained):
        of_factor.setdefault(factors.get(variable, 1.0), []).append((gradient, variable))
    # All is computed with the weights as they were, and only then moved.
    with tf.control_dependencies([loss, *_dense(gradients)]):
        decays = [tf.assign_sub(variable, _times(rate, factor) * settings.weight_decay * variable)
                  for factor, members in of_factor.items() for _, variable in members
                  if settings.weight_decay and is_decayed(variable)]
    with tf.control_dependencies(decays):
        steps = []
        # An optimizer for each rate: the steps of adam do not grow with the gradient.
        for number, (factor, members) in enumerate(of_factor.items()):
            own = OPTIMIZERS[settings.optimizer](_times(rate, factor), settings.momentum)
            steps.append(own.apply_gradients(members, global_step=step if number == 0 else None))
        return steps


def _times(rate: tf.Tensor, factor: float) -> tf.Tensor:
    return rate if factor == 1.0 else factor * rate


def is_decayed(variable: tf.Variable) -> bool:
    """Whether weight decay is for this variable: a kernel, and no bias, scale or offset."""
    return variable.shape.ndims >= 2 and variable.op.name.split("/")[-1] not in NOT_DECAYED


def _dense(gradients: Sequence[Any]) -> List[tf.Tensor]:
    return [gradient.values if isinstance(gradient, tf.IndexedSlices) else gradient for gradient in gradients]
