"""Shows which runtimes and accelerators support a .tflite file, and what would have to change for the others.

FILE is a .tflite file, an exported folder, a recipe, or the first digits of a key, as `octet ls` prints them. For a
uint8 file, its int8 twin, which `octet export` also writes, is checked too. The check uses a list of each target's
operators and their limits; `--json` has the source and the date of each list.

    octet targets --install     creates environments for LiteRT, TensorFlow Lite for Microcontrollers and Vela
    octet targets FILE --run    runs FILE in them and in TensorFlow 1.14, and compares the outputs
    octet targets FILE --time   also measures the time of an inference on one processor of this machine
    octet targets FILE --time-operators   also measures the time of each operator, alone
"""

import argparse
import json
from typing import Any, Dict, Iterator, List

from octet.errors import UsageError
from octet.job import Job
from octet.target_runtimes import DISTRIBUTIONS, NAMES, supported_operators
from pipeline import formatting, settings
from pipeline.cli import operator_times, runtimes_table
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
    parser.add_argument("--install", action="store_true", help="create the environments that --run uses")
    parser.add_argument("--run", dest="run_it", action="store_true", help="run it in the installed runtimes")
    parser.add_argument("--time", action="store_true", help="run it, and time it")
    parser.add_argument("--time-operators", action="store_true", help="run it, and time it and each of its operators")
    parser.add_argument("--json", action="store_true", help="print everything as JSON, and nothing else")


def run(arguments: argparse.Namespace) -> None:
    """Prints which operators each target supports. Raises OctetError for anything but a .tflite file."""
    if not arguments.file and not arguments.install:
        raise UsageError("no file is named", where="octet targets", why="",
                         next_step="name a .tflite file or a recipe; see octet targets --help")
    if arguments.install:
        for name, requirement in DISTRIBUTIONS.items():
            print("{}: {} {} in {}".format(name, *requirement, target_environments.install(name)), flush=True)
    if not arguments.file:
        return
    config = settings.load()
    lineage = Lineage(Store(config.store))
    model = model_reference.find(arguments.file, lineage, config)
    job = Job(stage=TARGETS, inputs={}, output="", recipe_folder="",
              settings={"file": str(model.path), "targets": list(NAMES)})
    judged = preflight.in_child(job, snapshot.source_of(TARGETS), "read a model")
    if arguments.run_it or arguments.time or arguments.time_operators:
        judged["ran"] = _ran(model, lineage, arguments.time or arguments.time_operators, arguments.time_operators)
    if arguments.json:
        print(json.dumps({"file": str(model.path), "known_by": model.how or None, **judged}, indent=1, sort_keys=True))
        return
    print("{}: {} operators, {}".format(arguments.file, judged["file"]["operators"], judged["file"]["dtype"]))
    if judged["int8"]:
        print("note: it has no int8 twin: {}".format(judged["int8"]))
    targets = judged["targets"]
    dtypes = list(next(iter(targets.values()))["files"])
    formatting.table(["target"] + [FILES.get(dtype, "the {} file".format(dtype)) for dtype in dtypes] + ["use"], [
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
        operator_times.show(judged["ran"]["runs"])


def _ran(model: ModelReference, lineage: Lineage, timed: bool, operators: bool) -> Dict[str, Any]:
    """The results of the installed runtimes (the metrics of tasks/checks/run_on.py), and which are not installed."""
    environments = target_environments.installed()
    inputs = {stage: str(lineage.store.artifact(stage, manifest["key"])) for stage, manifest in model.manifests.items()
              if stage in (SAMPLES, FLOAT) and lineage.store.state(stage, manifest["key"]) == INTACT}
    job = Job(stage=RUN_ON, inputs=inputs, output="", recipe_folder="", settings={
        "file": str(model.path), "network": model.network, "environments": environments,
        "seconds": SECONDS if timed else 0.0, "operators": operators})
    with progress.on_terminal("octet targets") as report:
        ran = preflight.in_child(job, snapshot.source_of(RUN_ON), "run a model", on_progress=report)
    return {**ran, "not_installed": [target for target in DISTRIBUTIONS if target not in environments]}


def _details(name: str, target: Dict[str, Any]) -> Iterator[str]:
    """The reasons why the target does not support a file completely, without duplicates."""
    for dtype, fit in target["files"].items():
        if fit["why"] and not fit["outside"]:
            yield "{}: {} file not supported: {}".format(name, dtype, fit["why"])
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
