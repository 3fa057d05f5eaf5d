"""The examples of recipes/tasks, each with some seeds, through the stages: how good they are, and what uint8 costs.

    python -m benchmarks.example_tasks [SEED ...]

The seeds are 1 and 2 unless said. They go into the store that luigi.cfg names, so an interrupted run goes on where
it was, and what is there already is read. Writes the table in docs/tasks.md; the exit code is 1 where a gate of a
recipe is missed, or a run ends without a measurement.
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
"""{recipe: (its metric in measurement.json, in words)}, in the order of the table."""
HEAD = """\
| recipe | metric | float | fake-quantized | uint8 | samples in training | bytes |
|---|---|---|---|---|---|---|
"""


class Result(NamedTuple):
    """figures: {side: value} of the recipe's metric. passed: whether the verdict is there."""

    figures: Dict[str, float]
    samples: int
    size_bytes: int
    passed: bool


def run(name: str, seed: int) -> None:
    """The recipe's stages are made with that seed, or as far as they come; luigi says what it does."""
    environment = {**os.environ, "PATH": str(Path(sys.executable).parent) + os.pathsep + os.environ.get("PATH", "")}
    subprocess.run(["luigi", "--module", "pipeline", "ValidateInterpreter", "--recipe", str(FOLDER / (name + ".yaml")),
                    "--set", "seed={}".format(seed), "--local-scheduler"], env=environment, stdin=subprocess.DEVNULL,
                   check=False)


def result(name: str, seed: int, found: settings.Settings) -> Optional[Result]:
    """What was measured; None where there is no measurement."""
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
    """One line of the table: a figure for each seed."""
    there = [each for each in results if each is not None]
    cells = [" ".join("-" if each is None else "{:.3f}".format(each.figures[side]) for each in results)
             for side in SIDES]
    size = "{:,} | {:,}".format(there[0].samples, there[0].size_bytes) if there else "- | -"
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
