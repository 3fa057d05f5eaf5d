"""The sections `train` and `quantize` of a recipe: the settings of the two phases of training."""

from typing import Dict, List, Optional

from pydantic import Field
from typing_extensions import Annotated, Literal

from octet.recipe.schema_types import MOST, Count, Fraction, Section, Share


class Phase(Section):
    """The keys that both phases of training have. tasks/training/optimizer.py chooses a value where a default is
    null."""

    # Samples in each training step.
    batch_size: Count = 64
    # null: nesterov for a classifier with batch norm, adamw for any other network.
    optimizer: Optional[Literal["adam", "adamw", "momentum", "nesterov", "rmsprop", "sgd"]] = Field(
        None, description="one of adam, adamw, momentum, nesterov, rmsprop, sgd, or null for the network's default")
    # The highest learning rate of the schedule. null: 0.1 * batch_size / 128 for sgd, momentum and nesterov, 0.001 for
    # the rest.
    learning_rate: Optional[float] = Field(None, gt=0, description="a number above 0, or null for the optimizer's")
    # For momentum and nesterov.
    momentum: float = Field(0.9, ge=0, lt=1, description="a number of at least 0 and below 1")
    # Decoupled weight decay: each step subtracts `learning_rate * weight_decay * weight` from each weight, except
    # biases and batch norm. With momentum 0.9, 0.002 is as strong as an L2 penalty with the gradient 0.0002 * weight.
    # null: 0 if the network has regularizers of its own, else 0.002 for sgd, momentum and nesterov, 0.01 for adamw.
    weight_decay: Optional[float] = Field(None, ge=0, description="a number of at least 0, or null for the default")
    # The largest global L2 norm of the gradients; longer gradients are clipped to it. null: no clipping.
    clip_norm: Optional[float] = Field(None, gt=0, description="a number above 0, or null for none")
    # The schedule of the learning rate. one_cycle: linear increase and linear decrease. step: multiplied by
    # `step_factor` at each of `milestones`. reduce_on_plateau: multiplied by `step_factor` after each `plateau_epochs`
    # epochs without an improvement of `monitor`.
    schedule: Literal["constant", "cosine", "step", "exponential", "one_cycle", "reduce_on_plateau"] = Field(
        "cosine", description="one of constant, cosine, step, exponential, one_cycle, reduce_on_plateau")
    # Fraction of the phase in which the rate increases linearly from 0. null: 0.05; 0.3 for one_cycle.
    warm_up: Share = None
    # For `schedule: step`: fractions of the phase.
    milestones: List[Annotated[float, Field(ge=0, le=1)]] = Field(
        default_factory=lambda: [0.5, 0.75], description="a list of fractions from 0 to 1")
    # For `schedule: step` and `reduce_on_plateau`: the factor of each reduction.
    step_factor: float = Field(0.1, gt=0, le=1, description="a number above 0, at most 1")
    # For `schedule: reduce_on_plateau`: epochs without an improvement before each reduction.
    plateau_epochs: Count = 5
    # Factors of the learning rate for single layers: {name or pattern: factor}, such as {body*: 0.1}. If several match
    # a layer, its own name counts, else the longest pattern. 0: the layer is not trained in this phase.
    rates: Dict[str, Annotated[float, Field(ge=0, le=1000)]] = Field(
        default_factory=dict, description="a mapping of names or patterns of layers to numbers from 0 to 1000")
    # For `schedule: exponential`: the rate at the end, as a fraction of the highest rate.
    final_factor: float = Field(0.01, gt=0, le=1, description="a number above 0, at most 1")
    # The decay per step of a moving average of the weights. The average is validated and kept. null: no average.
    weight_average: Share = None
    # The epoch whose weights are kept: the best one on the validation part, or the last one.
    keep: Literal["best", "last"] = Field("best", description="one of best, last")
    # The metric that decides which epoch is best, named as in the history, such as label/accuracy. null: the first
    # metric of the first output.
    monitor: Optional[str] = Field(None, description="a metric as output/metric, or null", min_length=1)
    # Training ends after this number of epochs in a row without an improvement of `monitor`.
    early_stopping: Optional[int] = Field(None, ge=1, description="a whole number of at least 1, or null for never")


class Train(Phase):
    """How the float network is trained."""

    # Passes over the training part. With `model.weights` and no `new_layers`, the default is 0: the given weights are
    # not trained further.
    epochs: int = Field(60, ge=0, le=MOST, description="a whole number of at least 1; 0 only with model.weights")
    # After each epoch, the statistics of batch norm are recomputed over this number of batches. 0: the moving averages
    # are used.
    batch_norm_batches: int = Field(50, ge=0, le=MOST, description="a whole number of at least 0")
    # The weight of each target's loss, in both phases; 1 for targets that are not listed.
    loss_weights: Dict[str, Annotated[float, Field(ge=0)]] = Field(
        default_factory=dict, description="a mapping of targets to numbers of at least 0")


class Quantize(Phase):
    """How the folded network is calibrated, and trained further with fake-quantization."""

    # Passes over the training part.
    epochs: int = Field(5, ge=0, le=MOST, description="a whole number of at least 0; 0 only calibrates the ranges")
    # Decoupled weight decay, as in `train`. Batch norm is folded in this phase, so decay changes the network's outputs.
    weight_decay: float = Field(0.0, ge=0, description="a number of at least 0")
    # fold: batch norm is folded before this phase. live: it stays in the training graph, as in TensorFlow's QAT
    # tutorial.
    batch_norm: Literal["fold", "live"] = Field("fold", description="one of fold, live")
    # For `batch_norm: live`: the number of steps before weights and activations are quantized.
    delay: int = Field(0, ge=0, le=MOST, description="a whole number of at least 0")
    # For `batch_norm: live`. measured: tensors that get no trained range get one that is measured on the training data.
    default_ranges: Optional[Literal["measured"]] = Field(None, description="measured, or null for none")
    # Batches for calibration: the initial range of each tensor is the mean of its minima and maxima in them.
    calibration_batches: Count = 20
    # Whether cross-layer equalization is applied before calibration (decision 5).
    equalize: bool = Field(False, description="true or false")
    # The number of epochs after which the ranges are frozen, and only weights are trained.
    freeze_ranges_after: Optional[float] = Field(
        None, ge=0, le=MOST, description="a number of epochs of at least 0, 0.5 for half of one, or null for never")
    # The share of the distillation loss (the distance to the float network's outputs) in the total loss. The rest is
    # the loss on the targets.
    distill: Fraction = None
    # The regularization of the float phase that continues in this phase. noise: dropout and noise layers. penalties: l1
    # and l2 penalties on kernels.
    regularization: Literal["none", "noise", "penalties", "all"] = Field(
        "none", description="one of none, noise, penalties, all")
    # The optimizer.
    optimizer: Literal["adam", "adamw", "momentum", "nesterov", "rmsprop", "sgd"] = Field(
        "adam", description="one of adam, adamw, momentum, nesterov, rmsprop, sgd")
    # The highest learning rate of the schedule.
    learning_rate: float = Field(0.0001, gt=0, description="a number above 0")
