"""Chooses the loss of each target from the recipe's section `loss` and from the loss that the model was compiled with,
and computes class weights."""

from typing import Any, Dict, List, Optional, Sequence, Tuple

import tensorflow as tf

from octet.data import classes
from octet.data.dataset import Dataset, Target
from octet.errors import RecipeError
from octet.suggestions import suggest

OF_KIND = {"class": ("cross_entropy", "focal"), "labels": ("cross_entropy", "focal"),
           "class_map": ("cross_entropy", "focal", "dice", "iou"), "value": ("mse", "mae", "huber"), "raw": ()}
"""{kind of target: its losses, the default first}."""
READ_BY = {"gamma": ("focal",), "delta": ("huber",), "label_smoothing": ("cross_entropy", "focal"),
           "class_weights": ("cross_entropy", "focal", "dice", "iou"), "oversample": ("cross_entropy", "focal"),
           "sample_weights": ("cross_entropy", "focal", "dice", "iou", "mse", "mae", "huber")}
"""{setting: the losses that use it}."""
DEFAULTS = {"gamma": 2.0, "delta": 1.0, "label_smoothing": 0.0, "class_weights": None, "oversample": None,
            "sample_weights": None}

COMPILED = {"sparse_categorical_crossentropy": "cross_entropy", "categorical_crossentropy": "cross_entropy",
            "binary_crossentropy": "cross_entropy", "mse": "mse", "mean_squared_error": "mse", "mae": "mae",
            "mean_absolute_error": "mae", "huber_loss": "huber", "huber": "huber"}
"""{Keras' name of a loss: its name in a recipe}."""


def settled(section: Dict[str, Any], dataset: Dataset, compiled: Dict[str, Any]
            ) -> Tuple[Dict[str, Dict[str, Any]], List[str]]:
    """({target: {kind, gamma, delta, label_smoothing, class_weights, oversample, sample_weights, function}}, a sentence
    for each compiled loss that is not used).

    function: FILE:FUNCTION of the user's own loss for this target, or None. With such a function, or with one for all
    outputs, the other settings are not used. class_weights: a number for each class, computed on the train part.
    section: the recipe's `loss`. compiled: {target: the loss that the model was compiled with}.
    Raises RecipeError for a setting that fits no target.
    """
    if section.get("function"):
        return {name: dict(DEFAULTS, kind=None, function=None) for name in dataset.targets}, [
            "the loss that the model was compiled with for '{}', {}, is not used: loss.function computes the "
            "total loss".format(name, _called(loss)) for name, loss in sorted(compiled.items())]
    own = {name: _without_null(settings) for name, settings in section.get("targets", {}).items()}
    for_all = _without_null({name: value for name, value in section.items() if name not in ("targets", "function")})
    unknown = sorted(set(own) - set(dataset.targets))
    if unknown:
        raise RecipeError("there is no target {}".format(unknown[0]), where="loss.targets",
                          why="loss.targets gives losses to targets by name",
                          next_step=suggest(unknown[0], list(dataset.targets)))
    for name, settings in own.items():
        _expect_fit(settings, {name: dataset.targets[name]}, "loss.targets.{}.".format(name))
    _expect_fit(for_all, dataset.targets, "loss.")
    found, notes = {}, []
    for name, target in dataset.targets.items():
        chosen = {**for_all, **own.get(name, {})}
        if chosen.get("function"):
            found[name] = dict(DEFAULTS, kind=None, function=chosen["function"])
            continue
        if target.kind == "raw":
            raise RecipeError("the output '{}' is raw, and has no loss".format(name), where="loss",
                              why="only a function of your own knows what its numbers mean",
                              next_step="write loss: ./losses.py:FUNCTION, a function of outputs, targets and extras")
        kind, note = _kind(chosen.get("kind"), target, name, compiled.get(name))
        notes.extend(note)
        settings = {setting: chosen.get(setting, default) if kind in READ_BY[setting] else default
                    for setting, default in DEFAULTS.items()}
        if target.kind != "class":
            settings["oversample"] = None
        settings["class_weights"] = _class_weights(settings["class_weights"], target, name, dataset)
        _expect_weights(settings["sample_weights"], dataset)
        found[name] = dict(settings, kind=kind, function=None)
    _expect_one_oversampled(found, section, own, dataset)
    return found, notes


def _expect_one_oversampled(found: Dict[str, Dict[str, Any]], section: Dict[str, Any], own: Dict[str, Dict[str, Any]],
                            dataset: Dataset) -> None:
    """Raises RecipeError if `oversample` is set for no suitable target, for several, or together with class weights."""
    asked = [name for name, settings in found.items() if settings["oversample"]]
    wrong = [name for name, settings in own.items() if settings.get("oversample") and name not in asked]
    if wrong or section.get("oversample") and not asked:
        raise RecipeError("no target gives each sample one class: {}".format(", ".join(
            "{} is of kind {}".format(name, dataset.targets[name].kind) for name in wrong or sorted(dataset.targets))),
            where="loss.targets.{}.oversample".format(wrong[0]) if wrong else "loss.oversample",
            why="oversampling draws the samples of rare classes more often", next_step="remove it")
    if len(asked) > 1:
        raise RecipeError("samples cannot be drawn by the classes of {}".format(" and of ".join(map(repr, asked))),
                          where="loss.oversample", why="a class that is rare in one may be common in the other",
                          next_step="write loss: {{targets: {{{}: {{oversample: balanced}}}}}}".format(asked[0]))
    for name in asked:
        if found[name]["class_weights"] is not None:
            raise RecipeError("'{}' has class_weights as well".format(name), where="loss.oversample",
                              why="rare classes would count twice", next_step="remove one of the two")


def _without_null(settings: Dict[str, Any]) -> Dict[str, Any]:
    return {name: value for name, value in settings.items() if value is not None}


def _expect_fit(settings: Dict[str, Any], targets: Dict[str, Target], where: str) -> None:
    if settings.get("function"):  # loading the recipe has ensured that there are no other settings
        return
    kinds = {name: target.kind for name, target in targets.items()}
    shown = ", ".join("{} is of kind {}".format(*each) for each in sorted(kinds.items()))
    kind = settings.get("kind")
    if kind is not None and not any(kind in OF_KIND[of] for of in kinds.values()):
        fitting = sorted({loss for of in kinds.values() for loss in OF_KIND[of]})
        raise RecipeError("{} fits no target: {}".format(kind, shown), where=where + "kind",
                          why="it would have no effect", next_step=suggest(kind, fitting))
    used = {kind} if kind is not None else {OF_KIND[of][0] for of in kinds.values() if OF_KIND[of]}
    for setting in sorted(set(settings) - {"kind", "oversample"}):  # `_expect_one_oversampled` checks `oversample`
        if not used & set(READ_BY[setting]):
            raise RecipeError("{} is not used by {}".format(setting, " and ".join(sorted(used))),
                              where=where + setting, why="it would have no effect",
                              next_step="remove it, or write kind: {}".format(" or ".join(READ_BY[setting])))


def _kind(requested: Optional[str], target: Target, name: str, compiled: Any) -> Tuple[str, List[str]]:
    """(the loss of one target, a note about the loss that the model was compiled with, if any)."""
    fitting = OF_KIND[target.kind]
    kind = requested if requested in fitting else fitting[0]
    if compiled is None:
        return kind, []
    called = _called(compiled)
    known = COMPILED.get(called.lower())
    if known in fitting and requested is None and not getattr(compiled, "_fn_kwargs", None):
        return known, [] if known == kind else ["'{}' is trained with the loss that the model was compiled with: "
                                                "{}".format(name, known)]
    if known == kind and not getattr(compiled, "_fn_kwargs", None):
        return kind, []
    return kind, ["the loss that the model was compiled with for '{}', {}, is not used: it is trained with {}; write "
                  "loss: {{kind: ...}} for another of {}".format(name, called, kind, ", ".join(fitting))]


def _expect_weights(name: Optional[str], dataset: Dataset) -> None:
    """Raises RecipeError unless the extra `name` holds one non-negative number for each sample."""
    if name is None:
        return
    weights = {each: extra for each, extra in dataset.extras.items()
               if extra.kind == "array" and not extra.shape and extra.dtype == "float32"}
    if name not in weights:
        raise RecipeError("no extra '{}' holds a weight for each sample".format(name), where="loss.sample_weights",
                          why="each sample's loss is multiplied by one number",
                          next_step=suggest(name, weights) if weights else
                          "give the dataset one: `weight: COLUMN` of a table, or Extra('array', ()) of a dataset of "
                          "your own")
    for part in dataset.parts.values():
        if len(part) and (part.extras[name] < 0).any():
            raise RecipeError("the extra '{}' has a weight below 0".format(name), where="loss.sample_weights",
                              why="training would increase the loss of such a sample",
                              next_step="use weights of at least 0")


def _called(loss: Any) -> str:
    """The name of a Keras loss, which is a str, a function or an object."""
    if isinstance(loss, str):
        return loss
    return str(getattr(loss, "__name__", None) or getattr(loss, "name", None) or type(loss).__name__)


def compiled(model: tf.keras.Model, outputs: Sequence[str], targets: Sequence[str]) -> Dict[str, Any]:
    """{target: the loss that the model was compiled with}. targets: in the order of the model's outputs."""
    loss = getattr(model, "loss", None)
    if not loss:
        return {}
    if isinstance(loss, dict):
        by_output = dict(zip(outputs, targets))
        return {by_output.get(output, output): one for output, one in loss.items() if one is not None}
    losses = loss if isinstance(loss, (list, tuple)) else [loss] * len(targets)
    return {name: one for name, one in zip(targets, losses) if one is not None}


def _class_weights(setting: Any, target: Target, name: str, dataset: Dataset) -> Optional[List[float]]:
    """A weight for each class. setting: {class: weight}, where other classes get 1; or 'balanced': inversely
    proportional to the class's frequency in the train part, with a mean of 1 over the samples; for labels, the number
    of samples without the class divided by the number with it."""
    if setting is None or target.kind == "value":
        return None
    if setting == "balanced":
        answers = dataset.known_answers(name)["train"]
        counts = classes.counts(target, answers)
        if dataset.samples is not None:  # the few samples of a check may have none of a class
            counts = counts.clip(1)
        if target.kind == "labels":
            return [float((len(answers) - count) / count) for count in counts]
        return [float(counts.sum() / (len(counts) * count)) for count in counts]
    unknown = sorted(set(setting) - set(target.classes))
    if unknown:
        raise RecipeError("there is no class {}".format(", ".join(map(repr, unknown))), where="loss.class_weights",
                          why="class_weights gives weights to the classes of '{}' by name".format(name),
                          next_step=suggest(unknown[0], list(target.classes)))
    return [float(setting.get(one, 1.0)) for one in target.classes]
