"""Which runtimes and accelerators take a .tflite file, and what would have to change for the others.

FILE is a .tflite file, an exported folder, or what `octet ls` prints: a recipe, or the first digits of a key. Of a
uint8 file the int8 twin is judged, too, which `octet export` puts beside it. What a target takes is looked up in a list
of its operators and their limits; `--json` has the source and the date of each list.
"""

import argparse
import json
from typing import Any, Dict, Iterator, List

from octet.job import Job
from octet.targets import NAMES
from pipeline import formatting, settings
from pipeline.execution import preflight
from pipeline.inputs import snapshot
from pipeline.provenance import model_reference
from pipeline.provenance.lineage import Lineage
from pipeline.spec import TARGETS
from pipeline.store.artifacts import Store

FILES = {"uint8": "the uint8 file", "int8": "the int8 file"}
MOST_LAYERS = 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", help="a .tflite file, an exported folder, a recipe, or the first digits of a key")
    parser.add_argument("--json", action="store_true", help="all of it, with the sources, as JSON and nothing else")


def run(arguments: argparse.Namespace) -> None:
    """Prints what each target takes. Raises OctetError for what is no .tflite file."""
    found = settings.load()
    model = model_reference.find(arguments.file, Lineage(Store(found.store)), found)
    job = Job(stage=TARGETS, inputs={}, output="", recipe_folder="",
              settings={"file": str(model.path), "targets": list(NAMES)})
    judged = preflight.in_child(job, snapshot.source_of(TARGETS), "read a model")
    if arguments.json:
        print(json.dumps({"file": str(model.path), "known_by": model.how or None, **judged}, indent=1, sort_keys=True))
        return
    print("{}: {} operators, {}".format(arguments.file, judged["file"]["operators"], judged["file"]["dtype"]))
    if judged["int8"]:
        print("note: it has no int8 twin: {}".format(judged["int8"]))
    targets = judged["targets"]
    dtypes = list(next(iter(targets.values()))["files"])
    formatting.table(["target"] + [FILES.get(dtype, "the {} file".format(dtype)) for dtype in dtypes] + ["hand it"], [
        [name] + [_verdict(target["files"][dtype]) for dtype in dtypes] + [
            FILES.get(target["use"], "none of them")] for name, target in targets.items()])
    for name, target in targets.items():
        for line in _details(name, target):
            print(line)
    for words in judged["kernel_faults"]:
        print("note: {}".format(words))


def _verdict(fit: Dict[str, Any]) -> str:
    words = "{} of {} operators".format(fit["operators"] - fit["elsewhere"], fit["operators"]) if fit[
        "elsewhere"] else str(fit["verdict"])
    return words + (", from level {} on".format(fit["level"]) if fit["level"] and not fit["why"] else "")


def _details(name: str, target: Dict[str, Any]) -> Iterator[str]:
    """Why the target does not take a file, for each file that it does not take whole; the same reason once."""
    for dtype, fit in target["files"].items():
        if fit["why"] and not fit["outside"]:
            yield "{}: {} file refused: {}".format(name, dtype, fit["why"])
    fit = target["files"].get(target["use"]) or next((fit for fit in target["files"].values() if fit["outside"]), None)
    if fit is None:
        return
    if fit["outside"]:
        yield "{}, {} file: {}".format(name, fit["dtype"], target["outside_words"])
    for line in _grouped(fit["outside"]):
        yield "    " + line
    for words in fit["perhaps"]:
        yield "{}: perhaps not {}".format(name, words)


def _grouped(outside: List[Dict[str, Any]]) -> Iterator[str]:
    """A line for each operator and reason, with the first of its layers."""
    layers: Dict[Any, List[str]] = {}
    for each in outside:
        layers.setdefault((each["operator"], each["why"], each["instead"]), []).append(each["layer"])
    for (operator, why, instead), names in layers.items():
        yield "{} ({}): {}{}".format(operator, formatting.listed(names, MOST_LAYERS), why,
                                     "; " + instead if instead else "")
