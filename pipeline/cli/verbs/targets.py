"""Which runtimes and accelerators take a .tflite file, and what would have to change for the others.

FILE is a .tflite file, an exported folder, or what `octet ls` prints: a recipe, or the first digits of a key. Of a
uint8 file the int8 twin is judged, too, which `octet export` puts beside it. What a target takes is looked up in a list
of its operators and their limits; `--json` has the source and the date of each list.

    octet targets --install     makes environments with LiteRT, TensorFlow Lite for Microcontrollers and Vela, from PyPI
    octet targets FILE --run    runs FILE in them and in TensorFlow 1.14, and says whether the outputs agree
    octet targets FILE --time   does the same, and measures how long an inference takes on one processor of this machine
"""

import argparse
import json
from typing import Any, Dict, Iterator, List

from octet.errors import UsageError
from octet.job import Job
from octet.targets import DISTRIBUTIONS, NAMES, supported_operators
from pipeline import formatting, settings
from pipeline.cli import runtimes_table
from pipeline.execution import preflight, progress
from pipeline.inputs import snapshot
from pipeline.process import target_environments
from pipeline.provenance import model_reference
from pipeline.provenance.lineage import Lineage
from pipeline.provenance.model_reference import ModelReference
from pipeline.stage_specs import RUN_ON, TARGETS
from pipeline.store.artifacts import Store
from pipeline.store.status import INTACT

SAMPLES, FLOAT = "PrepareData.test", "TrainFloat"
SECONDS = 2.0  # for which each file is timed in each runtime
FILES = {"uint8": "the uint8 file", "int8": "the int8 file"}
MOST_LAYERS = 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", nargs="?",
                        help="a .tflite file, an exported folder, a recipe, or the first digits of a key")
    parser.add_argument("--install", action="store_true", help="make the environments that --run uses")
    parser.add_argument("--run", dest="run_it", action="store_true", help="run it in the runtimes at hand")
    parser.add_argument("--time", action="store_true", help="run it, and time it")
    parser.add_argument("--json", action="store_true", help="all of it, with the sources, as JSON and nothing else")


def run(arguments: argparse.Namespace) -> None:
    """Prints what each target takes. Raises OctetError for what is no .tflite file."""
    if not arguments.file and not arguments.install:
        raise UsageError("no file is named", where="octet targets", why="",
                         next_step="name a .tflite file or a recipe; see octet targets --help")
    if arguments.install:
        for name, requirement in DISTRIBUTIONS.items():
            print("{}: {} {} in {}".format(name, *requirement, target_environments.install(name)), flush=True)
    if not arguments.file:
        return
    found = settings.load()
    lineage = Lineage(Store(found.store))
    model = model_reference.find(arguments.file, lineage, found)
    job = Job(stage=TARGETS, inputs={}, output="", recipe_folder="",
              settings={"file": str(model.path), "targets": list(NAMES)})
    judged = preflight.in_child(job, snapshot.source_of(TARGETS), "read a model")
    if arguments.run_it or arguments.time:
        judged["ran"] = _ran(model, lineage, arguments.time)
    if arguments.json:
        print(json.dumps({"file": str(model.path), "known_by": model.how or None, **judged}, indent=1, sort_keys=True))
        return
    print("{}: {} operators, {}".format(arguments.file, judged["file"]["operators"], judged["file"]["dtype"]))
    if judged["int8"]:
        print("note: it has no int8 twin: {}".format(judged["int8"]))
    targets = judged["targets"]
    dtypes = list(next(iter(targets.values()))["files"])
    formatting.table(["target"] + [FILES.get(dtype, "the {} file".format(dtype)) for dtype in dtypes] + ["hand it"], [
        [name] + [supported_operators(target["files"][dtype]) for dtype in dtypes] + [
            FILES.get(target["use"], "none of them")] for name, target in targets.items()])
    for name, target in targets.items():
        for line in _details(name, target):
            print(line)
    for words in judged["kernel_faults"]:
        print("note: {}".format(words))
    if "ran" in judged:
        for line in runtimes_table.lines(judged["ran"]):
            print(line)


def _ran(model: ModelReference, lineage: Lineage, timed: bool) -> Dict[str, Any]:
    """What the runtimes at hand make of the file (the metrics of tasks/checks/run_on.py), and which are not there."""
    environments = target_environments.installed()
    inputs = {stage: str(lineage.store.artifact(stage, manifest["key"])) for stage, manifest in model.manifests.items()
              if stage in (SAMPLES, FLOAT) and lineage.store.state(stage, manifest["key"]) == INTACT}
    job = Job(stage=RUN_ON, inputs=inputs, output="", recipe_folder="", settings={
        "file": str(model.path), "network": model.network, "environments": environments,
        "seconds": SECONDS if timed else 0.0})
    with progress.on_terminal("octet targets") as report:
        ran = preflight.in_child(job, snapshot.source_of(RUN_ON), "run a model", on_progress=report)
    return {**ran, "not_installed": [target for target in DISTRIBUTIONS if target not in environments]}


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
