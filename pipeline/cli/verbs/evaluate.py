"""How well a .tflite file answers on one part of a recipe's data: uint8, int8 or float, of Octet or not.

FILE is a .tflite file, an exported folder, or what `octet ls` prints: a recipe, or the first digits of a key. Inputs
that are quantized are given codes of the file's own quantization, others reals.
"""

import argparse
import json
from typing import Any, Dict, Iterator

from octet import sizes
from octet.data.dataset import PARTS
from octet.job import Job
from pipeline import settings
from pipeline.execution import preflight, progress
from pipeline.provenance import model_reference, prepared_part
from pipeline.provenance.lineage import Lineage
from pipeline.stage_specs import EVALUATE
from pipeline.store.artifacts import Store


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", help="a .tflite file, an exported folder, a recipe, or the first digits of a key")
    parser.add_argument("--recipe", required=True, help="the recipe whose data it is measured on")
    parser.add_argument("--part", choices=PARTS, default="test", help="test unless said")
    parser.add_argument("--json", action="store_true", help="every figure as JSON, and nothing else")


def run(arguments: argparse.Namespace) -> None:
    """Prints the figures. Raises OctetError for data that is not prepared, and for files that do not fit it."""
    found = settings.load()
    lineage = Lineage(Store(found.store))
    model = model_reference.find(arguments.file, lineage, found)
    part = prepared_part.find(arguments.recipe, arguments.part, lineage, found, with_source=(EVALUATE,))
    taken = part.taken_snapshot
    job = Job(stage=EVALUATE, inputs={part.stage: str(part.folder)}, output="", recipe_folder=str(taken.folder),
              settings={"file": str(model.path), "network": model.network, "metrics": taken.sections["metrics"]})
    with progress.on_terminal("octet evaluate") as report:
        measured = preflight.in_child(job, taken.trees[EVALUATE], "run a model", on_progress=report)
    if arguments.json:
        print(json.dumps({"file": str(model.path), "known_by": model.how or None, "recipe": str(taken.recipe),
                          **measured}, indent=1, sort_keys=True))
        return
    for line in _lines(arguments.file, measured):
        print(line)


def _lines(name: str, measured: Dict[str, Any]) -> Iterator[str]:
    yield "{}: {}, {} in, {} out, on {} samples of the {} part".format(
        name, sizes.size(measured["size_bytes"]), *(", ".join(dict.fromkeys(
            end["dtype"] for end in measured[side])) for side in ("inputs", "outputs")), measured["samples"],
        measured["part"])
    for metric, value in measured["metrics"].items():
        yield "  {:<12} {}".format(metric, "these samples do not give it" if value is None else "{:.4g}".format(value))
    for output, figures in measured["figures"].items():
        numbers = {metric: value for metric, value in figures.items() if isinstance(value, (int, float))}
        yield "  {:<12} {}".format(output, "  ".join("{} {:.4g}".format(*each) for each in numbers.items()) or
                                   "not measured: only the recipe's own loss and metrics know what it means")
        missed = [metric for metric, value in figures.items() if value is None]
        if missed:
            yield "  {:<12} these samples do not give {}".format("", ", ".join(missed))
        for place, recall in (figures.get("recall") or {}).items():
            yield "    {:<20} recall {}  precision {}".format(place, *(
                "-" if share is None else "{:.4f}".format(share) for share in (recall, figures["precision"][place])))
