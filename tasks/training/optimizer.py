"""The optimizer, weight decay, gradient clipping, and their defaults.

A classifier with batch norm is trained like ResNets, with Nesterov momentum and a high rate (He et al. 2015,
arXiv:1512.03385) that is proportional to the batch size (Goyal et al. 2017, arXiv:1706.02677). Batch norm makes such a
rate safe. A network without batch norm, or with a loss on the scale of the data, gets AdamW, whose steps do not depend
on the scale of the loss (Loshchilov & Hutter 2017, arXiv:1711.05101).
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
"""{name in the recipe: optimizer of (learning rate, momentum)}. Weight decay is decoupled for all of them; adamw
differs from adam only in its default weight decay."""

GRADIENT_STEPS = ("sgd", "momentum", "nesterov")  # their steps are proportional to the gradient
RATE_OF_128, RATE = 0.1, 0.001  # default learning rates: of GRADIENT_STEPS with batches of 128; of other optimizers
DECAY = {"sgd": 0.002, "momentum": 0.002, "nesterov": 0.002, "adamw": 0.01}
NOT_DECAYED = ("bias", "gamma", "beta", "alpha", "depthwise_kernel")
"""Keras' names of weights without decay: scales, offsets, and depthwise kernels, which have too few weights in a
channel (Howard et al. 2017, arXiv:1704.04861, section 3.3)."""


def with_defaults(settings: SimpleNamespace, classifies: bool, batch_norm: bool, regularised: bool) -> SimpleNamespace:
    """A copy of a phase's settings with `optimizer`, `learning_rate` and `weight_decay` filled in.

    classifies: all targets are classes. batch_norm: the network has batch norm. regularised: it has penalties on its
    weights or activations.
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
    """The optimization settings of a phase as a line of text."""
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
    """The operations of one training step on the current graph's trainable variables, except the frozen ones; no
    operation where no variable is left. factors: {variable: factor of its learning rate}; 0 freezes.

    Raises ModelError where none of the variables has a gradient.
    """
    step = tf.train.get_global_step()  # exists where a delay of quantization counts steps
    variables = [variable for variable in tf.trainable_variables()
                 if variable not in frozen and factors.get(variable, 1.0)]
    if not variables:  # a network of fixed filters: only its ranges are trained
        return [] if step is None else [tf.assign_add(step, 1)]
    optimizer = OPTIMIZERS[settings.optimizer](rate, settings.momentum)
    pairs = [(gradient, variable) for gradient, variable in optimizer.compute_gradients(loss, variables)
             if gradient is not None]
    if not pairs:
        raise ModelError(
            "no weight of the network can be trained", where="model.build",
            why="none of its {} trainable variables has a gradient".format(len(variables)),
            next_step="let the gradient of the loss reach a weight, or set trainable=False on all layers")
    gradients, trained = zip(*pairs)
    if settings.clip_norm:
        gradients, _ = tf.clip_by_global_norm(gradients, settings.clip_norm)
    of_factor: Dict[float, List[Any]] = {}
    for gradient, variable in zip(gradients, trained):
        of_factor.setdefault(factors.get(variable, 1.0), []).append((gradient, variable))
    # The loss and all gradients are computed before any weight changes.
    with tf.control_dependencies([loss, *_dense(gradients)]):
        decays = [tf.assign_sub(variable, _times(rate, factor) * settings.weight_decay * variable)
                  for factor, members in of_factor.items() for _, variable in members
                  if settings.weight_decay and is_decayed(variable)]
    with tf.control_dependencies(decays):
        steps = []
        # One optimizer for each rate: scaling the gradients would not change Adam's steps.
        for number, (factor, members) in enumerate(of_factor.items()):
            own = OPTIMIZERS[settings.optimizer](_times(rate, factor), settings.momentum)
            steps.append(own.apply_gradients(members, global_step=step if number == 0 else None))
        return steps


def _times(rate: tf.Tensor, factor: float) -> tf.Tensor:
    return rate if factor == 1.0 else factor * rate


def is_decayed(variable: tf.Variable) -> bool:
    """Whether weight decay applies to the variable: to kernels, except those of NOT_DECAYED."""
    return variable.shape.ndims >= 2 and variable.op.name.split("/")[-1] not in NOT_DECAYED


def _dense(gradients: Sequence[Any]) -> List[tf.Tensor]:
    return [gradient.values if isinstance(gradient, tf.IndexedSlices) else gradient for gradient in gradients]
