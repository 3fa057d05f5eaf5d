"""The sections `train` and `quantize` of a recipe: how the two phases of training go."""

from typing import Dict, List, Optional

from pydantic import Field
from typing_extensions import Annotated, Literal

from octet.recipe.schema_types import MOST, Count, Fraction, Section, Share


class Phase(Section):
    """What both phases of training have. tasks/training/optimizer.py has the defaults of what is null here."""

    # Samples in a step of training.
    batch_size: Count = 64
    # null: nesterov for a classifier with batch norm, adamw for any other network.
    optimizer: Optional[Literal["adam", "adamw", "momentum", "nesterov", "rmsprop", "sgd"]] = Field(
        None, description="one of adam, adamw, momentum, nesterov, rmsprop, sgd, or null for the network's default")
    # The highest rate of the schedule. null: 0.1 * batch_size / 128 for sgd, momentum and nesterov, 0.001 for the rest.
    learning_rate: Optional[float] = Field(None, gt=0, description="a number above 0, or null for the optimizer's")
    # Of momentum and nesterov.
    momentum: float = Field(0.9, ge=0, lt=1, description="a number of at least 0 and below 1")
    # Decoupled: each step subtracts `learning_rate * weight_decay` times the weight from the weight. Biases and batch
    # norm are left out. With momentum 0.9, 0.002 is as strong as an L2 penalty with the gradient 0.0002 * weight.
    # null: 0 where the network has regularisers of its own, else 0.002 for sgd, momentum and nesterov, 0.01 for adamw.
    weight_decay: Optional[float] = Field(None, ge=0, description="a number of at least 0, or null for the default")
    # All gradients together are made no longer than this (L2 norm); null clips nothing.
    clip_norm: Optional[float] = Field(None, gt=0, description="a number above 0, or null for none")
    # How the rate changes: one_cycle goes up and down in straight lines; step multiplies by `step_factor` at each of
    # `milestones`; reduce_on_plateau does so after each `plateau_epochs` epochs without a better one (see `monitor`).
    schedule: Literal["constant", "cosine", "step", "exponential", "one_cycle", "reduce_on_plateau"] = Field(
        "cosine", description="one of constant, cosine, step, exponential, one_cycle, reduce_on_plateau")
    # Fraction of the phase in which the rate rises from 0 in a straight line. null: 0.05; 0.3 for one_cycle.
    warm_up: Share = None
    # Of `schedule: step`: fractions of the phase.
    milestones: List[Annotated[float, Field(ge=0, le=1)]] = Field(
        default_factory=lambda: [0.5, 0.75], description="a list of fractions from 0 to 1")
    # Of `schedule: step` and `reduce_on_plateau`: the factor of each reduction.
    step_factor: float = Field(0.1, gt=0, le=1, description="a number above 0, at most 1")
    # Of `schedule: reduce_on_plateau`.
    plateau_epochs: Count = 5
    # Layers with a rate of their own: {name or pattern: its factor of the learning rate}, as in {body*: 0.1}. Of
    # several that match a layer the longest counts. 0: the layer is not trained in this phase.
    rates: Dict[str, Annotated[float, Field(ge=0, le=1000)]] = Field(
        default_factory=dict, description="a mapping of names or patterns of layers to numbers from 0 to 1000")
    # Of `schedule: exponential`: what is left of the rate at the end.
    final_factor: float = Field(0.01, gt=0, le=1, description="a number above 0, at most 1")
    # The decay per step of a moving average of the weights, which is what is validated and kept; null for none.
    weight_average: Share = None
    # Which epoch's weights are kept: the best on the validation part, or the last.
    keep: Literal["best", "last"] = Field("best", description="one of best, last")
    # The metric that says which epoch is best, as the history has it: label/accuracy. null: the first of the first
    # output.
    monitor: Optional[str] = Field(None, description="a metric as output/metric, or null", min_length=1)
    # Training ends after so many epochs in a row without a better one.
    early_stopping: Optional[int] = Field(None, ge=1, description="a whole number of at least 1, or null for never")


class Train(Phase):
    """How the float network is trained."""

    # Passes over the training part. With `model.weights`, and no `new_layers`, the default is 0: given weights are
    # not trained on.
    epochs: int = Field(60, ge=0, le=MOST, description="a whole number of at least 1; 0 only with model.weights")
    # After each epoch, batch norm's statistics are computed again over so many batches; 0 keeps the moving averages.
    batch_norm_batches: int = Field(50, ge=0, le=MOST, description="a whole number of at least 0")
    # The weight of each target's loss, in the quantized phase too; 1 where none is given.
    loss_weights: Dict[str, Annotated[float, Field(ge=0)]] = Field(
        default_factory=dict, description="a mapping of targets to numbers of at least 0")


class Quantize(Phase):
    """How the folded network is calibrated, and trained on with fake-quantization."""

    # Passes over the training part.
    epochs: int = Field(5, ge=0, le=MOST, description="a whole number of at least 0; 0 only calibrates the ranges")
    # Decoupled, as in `train`. Batch norm is folded here, so a decay changes what the network computes.
    weight_decay: float = Field(0.0, ge=0, description="a number of at least 0")
    # fold: batch norm is folded before this phase. live: it stays in the training graph, as in TensorFlow's tutorial.
    batch_norm: Literal["fold", "live"] = Field("fold", description="one of fold, live")
    # Of `batch_norm: live`: so many steps come before weights and activations are quantized.
    delay: int = Field(0, ge=0, le=MOST, description="a whole number of at least 0")
    # Of `batch_norm: live`: `measured` gives each tensor that it leaves without a range one from the training data.
    default_ranges: Optional[Literal["measured"]] = Field(None, description="measured, or null for none")
    # The first range of each tensor is its mean over so many batches.
    calibration_batches: Count = 20
    # Whether layers that follow each other are first given channels of similar ranges (decision 5).
    equalize: bool = Field(False, description="true or false")
    # After so many epochs the ranges stay, and only the weights are trained.
    freeze_ranges_after: Optional[float] = Field(
        None, ge=0, le=MOST, description="a number of epochs of at least 0, 0.5 for half of one, or null for never")
    # The share of the loss that is the distance to the float network's answers to the same samples; the rest is the
    # loss on the labels.
    distill: Fraction = None
    # What of the float phase's regularization goes on in this phase: layers of dropout and noise, l1 and l2 penalties
    # of kernels, all of it or none.
    regularization: Literal["none", "noise", "penalties", "all"] = Field(
        "none", description="one of none, noise, penalties, all")
    # How weights follow their gradients.
    optimizer: Literal["adam", "adamw", "momentum", "nesterov", "rmsprop", "sgd"] = Field(
        "adam", description="one of adam, adamw, momentum, nesterov, rmsprop, sgd")
    # The highest rate of the schedule.
    learning_rate: float = Field(0.0001, gt=0, description="a number above 0")
