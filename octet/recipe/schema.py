"""The sections of a recipe: their keys, what each value must be, and its default. `completion.py` checks a recipe
against them."""

import math
from typing import Any, Dict, List, Optional

import pydantic
from pydantic import Field
from typing_extensions import Annotated, Literal

from octet.gates.table import GATES
from octet.recipe.phases import Quantize, Train
from octet.recipe.values import MOST, ErrorLimit, Fraction, Limit, Section, Share


class _Limits(Section):
    """Thresholds over the data, as `octet data` says what it is; null is none. They are judged before training, each
    time that the recipe is run; a change of them makes nothing again."""

    # The least samples of each part.
    min_samples: Limit = None
    # The least training samples of each class. Of targets of kind class and labels, as the next two.
    min_class_samples: Limit = None
    # The least samples of each class in the validation part, and in the test part.
    min_class_held_out: Limit = None
    # The largest share of the training samples that are of one class.
    max_class_share: Fraction = None
    # The most samples that are in two parts.
    max_shared_samples: Limit = None
    # The most contents that have more than one label.
    max_contradictions: Limit = None
    # The least codes, of 256, on which 99.9 % of the training values of each input lie.
    min_codes: Optional[int] = Field(None, ge=1, le=256, description="a whole number from 1 to 256, or null")
    # The most files that are not read: in another form, in no class, damaged and skipped. Hidden files do not count.
    max_left_out: Limit = None


class Data(Section):
    """The dataset, its arguments, and what it has to keep to."""

    # A name of octet/datasets/, `./data.py` beside the recipe, or a dotted path.
    dataset: str = Field(description="the name of a dataset", min_length=1)
    # The arguments of its `load`.
    args: Dict[str, Any] = Field(default_factory=dict, description="a mapping")
    # Thresholds over the data. A missed one ends a run with exit code 10 before anything is trained.
    limits: _Limits = Field(_Limits(), description="a mapping")


PREPROCESSING = ("caffe", "torch", "tf")


def _expect_preprocessing(value: Any) -> Any:
    """The value, where it is a way to preprocess pictures, or one for each input by its name."""
    if value is None or _is_preprocessing(value) or isinstance(value, dict) and value and all(
            isinstance(name, str) and _is_preprocessing(one) for name, one in value.items()):
        return value
    raise ValueError("no preprocessing")


def _is_preprocessing(value: Any) -> bool:
    if not isinstance(value, dict):
        return isinstance(value, str) and value in PREPROCESSING
    return set(value) == {"mean", "std"} and all(
        _is_fraction(number) and (name == "mean" or number > 0) for name, entry in value.items()
        for number in (entry if isinstance(entry, list) and entry else [entry]))


def _is_fraction(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 1


class Model(Section):
    """The network, and the arguments of the function that makes it."""

    # A name of models/, `./nets.py:build` beside the recipe, or a dotted path such as `package.module:function`.
    build: str = Field(description="the name of a model", min_length=1)
    # The arguments of that function.
    args: Dict[str, Any] = Field(default_factory=dict, description="a mapping")
    # Activations that piecewise linear ones replace, already in the float phase.
    approximate: List[Literal["softplus", "elu", "selu"]] = Field(
        default_factory=list, description="a list of any of softplus, elu, selu")
    # What is done to each pixel before the first layer, as Keras' `preprocess_input` of this mode does: caffe for
    # ResNet50 and VGG, torch for DenseNet, tf for the other networks of keras.applications. {mean, std} is
    # (pixel - mean) / std of pixels from 0 to 1: one number, or one for each channel. It becomes a part of the network,
    # and the .tflite file takes the same pixels as without it. Several inputs: {INPUT: tf}.
    preprocess: Annotated[Any, pydantic.AfterValidator(_expect_preprocessing)] = Field(
        None, description="caffe, torch, tf, or {mean, std} of numbers from 0 to 1 (std above 0), or one of these for "
                          "each input by its name, or null")
    # Trained weights to start from.
    weights: Optional[str] = Field(None, description="a Keras .h5 file or the prefix of a checkpoint, or null",
                                   min_length=1)
    # Of `weights`: layers that begin with fresh weights, as a new head does, by name or pattern (`head*`; a model
    # inside the model stands for all of its layers). All other layers must be in the file with their shapes.
    new_layers: List[Annotated[str, Field(min_length=1)]] = Field(
        default_factory=list, description="a list of names or patterns of layers")
    # Files and folders that the function reads. Their content is part of the key; any other file is refused.
    files: List[Annotated[str, Field(min_length=1)]] = Field(
        default_factory=list, description="a list of paths of files or folders")


class Augment(Section):
    """How training pictures are varied, anew in each epoch, in both phases. Never in validation or measurement.

    `augment: standard` is short for {preset: standard}. A key that is null is what the preset says. All are drawn
    for each sample from the seed, the epoch and the sample's index alone.
    """

    # auto: standard for colour pictures that are to be classified, none for all else. none: only what is set here.
    preset: Literal["auto", "standard", "none"] = Field("auto", description="one of auto, standard, none")
    # Mirrored with probability 0.5: left and right, top and bottom, or each of both.
    flip: Optional[Literal["none", "horizontal", "vertical", "both"]] = Field(
        None, description="one of none, horizontal, vertical, both, or null")
    # Pad and crop: moved by whole pixels, at most this fraction of its height and width.
    crop: Share = None
    # Moved by at most this fraction of its height and width, between pixels.
    shift: Share = None
    # Turned by at most this angle, in either direction.
    rotate: Optional[float] = Field(None, ge=0, le=180, description="degrees from 0 to 180, or null")
    # Sheared by at most this angle, in either direction.
    shear: Optional[float] = Field(None, ge=0, le=60, description="degrees from 0 to 60, or null")
    # Larger or smaller by a factor from 1 - zoom to 1 + zoom.
    zoom: Optional[float] = Field(None, ge=0, le=0.9, description="a number from 0 to 0.9, or null")
    # Brighter or darker by at most this fraction of the input's range.
    brightness: Fraction = None
    # The distance of each pixel to the picture's mean is multiplied by a factor from 1 - value to 1 + value.
    contrast: Fraction = None
    # The distance of each colour to its grey is multiplied by a factor from 1 - value to 1 + value.
    saturation: Fraction = None
    # Colours turn around the grey axis by at most this angle.
    hue: Optional[float] = Field(None, ge=0, le=180, description="degrees from 0 to 180, or null")
    # Standard deviation of Gaussian noise, as a fraction of the input's range.
    noise: Fraction = None
    # The side of a square that is made grey (the picture's mean), as a fraction of height and width.
    cutout: Fraction = None
    # The a of the distribution Beta(a, a) of the share of a second sample that is mixed in (arXiv:1710.09412). One
    # draw a batch.
    mixup: Optional[float] = Field(None, ge=0, description="a number of at least 0, or null")
    # The a of the distribution Beta(a, a) of the part of a second sample that is pasted in (arXiv:1905.04899). One draw
    # a batch.
    cutmix: Optional[float] = Field(None, ge=0, description="a number of at least 0, or null")


def _expect_weights(value: Any) -> Any:
    """The value, where it says the weights of classes. One check for both forms: a union would tell of each."""
    if value is None or value == "balanced" or isinstance(value, dict) and all(
            isinstance(name, str) and not isinstance(weight, bool) and isinstance(weight, (int, float)) and weight >= 0
            and math.isfinite(weight) for name, weight in value.items()):
        return value
    raise ValueError("no weights")


class _LossOfTarget(Section):
    """The loss of one target; null is the default of its kind."""

    # null: cross_entropy for classes, mse for values, or the one that the model was compiled with.
    kind: Optional[Literal["cross_entropy", "focal", "dice", "iou", "mse", "mae", "huber"]] = Field(
        None, description="one of cross_entropy, focal, dice, iou, mse, mae, huber, or null")
    # A loss of your own instead: `./losses.py:yolo`, a function of outputs, targets and extras.
    function: Optional[str] = Field(None, min_length=1, description="FILE:FUNCTION, or null")
    # Of focal: a larger value gives less weight to samples that are answered well already.
    gamma: Optional[float] = Field(None, ge=0, description="a number of at least 0, or null")
    # Of huber: a larger error than this counts linearly, a smaller one squared.
    delta: Optional[float] = Field(None, gt=0, description="a number above 0, or null")
    # The share of each answer that is spread evenly over all answers.
    label_smoothing: Optional[float] = Field(None, ge=0, lt=1, description="a number from 0 to below 1, or null")
    # The weight of each class's samples or pixels: by how rare it is, or by name, 1 where none is given.
    class_weights: Annotated[Any, pydantic.AfterValidator(_expect_weights)] = Field(
        None, description="balanced, or a mapping of classes to numbers of at least 0, or null")
    # balanced: an epoch has as many samples of each class as of any other, and as many in all as without it. Samples of
    # a rare class come several times; of a common one, others are left out in each epoch. Of a target of kind class.
    oversample: Optional[Literal["balanced"]] = Field(None, description="balanced, or null")
    # The dataset's extra that holds one weight for each sample; each sample's loss is multiplied by it.
    sample_weights: Optional[str] = Field(None, min_length=1, description="the name of an extra, or null")


class Loss(_LossOfTarget):
    """The loss that both phases of training minimize. Each setting applies to the targets that it fits; `targets` has
    settings of one target alone, which override the others.

    `loss: focal` is short for {kind: focal}, `loss: ./losses.py:yolo` for {function: ./losses.py:yolo}. A function is
    called with dictionaries by name, of all outputs, targets and extras; the function of one target with its output and
    its target alone, and all extras. It gives one number (a scalar tensor), made of TensorFlow operations."""

    # The settings above, of one target alone.
    targets: Dict[str, _LossOfTarget] = Field(default_factory=dict, description="a mapping of targets to losses")


class Convert(Section):
    """How toco is run. It has no keys yet."""


class _MetricGate(Section):
    """The gate over one metric of the section `metrics`; null is no gate."""

    # Of the uint8 file.
    min: Optional[float] = Field(None, description="a number, or null")
    # Of the uint8 file.
    max: Optional[float] = Field(None, description="a number, or null")
    # Of the uint8 file below the float model.
    max_drop: Optional[float] = Field(None, ge=0, description="a number of at least 0, or null")
    # Of the uint8 file above the float model: of a metric for which less is better.
    max_rise: Optional[float] = Field(None, ge=0, description="a number of at least 0, or null")


class Validate(Section):
    """The gates over the measurement; null is no gate."""

    # Of the uint8 file below the float model.
    max_accuracy_drop: Fraction = GATES["max_accuracy_drop"].default
    # Of the uint8 file.
    min_accuracy: Fraction = GATES["min_accuracy"].default
    # The share of samples for which the uint8 file and the float model give the same answer.
    min_agreement: Fraction = GATES["min_agreement"].default
    # The mean of the classes' recalls.
    min_balanced_accuracy: Fraction = GATES["min_balanced_accuracy"].default
    # The recall of the worst class.
    min_class_recall: Fraction = GATES["min_class_recall"].default
    # Of macro F1, below the float model.
    max_f1_drop: Fraction = GATES["max_f1_drop"].default
    # Of class maps.
    min_mean_iou: Fraction = GATES["min_mean_iou"].default
    # Of targets of two classes, and of labels.
    min_roc_auc: Fraction = GATES["min_roc_auc"].default
    # Of targets of two classes, and of labels.
    min_average_precision: Fraction = GATES["min_average_precision"].default
    # Of values: the increase of the mean squared error, as a share of the float model's.
    max_error_increase: ErrorLimit = GATES["max_error_increase"].default
    # Of values: the mean squared error of the uint8 file.
    max_error: ErrorLimit = GATES["max_error"].default
    # How many operators of the file may be farther from float arithmetic than their kernel's bound.
    max_wrong_operators: Optional[int] = Field(  # type: ignore[assignment]  # a gate's default is a float
        GATES["max_wrong_operators"].default, ge=0, le=MOST,
        description="a whole number of at least 0, or null for no gate")
    # Of the section `metrics`: {name: {min, max, max_drop, max_rise}}. min and max are of the uint8 file, max_drop and
    # max_rise of its distance to the float model.
    metrics: Dict[str, _MetricGate] = Field(
        default_factory=dict, description="a mapping of metrics to mappings of min, max, max_drop, max_rise")


class Report(Section):
    """What the page of the stage Report shows. Only the page is made anew when it changes."""

    # Pictures of samples: those that the uint8 file gets wrong and some of the training part; none keeps people's
    # pictures out of the page.
    samples: Literal["wrong", "none"] = Field("wrong", description="one of wrong, none")


class Export(Section):
    """What is said in the exported folder. Only that folder is made anew when it changes."""

    # The runtimes and accelerators that the model is meant for. `octet check` and the exported card say what each of
    # them takes.
    targets: List[Literal["tflite-1.14", "litert", "micro", "ethos-u", "edgetpu", "nnapi"]] = Field(
        default_factory=list, description="a list of any of tflite-1.14, litert, micro, ethos-u, edgetpu, nnapi")


class Recipe(Section):
    """What to build. `gates` is the section `validate` (a name that pydantic keeps for itself)."""

    # Of the first weights, the order of the samples and the variations of pictures.
    seed: int = Field(1, ge=0, le=2 ** 31 - 1, description="a whole number from 0 to 2147483647")
    data: Data = Field(description="a mapping")
    model: Model = Field(description="a mapping")
    train: Train = Field(Train(), description="a mapping")
    augment: Augment = Field(Augment(), description="a mapping, or one of auto, standard, none")
    loss: Loss = Field(Loss(), description="a mapping")
    quantize: Quantize = Field(Quantize(), description="a mapping")
    convert: Convert = Field(Convert(), description="a mapping")
    # Metrics of your own, by name: `map: ./metrics.py:MeanAveragePrecision`, a class with `update(answers, targets,
    # extras)` and `result()`. They are measured on the test part, of the float model, the fake-quantized graph and the
    # uint8 file, and are read by EvalGraph and Measure.
    metrics: Dict[str, Annotated[str, Field(min_length=1)]] = Field(
        default_factory=dict, description="a mapping of names to FILE:CLASS")
    gates: Validate = Field(Validate(), alias="validate", description="a mapping")
    report: Report = Field(Report(), description="a mapping")
    export: Export = Field(Export(), description="a mapping")
