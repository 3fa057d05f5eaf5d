"""Measures a .tflite file (uint8, int8 or float, of any origin) on one part of a recipe's data.

FILE is a .tflite file, an exported folder, a recipe, or the first digits of a key, as `octet ls` prints them. Quantized
inputs get codes in the file's own quantization; other inputs get reals.
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
    parser.add_argument("--part", choices=PARTS, default="test", help="the part of the data; test by default")
    parser.add_argument("--json", action="store_true", help="print all figures as JSON, and nothing else")


def run(arguments: argparse.Namespace) -> None:
    """Prints the figures. Raises OctetError for data that is not prepared, and for a file that does not fit the
    data."""
    config = settings.load()
    lineage = Lineage(Store(config.store))
    model = model_reference.find(arguments.file, lineage, config)
    part = prepared_part.find(arguments.recipe, arguments.part, lineage, config, with_source=(EVALUATE,))
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
        yield "  {:<12} {}".format(metric, "not defined on these samples" if value is None else "{:.4g}".format(value))
    for output, figures in measured["figures"].items():
        numbers = {metric: value for metric, value in figures.items() if isinstance(value, (int, float))}
        yield "  {:<12} {}".format(output, "  ".join("{} {:.4g}".format(*each) for each in numbers.items()) or
                                   "not measured: only the recipe's own metrics can interpret it")
        missed = [metric for metric, value in figures.items() if value is None]
        if missed:
            yield "  {:<12} not defined on these samples: {}".format("", ", ".join(missed))
        for place, recall in (figures.get("recall") or {}).items():
            yield "    {:<20} recall {}  precision {}".format(place, *(
                "-" if share is None else "{:.4f}".format(share) for share in (recall, figures["precision"][place])))
