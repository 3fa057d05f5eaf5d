"""Runs the recipes in recipes/tasks with several seeds through all stages, and measures their quality in float and
uint8.

    python -m benchmarks.example_tasks [SEED ...]

The default seeds are 1 and 2. Artifacts go into the store that luigi.cfg names: existing ones are used, and an
interrupted benchmark resumes. Writes the table in docs/tasks.md. The exit code is 1 if a recipe misses a gate, or a run
ends without a measurement.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional

from octet import digest
from pipeline import settings
from pipeline.inputs import snapshot
from pipeline.staleness.plan import Plan
from pipeline.store import recipe_variants
from pipeline.store.artifacts import Store

FOLDER = settings.ROOT / "recipes" / "tasks"
PAGE = settings.ROOT / "docs" / "tasks.md"
SIDES = ("float", "fake_quantized", "uint8")
METRICS = {
    "detector": ("map", "mean average precision"),
    "segmenter": ("mean_iou", "mean IoU"),
    "tagger": ("macro_f1", "macro F1"),
    "keyword_spotter": ("accuracy", "accuracy"),
    "anomaly_detector": ("auc", "area under ROC"),
    "regressor": ("pixels", "distance in pixels"),
}
"""{recipe: (name of its metric in measurement.json, the metric in words)}, in the order of the table."""
HEAD = """\
| recipe | metric | float | fake-quantized | uint8 | samples in training | bytes |
|---|---|---|---|---|---|---|
"""


class Result(NamedTuple):
    """figures: {side: value} of the recipe's metric. samples: the number of training samples. size_bytes: of the uint8
    file. passed: whether there is a verdict."""

    figures: Dict[str, float]
    samples: int
    size_bytes: int
    passed: bool


def run(name: str, seed: int) -> None:
    """Runs the recipe's stages with this seed, as far as they succeed. luigi prints what it does."""
    environment = {**os.environ, "PATH": str(Path(sys.executable).parent) + os.pathsep + os.environ.get("PATH", "")}
    subprocess.run(["luigi", "--module", "pipeline", "ValidateInterpreter", "--recipe", str(FOLDER / (name + ".yaml")),
                    "--set", "seed={}".format(seed), "--local-scheduler"], env=environment, stdin=subprocess.DEVNULL,
                   check=False)


def result(name: str, seed: int, found: settings.Settings) -> Optional[Result]:
    """The figures in the measurement; None if there is none."""
    recipe = recipe_variants.written(
        FOLDER / (name + ".yaml"), ["seed={}".format(seed)], found.store, found.find_recipe)
    with digest.kept_open():
        plan = Plan(snapshot.take(recipe), Store(found.store))
        if not plan.intact("Measure"):
            return None
        measured = json.loads((plan.folder("Measure") / "measurement.json").read_text("utf-8"))
        metric, _ = METRICS[name]
        (output,) = measured["outputs"].values()
        return Result(measured["metrics"].get(metric) or output[metric],
                      plan.manifest("PrepareData.train")["metrics"]["samples"], measured["size_bytes"]["uint8"],
                      plan.intact("ValidateInterpreter"))


def line(name: str, results: List[Optional[Result]]) -> str:
    """One line of the table, with a figure for each seed."""
    complete = [each for each in results if each is not None]
    cells = [" ".join("-" if each is None else "{:.3f}".format(each.figures[side]) for each in results)
             for side in SIDES]
    size = "{:,} | {:,}".format(complete[0].samples, complete[0].size_bytes) if complete else "- | -"
    return "| `{}` | {} | {} | {} |\n".format(
        name, METRICS[name][1], " | ".join(cells), size)


def main(*seeds: str) -> int:
    found, results = settings.load(), {}  # type: settings.Settings, Dict[str, List[Optional[Result]]]
    for name in METRICS:
        results[name] = []
        for seed in map(int, seeds or ("1", "2")):
            run(name, seed)
            results[name].append(result(name, seed, found))
    table = HEAD + "".join(line(name, of_name) for name, of_name in results.items())
    print(table)
    page = PAGE.read_text("utf-8")
    PAGE.write_text(re.sub(re.escape(HEAD) + r"(\|.*\n)*", lambda _: table, page), "utf-8")
    return int(not all(each is not None and each.passed for of_name in results.values() for each in of_name))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
