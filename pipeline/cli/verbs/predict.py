"""Predicts pictures with a .tflite file. Each picture is decoded and resized like the training pictures.

FILE is a .tflite file that Octet made, at any place; an exported folder; a recipe; or the first digits of a key, as
`octet ls` prints them. The store has the size and channels of the pictures and the names of the classes. For a file of
another origin, they are taken from the data of the recipe that `--recipe` names.
"""

import argparse
import json
import os
import shlex
from pathlib import Path
from typing import Any, Dict, Iterator, Tuple

from octet import regular_file
from octet.errors import DatasetError, StoreError, UsageError
from octet.job import Job
from pipeline import settings
from pipeline.execution import preflight, progress
from pipeline.inputs import snapshot
from pipeline.provenance import model_reference, prepared_part
from pipeline.provenance.lineage import IDENTIFIER, Lineage
from pipeline.provenance.model_reference import PREPARED, ModelReference
from pipeline.settings import Settings
from pipeline.stage_specs import PREDICT
from pipeline.store.artifacts import Store

MOST_CLASSES = 5
MOST_VALUES = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", help="a .tflite file, an exported folder, a recipe, or the first digits of a key")
    parser.add_argument("pictures", nargs="+", metavar="picture", help="a picture file")
    parser.add_argument("--recipe", help="the recipe whose data defines pictures and classes; needed for a file "
                                         "that Octet did not make")
    parser.add_argument("--json", action="store_true", help="print everything as JSON, and nothing else")


def run(arguments: argparse.Namespace) -> None:
    """Prints the predictions. Raises OctetError for pictures that cannot be read, and for files that cannot be run."""
    config = settings.load()
    lineage = Lineage(Store(config.store))
    for path in arguments.pictures:
        _expect_file(path)
    model = model_reference.find(arguments.file, lineage, config)
    section, prepared = _data(model, arguments, config, lineage)
    job = Job(stage=PREDICT, inputs={PREPARED: str(prepared)}, output="", recipe_folder="", settings={
        "file": str(model.path), "pictures": [os.path.abspath(path) for path in arguments.pictures],
        "data": section, "network": model.network})
    with progress.on_terminal("octet predict") as on_progress:
        report = preflight.in_child(job, snapshot.source_of(PREDICT), "run a model", on_progress=on_progress)
    for path, picture in zip(arguments.pictures, report["pictures"]):
        picture["picture"] = path
    if arguments.json:
        print(json.dumps({"file": str(model.path), "known_by": model.how or None, **report}, indent=1))
        return
    if model.how == IDENTIFIER:
        print("note: {} is known by {}; its content has changed since it was measured".format(
            arguments.file, model.how))
    for note in report["notes"]:
        print("note: {}".format(note))
    for picture in report["pictures"]:
        for line in _lines(picture, len(picture["outputs"]) > 1):
            print(line)


def _data(model: ModelReference, arguments: argparse.Namespace, config: Settings, lineage: Lineage
          ) -> Tuple[Dict[str, Any], Path]:
    """(the section `data`, the folder of PrepareData.train). Raises UsageError or StoreError that says what is
    missing."""
    if arguments.recipe:
        part = prepared_part.find(arguments.recipe, "train", lineage, config)
        return dict(part.taken_snapshot.sections["data"]), part.folder
    data = model.data(lineage)
    if data is not None:
        return data
    if model.manifests:
        raise StoreError("the prepared data of its recipe is not in the store", where=arguments.file,
                         why="{} has the inputs and classes".format(PREPARED),
                         next_step="run `luigi --module pipeline {}` for its recipe; or name another with "
                                   "--recipe".format(PREPARED))
    raise UsageError("it is unknown what it was trained on", where=arguments.file,
                     why="no manifest of {} has its content or its identifier, so the size, channels and range of "
                         "pictures and the names of the classes are unknown".format(
                             lineage.store.root),
                     next_step="name a recipe with such data: --recipe RECIPE")


def _expect_file(path: str) -> None:
    try:
        os.stat(path)
    except FileNotFoundError:
        what = "there is no such file"
    except OSError as error:
        what = "cannot be read: {}".format(error.strerror)
    else:
        if os.path.isfile(path):
            return
        what = "it is {}".format(regular_file.kind(path))
    raise DatasetError(what, where=path, why="a picture is a file", next_step="name the picture files, as {}*.png does"
                       .format(shlex.quote(path.rstrip("/")) + "/") if os.path.isdir(path) else "check the path")


def _lines(picture: Dict[str, Any], named: bool) -> Iterator[str]:
    """The lines for one picture. named: whether they name each output."""
    for name, output in picture["outputs"].items():
        where = "{} {}".format(picture["picture"], name) if named else picture["picture"]
        numbers = any("value" in answer for answer in output["answers"])
        shown = output["answers"][:MOST_VALUES if numbers else MOST_CLASSES]
        more = len(output["answers"]) - len(shown) if numbers else 0
        yield "{}: {}{}".format(where, ", ".join(_answer_text(answer) for answer in shown), " and {} more".format(more)
                                if more else "")


def _answer_text(answer: Dict[str, Any]) -> str:
    if "value" in answer:
        return "{:g}".format(answer["value"])
    if "share" in answer:
        return "{} {:.1%} of the pixels".format(answer["class"], answer["share"])
    return "{} {:.3f}{}".format(answer["class"], answer["probability"], " (yes)" if answer.get("yes") else "")
