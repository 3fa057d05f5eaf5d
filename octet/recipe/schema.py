"""The sections of a recipe: their keys, the type and default of each value. `validation.py` checks recipes against
them. The comments are the texts of docs/recipe.md."""

import math
from typing import Any, Dict, List, Optional

import pydantic
from pydantic import Field
from typing_extensions import Annotated, Literal

from octet.gates.definitions import GATES
from octet.job import THREADS
from octet.recipe.schema_training import Quantize, Train
from octet.recipe.schema_types import MOST, ErrorLimit, Fraction, Limit, Section, Share


class _Limits(Section):
    """Limits for the figures that `octet data` prints. null: no limit. They are checked before training, in each run of
    the recipe. A changed limit makes no stage run again."""

    # The smallest allowed number of samples of each part.
    min_samples: Limit = None
    # For targets of kind class and labels: the smallest allowed number of training samples of each class.
    min_class_samples: Limit = None
    # For targets of kind class and labels: the smallest allowed number of samples of each class in the validation part,
    # and in the test part.
    min_class_held_out: Limit = None
    # For targets of kind class and labels: the largest allowed share of one class in the training samples.
    max_class_share: Fraction = None
    # The largest allowed number of samples that are in two parts.
    max_shared_samples: Limit = None
    # For targets of kind class: the largest allowed number of sample contents that have more than one label.
    max_contradictions: Limit = None
    # The smallest allowed number of codes, of 256, that 99.9 % of the training values of each input use.
    min_codes: Optional[int] = Field(None, ge=1, le=256, description="a whole number from 1 to 256, or null")
    # The largest allowed number of files that are not read: in another format, in no class, or damaged and skipped.
    # Hidden files do not count.
    max_left_out: Limit = None


class Data(Section):
    """The dataset, its arguments, and limits for it."""

    # A name of octet/datasets/, `./data.py` beside the recipe, or a dotted path.
    dataset: str = Field(description="the name of a dataset", min_length=1)
    # The arguments of its `load`.
    args: Dict[str, Any] = Field(default_factory=dict, description="a mapping")
    # How prepared pictures and masks are kept: decoded, or as the bytes of their files, which take less disk and are
    # decoded each time that they are read. Encoded: for image_folder, and for a table of files. Either trains the same.
    keep: Literal["decoded", "encoded"] = Field("decoded", description="decoded or encoded")
    # Limits for the data. A missed limit ends a run with exit code 10 before training.
    limits: _Limits = Field(_Limits(), description="a mapping")


PREPROCESSING = ("caffe", "torch", "tf")


def _expect_preprocessing(value: Any) -> Any:
    """The value, if it is a preprocessing, or a mapping {input: preprocessing}. Raises ValueError otherwise."""
    if value is None or _is_preprocessing(value) or isinstance(value, dict) and value and all(
            isinstance(name, str) and _is_preprocessing(one) for name, one in value.items()):
        return value
    raise ValueError("not a preprocessing")


def _is_preprocessing(value: Any) -> bool:
    if not isinstance(value, dict):
        return isinstance(value, str) and value in PREPROCESSING
    return set(value) == {"mean", "std"} and all(
        _is_fraction(number) and (name == "mean" or number > 0) for name, entry in value.items()
        for number in (entry if isinstance(entry, list) and entry else [entry]))


def _is_fraction(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 1


class Model(Section):
    """The network, and the arguments of the function that builds it."""

    # A name of models/, `./nets.py:build` beside the recipe, or a dotted path such as `package.module:function`.
    build: str = Field(description="the name of a model", min_length=1)
    # The arguments of that function.
    args: Dict[str, Any] = Field(default_factory=dict, description="a mapping")
    # Activations to replace by piecewise linear approximations, from the float phase on.
    approximate: List[Literal["softplus", "elu", "selu"]] = Field(
        default_factory=list, description="a list of any of softplus, elu, selu")
    # Preprocessing of each pixel before the first layer, as by Keras' `preprocess_input` with this mode: caffe for
    # ResNet50 and VGG, torch for DenseNet, tf for the other networks of keras.applications. {mean, std} computes
    # (pixel - mean) / std on pixels from 0 to 1, with one number or one for each channel. It becomes part of the
    # network: the .tflite file still takes unprocessed pixels. For several inputs: {INPUT: tf}.
    preprocess: Annotated[Any, pydantic.AfterValidator(_expect_preprocessing)] = Field(
        None, description="caffe, torch, tf, or {mean, std} of numbers from 0 to 1 (std above 0), or one of these for "
                          "each input by its name, or null")
    # Trained weights from which the training starts.
    weights: Optional[str] = Field(None, description="a Keras .h5 file or the prefix of a checkpoint, or null",
                                   min_length=1)
    # Layers that get fresh weights instead of those in `weights`, such as a new head: names or patterns (`head*`; the
    # name of a nested model selects all of its layers). All other layers must be in the file, with the same shapes.
    new_layers: List[Annotated[str, Field(min_length=1)]] = Field(
        default_factory=list, description="a list of names or patterns of layers")
    # Files and folders that the function reads. Their content is part of the key. It may open no other files.
    files: List[Annotated[str, Field(min_length=1)]] = Field(
        default_factory=list, description="a list of paths of files or folders")


class Augment(Section):
    """Augmentation of training pictures, in both phases. Validation and measurement use unchanged pictures.

    `augment: standard` is short for {preset: standard}. A key that is null has the value of the preset. The random
    numbers of a sample depend only on the seed, the epoch and the sample's index.
    """

    # auto: standard for the classification of colour pictures, otherwise none. none: only the keys that are set here.
    preset: Literal["auto", "standard", "none"] = Field("auto", description="one of auto, standard, none")
    # Mirror with probability 0.5: horizontal exchanges left and right, vertical top and bottom.
    flip: Optional[Literal["none", "horizontal", "vertical", "both"]] = Field(
        None, description="one of none, horizontal, vertical, both, or null")
    # Pad and crop: shift by whole pixels, by at most this fraction of height and width.
    crop: Share = None
    # Shift by at most this fraction of height and width, with interpolation.
    shift: Share = None
    # Rotate by at most this angle, in either direction.
    rotate: Optional[float] = Field(None, ge=0, le=180, description="degrees from 0 to 180, or null")
    # Shear by at most this angle, in either direction.
    shear: Optional[float] = Field(None, ge=0, le=60, description="degrees from 0 to 60, or null")
    # Scale by a factor from 1 - zoom to 1 + zoom.
    zoom: Optional[float] = Field(None, ge=0, le=0.9, description="a number from 0 to 0.9, or null")
    # Change the brightness by at most this fraction of the input's range.
    brightness: Fraction = None
    # Multiply the difference of each pixel from the picture's mean by a factor from 1 - value to 1 + value.
    contrast: Fraction = None
    # Multiply the difference of each colour from its grey value by a factor from 1 - value to 1 + value.
    saturation: Fraction = None
    # Rotate colours around the grey axis by at most this angle.
    hue: Optional[float] = Field(None, ge=0, le=180, description="degrees from 0 to 180, or null")
    # Standard deviation of Gaussian noise, as a fraction of the input's range.
    noise: Fraction = None
    # Fill a random square with the picture's mean; its side, as a fraction of height and width.
    cutout: Fraction = None
    # Mix each sample with another one (arXiv:1710.09412). The mixing factor is drawn from Beta(a, a), once for each
    # batch; the value is a.
    mixup: Optional[float] = Field(None, ge=0, description="a number of at least 0, or null")
    # Paste a rectangle of another sample into each sample (arXiv:1905.04899). Its area is drawn from Beta(a, a), once
    # for each batch; the value is a.
    cutmix: Optional[float] = Field(None, ge=0, description="a number of at least 0, or null")


def _expect_weights(value: Any) -> Any:
    """The value, if it is a setting for class weights. Raises ValueError otherwise. A pydantic union of the two forms
    would report an error for each of them."""
    if value is None or value == "balanced" or isinstance(value, dict) and all(
            isinstance(name, str) and not isinstance(weight, bool) and isinstance(weight, (int, float)) and weight >= 0
            and math.isfinite(weight) for name, weight in value.items()):
        return value
    raise ValueError("not class weights")


class _LossOfTarget(Section):
    """The loss of one target. null: the default for the target's kind."""

    # null: the loss that the model was compiled with; else cross_entropy for classes and mse for values.
    kind: Optional[Literal["cross_entropy", "focal", "dice", "iou", "mse", "mae", "huber"]] = Field(
        None, description="one of cross_entropy, focal, dice, iou, mse, mae, huber, or null")
    # A loss of your own instead, such as `./losses.py:yolo`: a function of outputs, targets and extras.
    function: Optional[str] = Field(None, min_length=1, description="FILE:FUNCTION, or null")
    # For focal: a larger value gives less weight to samples that the network predicts well already.
    gamma: Optional[float] = Field(None, ge=0, description="a number of at least 0, or null")
    # For huber: the error at which the loss changes from quadratic to linear.
    delta: Optional[float] = Field(None, gt=0, description="a number above 0, or null")
    # The share of the target probability that is spread evenly over all classes.
    label_smoothing: Optional[float] = Field(None, ge=0, lt=1, description="a number from 0 to below 1, or null")
    # The weight of each class's samples or pixels. balanced: inversely proportional to the class's frequency. A
    # mapping: {class: weight}, where other classes get 1.
    class_weights: Annotated[Any, pydantic.AfterValidator(_expect_weights)] = Field(
        None, description="balanced, or a mapping of classes to numbers of at least 0, or null")
    # For a target of kind class. balanced: an epoch has equally many samples of each class, and its usual length.
    # Samples of rare classes are repeated; of common classes, each epoch uses another subset.
    oversample: Optional[Literal["balanced"]] = Field(None, description="balanced, or null")
    # The dataset's extra that holds a weight for each sample, by which the sample's loss is multiplied.
    sample_weights: Optional[str] = Field(None, min_length=1, description="the name of an extra, or null")


class Loss(_LossOfTarget):
    """The loss that both phases of training minimize. A setting here applies to all targets that it fits. Settings in
    `targets` apply to one target, and override those here.

    `loss: focal` is short for {kind: focal}, `loss: ./losses.py:yolo` for {function: ./losses.py:yolo}. Such a function
    gets dictionaries {name: tensor} of all outputs, all targets and all extras. A function in `targets` gets the
    tensors of that output and that target, and the dictionary of all extras. It returns a scalar tensor, computed by
    TensorFlow operations."""

    # The settings above, for single targets.
    targets: Dict[str, _LossOfTarget] = Field(default_factory=dict, description="a mapping of targets to losses")


class Convert(Section):
    """How toco is run. It has no keys yet."""


class _MetricGate(Section):
    """The gates for one metric of the section `metrics`. null: no gate."""

    # The smallest allowed value for the uint8 file.
    min: Optional[float] = Field(None, description="a number, or null")
    # The largest allowed value for the uint8 file.
    max: Optional[float] = Field(None, description="a number, or null")
    # The largest allowed decrease from the float model to the uint8 file.
    max_drop: Optional[float] = Field(None, ge=0, description="a number of at least 0, or null")
    # The largest allowed increase from the float model to the uint8 file, for a metric where less is better.
    max_rise: Optional[float] = Field(None, ge=0, description="a number of at least 0, or null")


class Validate(Section):
    """The gates: limits for the measured values. null: no gate."""

    # The largest allowed decrease of the accuracy from the float model to the uint8 file.
    max_accuracy_drop: Fraction = GATES["max_accuracy_drop"].default
    # The smallest allowed accuracy of the uint8 file.
    min_accuracy: Fraction = GATES["min_accuracy"].default
    # The smallest allowed share of samples for which the uint8 file and the float model predict the same.
    min_agreement: Fraction = GATES["min_agreement"].default
    # The smallest allowed mean of the classes' recalls, for the uint8 file.
    min_balanced_accuracy: Fraction = GATES["min_balanced_accuracy"].default
    # The smallest allowed recall of the worst class, for the uint8 file.
    min_class_recall: Fraction = GATES["min_class_recall"].default
    # The largest allowed decrease of macro F1 from the float model to the uint8 file.
    max_f1_drop: Fraction = GATES["max_f1_drop"].default
    # For class maps: the smallest allowed mean IoU of the uint8 file.
    min_mean_iou: Fraction = GATES["min_mean_iou"].default
    # For targets of two classes, and for labels: the smallest allowed ROC AUC of the uint8 file.
    min_roc_auc: Fraction = GATES["min_roc_auc"].default
    # For targets of two classes, and for labels: the smallest allowed average precision of the uint8 file.
    min_average_precision: Fraction = GATES["min_average_precision"].default
    # For values: the largest allowed increase of the mean squared error, as a share of the float model's.
    max_error_increase: ErrorLimit = GATES["max_error_increase"].default
    # For values: the largest allowed mean squared error of the uint8 file.
    max_error: ErrorLimit = GATES["max_error"].default
    # The largest allowed number of operators whose error against float arithmetic exceeds their kernel's bound.
    max_wrong_operators: Optional[int] = Field(  # type: ignore[assignment]  # a gate's default is a float
        GATES["max_wrong_operators"].default, ge=0, le=MOST,
        description="a whole number of at least 0, or null for no gate")
    # Gates for metrics of the section `metrics`: {name: {min, max, max_drop, max_rise}}. min and max limit the value of
    # the uint8 file, max_drop and max_rise its difference from the float model.
    metrics: Dict[str, _MetricGate] = Field(
        default_factory=dict, description="a mapping of metrics to mappings of min, max, max_drop, max_rise")


class Report(Section):
    """What the page of the stage Report shows. A change here only makes Report run again."""

    # Pictures on the page. wrong: test samples that the uint8 file predicts wrongly, and some training samples. none:
    # no pictures, for example for reasons of privacy.
    samples: Literal["wrong", "none"] = Field("wrong", description="one of wrong, none")
    # A function of your own that turns the outputs of one sample into boxes, which are drawn beside those of the
    # dataset: `./boxes.py:shown`. It is called with a dictionary of all outputs (numpy arrays of reals, without the
    # batch axis) and returns a list of ((y0, x0, y1, x1), words): a box in pixels of the prepared input, and its text
    # on the page, such as 'square 0.93'.
    boxes: Optional[str] = Field(None, min_length=1, description="FILE:FUNCTION, or null")


class Export(Section):
    """The content of the exported folder. A change here only makes Export run again."""

    # The runtimes and accelerators that the model is meant for. `octet check` and the exported card report which
    # operators each of them supports.
    targets: List[Literal["tflite-1.14", "litert", "micro", "ethos-u", "edgetpu", "nnapi"]] = Field(
        default_factory=list, description="a list of any of tflite-1.14, litert, micro, ethos-u, edgetpu, nnapi")


class Recipe(Section):
    """A whole recipe. `gates` is the section `validate`, a name that pydantic reserves."""

    # The seed for initial weights, the order of samples and augmentation.
    seed: int = Field(1, ge=0, le=2 ** 31 - 1, description="a whole number from 0 to 2147483647")
    # The number of threads among which TensorFlow divides an operation in training. Other numbers give slightly other
    # weights, so it does not depend on the machine. More threads are faster on a machine with more processors, if the
    # network is large.
    threads: int = Field(THREADS, ge=1, le=1024, description="a whole number from 1 to 1024")
    data: Data = Field(description="a mapping")
    model: Model = Field(description="a mapping")
    train: Train = Field(Train(), description="a mapping")
    augment: Augment = Field(Augment(), description="a mapping, or one of auto, standard, none")
    loss: Loss = Field(Loss(), description="a mapping")
    quantize: Quantize = Field(Quantize(), description="a mapping")
    convert: Convert = Field(Convert(), description="a mapping")
    # Metrics of your own: {name: FILE:CLASS}, such as `map: ./metrics.py:MeanAveragePrecision`. The class has the
    # methods `update(answers, targets, extras)` and `result()`. EvalGraph and Measure compute them on the test part,
    # for the float model, the fake-quantized graph and the uint8 file.
    metrics: Dict[str, Annotated[str, Field(min_length=1)]] = Field(
        default_factory=dict, description="a mapping of names to FILE:CLASS")
    gates: Validate = Field(Validate(), alias="validate", description="a mapping")
    report: Report = Field(Report(), description="a mapping")
    export: Export = Field(Export(), description="a mapping")
