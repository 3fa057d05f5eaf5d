"""Checks a recipe's values against the schema, and fills in defaults.

    complete(text, problems) -> every section, or more problems

Loading pydantic and the schema's classes takes longer than everything else in a run with nothing to do. So
`loading.py` caches the result, and imports this file only for a text that it does not know.
"""

import difflib
from typing import Any, Dict, List, Mapping, Optional, Tuple, Type

import pydantic

from octet.job import Sections
from octet.recipe.inheritance import Text
from octet.recipe.schema import Recipe
from octet.recipe.schema_training import Phase, Quantize, Train
from octet.recipe.schema_types import MOST
from octet.recipe.yaml_text import Problem, nearest, number_hint, show
from octet.suggestions import suggest

_MOST_REPORTED = 100  # problems; each costs a search for similar names


def complete(text: Text, problems: List[Problem]) -> Optional[Sections]:
    """{section: {key: value}} with defaults filled in, as plain values for JSON. Returns None if a value is wrong;
    `problems` then has a problem for each wrong key."""
    values = _resolved(text, problems)
    reported = {problem.keys for problem in problems}
    _expect_read(text, problems)
    try:
        return Recipe.model_validate(values).model_dump(by_alias=True)
    except pydantic.ValidationError as error:
        for detail in error.errors(include_url=False)[:_MOST_REPORTED]:
            keys = tuple(str(key) for key in detail["loc"])
            if keys not in reported:
                problems.append(Problem(nearest(text.places, keys), keys, _message(detail)))
    return None


def _resolved(text: Text, problems: List[Problem]) -> Sections:
    """The text's values after two expansions: `augment: NAME` becomes {preset: NAME}, and with `model.weights` the
    default of `train.epochs` is 0."""
    if isinstance(text.values.get("augment"), str):
        text = text._replace(values={**text.values, "augment": {"preset": text.values["augment"]}})
    model, train = (text.values.get(section, {}) for section in ("model", "train"))
    if not (isinstance(model, dict) and isinstance(train, dict)):
        return text.values
    if model.get("new_layers") and model.get("weights") is None:
        keys = ("model", "new_layers")
        problems.append(Problem(nearest(text.places, keys), keys, "is read only with `model.weights`: without a file "
                                "all layers are new"))
    if model.get("weights") is not None and not model.get("new_layers"):
        return {**text.values, "train": {"epochs": 0, **train}}
    if train.get("epochs") == 0 and train["epochs"] is not False:
        keys = ("train", "epochs")
        problems.append(Problem(nearest(text.places, keys), keys, "expected {}, found 0{}".format(
            Train.model_fields["epochs"].description,
            ": new layers have to be trained" if model.get("new_layers") else "")))
    return text.values


_READ_BY_ONE_MODE: Dict[str, Dict[str, str]] = {
    "live": {"freeze_ranges_after": "is not for `batch_norm: live`, where all ranges are calibrated after training",
             "weight_average": "is not for `batch_norm: live`, whose batch statistics belong to the weights before "
                               "averaging",
             "regularization": "is not for `batch_norm: live`, whose graph has all regularization",
             "rates": "is not for `batch_norm: live`, which trains all layers alike",
             "distill": "is not for `batch_norm: live`, where some tensors are trained without a range"},
    "fold": dict.fromkeys(("delay", "default_ranges"), "is only for `batch_norm: live`; with folded batch norms, every "
                          "tensor has a trained range from the first step"),
}
"""{value of `quantize.batch_norm`: {key that has no effect with it: the reason}}."""


def _expect_read(text: Text, problems: List[Problem]) -> None:
    """Reports keys that would have no effect, such as keys for another schedule, optimizer or batch-norm mode."""
    phases: Tuple[Type[Phase], ...] = (Train, Quantize)
    for phase in phases:
        _expect_read_by_choice(phase, text, problems)
    _expect_one_loss(text, problems)
    _expect_measured(text, problems)
    train, section = (text.values.get(name, {}) for name in ("train", "quantize"))
    if isinstance(train, dict) and train.get("weight_average") and train.get("batch_norm_batches") == 0:
        keys = ("train", "batch_norm_batches")
        problems.append(Problem(nearest(text.places, keys), keys, "expected at least 1 with `weight_average`: averaged "
                                "weights need their own statistics"))
    if not isinstance(section, dict):
        return
    for name, why in _READ_BY_ONE_MODE["live" if section.get("batch_norm") == "live" else "fold"].items():
        if section.get(name, Quantize.model_fields[name].default) != Quantize.model_fields[name].default:
            keys = ("quantize", name)
            problems.append(Problem(nearest(text.places, keys), keys, why))


def _expect_one_loss(text: Text, problems: List[Problem]) -> None:
    """Reports keys of `loss` that have no effect because a function computes the total loss."""
    loss = text.values.get("loss")
    if not isinstance(loss, dict):
        return
    of_targets = loss.get("targets")
    losses = [(("loss",), loss)]  # type: List[Tuple[Tuple[str, ...], Any]]
    if isinstance(of_targets, dict):
        losses += [(("loss", "targets", str(name)), value) for name, value in of_targets.items()]
    for keys, value in losses:
        if not isinstance(value, dict) or value.get("function") is None:
            continue
        for other in sorted(set(value) - {"function"}):
            if value[other] is not None and value[other] != {}:
                problems.append(Problem(nearest(text.places, keys + (other,)), keys + (other,),
                                        "has no effect beside a function, which is the whole loss; leave one out"))


def _expect_measured(text: Text, problems: List[Problem]) -> None:
    """Reports gates for metrics that are not in the section `metrics`."""
    gates, metrics = text.values.get("validate"), text.values.get("metrics")
    gates = gates.get("metrics") if isinstance(gates, dict) else None
    for name in gates if isinstance(gates, dict) else ():
        known = list(metrics) if isinstance(metrics, dict) else []
        if name not in known:
            keys = ("validate", "metrics", str(name))
            problems.append(Problem(nearest(text.places, keys), keys, "no metric of this name is in the section "
                                    "`metrics`, so the gate would have no effect; " + suggest(str(name), known)))


_KEYS_OF_LOSS = {"class_weight": "class_weights", "class_weights": "class_weights", "loss": "kind",
                 "label_smoothing": "label_smoothing"}
"""{the name in Keras' `fit` and `compile`: the key of the section `loss`}."""

_READ_BY_ONE_CHOICE: Dict[str, Tuple[str, Tuple[str, ...]]] = {
    "milestones": ("schedule", ("step",)), "step_factor": ("schedule", ("step", "reduce_on_plateau")),
    "plateau_epochs": ("schedule", ("reduce_on_plateau",)),
    "final_factor": ("schedule", ("exponential",)), "momentum": ("optimizer", ("momentum", "nesterov")),
}
"""{key of a phase: (another key, the values of that key with which the first one has an effect)}."""


def _expect_read_by_choice(phase: Type[Phase], text: Text, problems: List[Problem]) -> None:
    """Reports keys of the phase that have no effect with its schedule or its optimizer."""
    name = phase.__name__.lower()
    section = text.values.get(name, {})
    if not isinstance(section, dict):
        return
    for key, (choice, values) in _READ_BY_ONE_CHOICE.items():
        if key in section and section.get(choice, phase.model_fields[choice].default) not in values:
            problems.append(Problem(nearest(text.places, (name, key)), (name, key),
                                    "is read only with " + " or ".join(
                                        "`{}: {}`".format(choice, value) for value in values)))


def _message(detail: Mapping[str, Any]) -> str:
    """The message for an error of pydantic: what was expected, and what was found."""
    *around, key = [str(part) for part in detail["loc"]]
    section: Type[pydantic.BaseModel] = Recipe
    place = 0
    while place < len(around):
        field = _fields(section)[around[place]]
        entry = getattr(field.annotation, "__args__", ())[-1:]
        if hasattr(field.annotation, "model_fields"):
            section, place = field.annotation, place + 1
        elif entry and hasattr(entry[0], "model_fields") and place + 2 <= len(around):  # a section for each name
            section, place = entry[0], place + 2
        else:  # an entry of a mapping: the mapping's description covers its entries
            return "expected {}, found {}{}".format(
                field.description, show(detail["input"]), number_hint(detail["input"]))
    known = _fields(section)
    if detail["type"] == "extra_forbidden":
        hint = ""
        if around and around[-1] in ("train", "quantize") and key in _KEYS_OF_LOSS:
            return "no key of this name; write loss: {{{}: ...}}, for both phases".format(_KEYS_OF_LOSS[key])
        if "args" in known and not difflib.get_close_matches(key, known):
            hint = "; options of its own go in {}.args".format(around[-1])
        return "no key of this name{}; {}".format(hint, suggest(key, known))
    expected = "expected {}".format(known[key].description)
    if detail["type"] == "missing":
        return expected + ", found no such key"
    value = detail["input"]
    if detail["type"] == "less_than_equal" and detail["ctx"]["le"] == MOST:
        return "expected at most {}, found {}".format(MOST, show(value))
    near = difflib.get_close_matches(str(value), detail.get("ctx", {}).get("expected", "").split("'"), 1)
    hint = "; did you mean '{}'?".format(near[0]) if near and detail["type"] == "literal_error" else ""
    return "{}, found {}{}{}".format(expected, show(value), hint, number_hint(value))


def _fields(section: Type[pydantic.BaseModel]) -> Dict[str, Any]:
    """{name in YAML: field} of a section."""
    return {field.alias or name: field for name, field in section.model_fields.items()}
