"""Predict: the outputs of a .tflite file for some pictures.

In:  the settings file (its path), pictures (their paths), data (the recipe's section), network (network.json's inputs
     and outputs, empty if they are not known); PrepareData.train's spec.json.
Out: no file; as metrics {pictures: [{picture, outputs: {name: {kind, answers}}}], notes}. Answers are
     [{class, probability}], the most probable first; for labels also `yes`, whether it is above the threshold; for a
     class_map [{class, share}], the share of the pixels; for numbers [{column, value}], in the units of the columns if
     they are known.
Fails with DatasetError for a file that is no picture, with InterpreterError for a .tflite file that cannot be run.
"""

from typing import Any, Callable, Dict, List, Optional, Tuple

import numpy as np
from PIL import UnidentifiedImageError

from octet import regular_file
from octet.data import crop, pictures, prepared
from octet.data.dataset import Dataset, Input, arguments
from octet.data.pictures import Form
from octet.datasets import image_folder, table
from octet.errors import DatasetError, UsageError
from octet.job import Job, Progress
from tasks.evaluation import metrics
from tasks.graph.io_spec import OutputMeaning
from tasks.tflite import any_model, output_meanings

FORMS: Dict[str, Callable[..., Form]] = {"image_folder": image_folder.picture_form, "table": table.picture_form}
"""{dataset that decodes picture files: the function that makes a Form of the dataset's arguments}."""


def run(job: Job, progress: Progress) -> Dict[str, Any]:
    dataset = prepared.learnt(job.input("PrepareData.train"))
    model = any_model.read(job.settings["file"])
    known = job.settings["network"]
    names = any_model.input_names(model, dataset.inputs, [end["name"] for end in known["inputs"]])
    form, notes = _form(job, dataset, names)
    codes = []
    for path in job.settings["pictures"]:
        decoded, noticed = _decoded(path, form)
        codes.append(_centre(decoded, dataset.inputs[names[0]]))
        notes += ["{}: {}".format(path, pictures.NOTICED[word].format(
            alpha=pictures.ALPHA[form.alpha or "drop"], white=2 ** form.bits - 1)) for word in sorted(noticed)]
    ends = output_meanings.of(model, dataset, known["outputs"])
    predictions: List[Dict[str, Any]] = [{"picture": path, "outputs": {}} for path in job.settings["pictures"]]
    for rows, reals in any_model.run(model, [np.stack(codes)], [dataset.inputs[names[0]]],
                                     lambda done: progress(done, "the interpreter")):
        for end, values in zip(ends, reals):
            for item, scores in zip(predictions[rows], values):
                item["outputs"][end["name"]] = {"kind": end["kind"], "answers": answers(end, scores)}
    return {"pictures": predictions, "notes": notes}


def _form(job: Job, dataset: Dataset, names: List[str]) -> Tuple[Form, List[str]]:
    """(how the dataset decodes a picture, notes for the user). Raises UsageError if the model has several inputs, or
    its input is no picture."""
    section = job.settings["data"]
    shape = tuple(dataset.inputs[names[0]].shape)
    if len(names) > 1:
        raise UsageError("it takes {} inputs: {}".format(len(names), ", ".join(names)), where=job.settings["file"],
                         why="a picture can be the value of one input only",
                         next_step="`octet evaluate` runs it on prepared data")
    name = section["dataset"]
    form: Optional[Form] = FORMS[name](**arguments(section, job.recipe_folder)) if name in FORMS else None
    if form is not None:
        return form, []
    if len(shape) not in (2, 3) or len(shape) == 3 and shape[2] not in (1, 3):
        raise UsageError("the input '{}' is no picture: its shape is {}".format(names[0], list(shape)),
                         where=job.settings["file"],
                         why="a picture is [height, width] or [height, width, channels], with 1 or 3 channels",
                         next_step="`octet evaluate` runs it on prepared data")
    spec: Input = dataset.inputs[names[0]]
    channels = shape[2] if len(shape) == 3 else 1
    height, width = spec.prepared or shape[:2]
    return Form(height, width, channels), [
        "the dataset {} reads no picture files: these are resized to {}x{}, {}, and 0..255 stands for "
        "{:g}..{:g}".format(name, height, width, "grey" if channels == 1 else "RGB", spec.low, spec.high)]


def _centre(codes: np.ndarray, spec: Input) -> np.ndarray:
    """The centre crop of a picture that is prepared larger than the input."""
    if spec.prepared is None:
        return codes
    top, left = crop.centre(spec.prepared, spec.shape[:2])
    return codes[top:top + spec.shape[0], left:left + spec.shape[1]]


def _decoded(path: str, form: Form) -> Tuple[np.ndarray, List[str]]:
    try:
        codes, noticed = pictures.decode(regular_file.read(path), form)
        return codes, list(noticed)
    except pictures.BROKEN as error:
        why = "its format is unknown" if isinstance(error, UnidentifiedImageError) else \
            getattr(error, "strerror", None) or error
        raise DatasetError("not a readable picture: {}".format(why), path, "",
                           "Check the path, or save the picture again as PNG or JPEG.") from None


def answers(end: OutputMeaning, scores: np.ndarray) -> List[Dict[str, Any]]:
    """The answers of one output for one sample (see the module), the most probable first. scores: the output [...]."""
    if not end["classes"]:
        columns, values = end["columns"], scores.reshape(-1)
        reals = [low + float(value) * (high - low) for value, (low, high) in zip(values, columns)] if columns else \
            [float(value) for value in values]
        return [{"column": index, "value": value} for index, value in enumerate(reals)]
    names = end["classes"]
    if end["kind"] == "class_map":
        shares = np.bincount(metrics.decided(end, scores).reshape(-1), minlength=len(names)) / scores[..., 0].size
        return [{"class": names[index], "share": float(shares[index])} for index in _falling(shares)]
    if end["kind"] == "labels":
        return [{"class": names[index], "probability": float(scores[index]),
                 "yes": bool(scores[index] > end["threshold"])} for index in _falling(scores)]
    if end["threshold"] is not None:  # one score for two classes
        scores = np.array([1.0 - scores[0], scores[0]])
    return [{"class": names[index], "probability": float(scores[index])} for index in _falling(scores)]


def _falling(scores: np.ndarray) -> np.ndarray:
    return np.argsort(-scores, kind="stable")
