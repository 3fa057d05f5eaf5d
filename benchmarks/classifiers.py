"""Runs Octet's classifiers on digits and on MNIST through all stages, and measures the accuracy that uint8 costs.

    python -m benchmarks.classifiers [NAME ...]

The recipes for digits are those in recipes/. On MNIST, each network has one epoch of float training and one of
quantized training. Artifacts go into the store that luigi.cfg names: existing ones are used, and an interrupted
benchmark resumes. Writes docs/accuracy.md. The exit code is 1 if a network loses more than a point of accuracy, a range
is not healthy, or a run ends without a measurement.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional

from octet import digest
from octet.recipe import loading as recipe_files
from pipeline import settings
from pipeline.inputs import snapshot
from pipeline.staleness.plan import Plan
from pipeline.store.artifacts import Store

FOLDER = settings.ROOT / ".octet" / "accuracy"
PAGE = settings.ROOT / "docs" / "accuracy.md"
MOST_LOST = 1.0  # points of accuracy

MNIST: Dict[str, Dict] = {
    "lenet": {},
    "ds_cnn": {},
    "mobilenet_v1": {"alpha": 0.25},
    "mobilenet_v2": {"alpha": 0.35, "last": 256},
    "resnet_v1": {},
    "resnet_v2": {},
}
"""{classifier: arguments that make it small enough for MNIST}."""

RECIPE = """\
extends: {}
model: {}
train: {{epochs: 1, learning_rate: 0.003}}
quantize: {{epochs: 1, learning_rate: 0.0003}}
"""
HEAD = """\
# What uint8 costs our classifiers

Written by `python -m benchmarks.classifiers`; do not edit. Accuracy on the test images (digits: 400, so one of them is
0.25 points; MNIST: 10,000), one seed. Digits are the recipes of that name; on MNIST each network has one epoch of float
training and one with quantization in sight, which is little: it is the difference that counts here. **ranges**: what
TrainQAT found wrong with the trained ranges on the validation images; none is what it should be.

| network | float | fake-quantized | uint8 | lost | agreement | ranges | bytes float, uint8 |
|---|---|---|---|---|---|---|---|
"""


class Row(NamedTuple):
    """One network on one dataset, as a recipe."""

    name: str
    path: Path


class Result(NamedTuple):
    """accuracy, agreement: fractions. health: a line for each unhealthy range. size_bytes: {'float', 'uint8': size}."""

    accuracy: Dict[str, float]
    agreement: float
    health: List[str]
    size_bytes: Dict[str, Optional[int]]

    @property
    def lost(self) -> float:
        """The accuracy that the uint8 file loses against the float network, in points."""
        return 100 * (self.accuracy["float"] - self.accuracy["uint8"])

    @property
    def good(self) -> bool:
        return self.lost <= MOST_LOST and not self.health


def rows(folder: Path) -> List[Row]:
    """The recipes for digits whose model is a classifier, and those for MNIST, which are written to `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    recipes = settings.ROOT / settings.RECIPES
    found = [Row(path.stem, path) for path in sorted(recipes.glob("digits*.yaml"))
             if recipe_files.load(path).sections()["model"]["build"] in MNIST]
    for model, args in MNIST.items():
        path = folder / "mnist_{}.yaml".format(model)
        path.write_text(RECIPE.format(recipes / "mnist.yaml", json.dumps({"build": model, "args": args})), "utf-8")
        found.append(Row(path.stem, path))
    return found


def run(row: Row) -> None:
    """Runs the stages up to Measure, as far as they succeed. luigi prints what it does."""
    environment = {**os.environ, "PATH": str(Path(sys.executable).parent) + os.pathsep + os.environ.get("PATH", "")}
    subprocess.run(["luigi", "--module", "pipeline", "Measure", "--recipe", str(row.path),
                    "--local-scheduler"], env=environment, stdin=subprocess.DEVNULL, check=False)


def result(row: Row, store: Store) -> Optional[Result]:
    """The figures in the measurement; None if there is none."""
    with digest.kept_open():
        plan = Plan(snapshot.take(row.path), store)
        if not plan.intact("Measure"):
            return None
    measured = json.loads((plan.folder("Measure") / "measurement.json").read_text("utf-8"))
    (output,) = measured["outputs"].values()
    health = ["{} {}".format(item["tensor"], item["what"]) for item in plan.manifest("TrainQAT")["metrics"]["health"]]
    return Result(output["accuracy"], output["agreement"], health, measured["size_bytes"])


def text(results: Dict[str, Optional[Result]]) -> str:
    """The page docs/accuracy.md."""
    return HEAD + "".join(_line(name, found) for name, found in results.items())


def _line(name: str, found: Optional[Result]) -> str:
    if found is None:
        return "| {} | not measured | | | | | | |\n".format(name)
    figures = ["{:.2f} %".format(100 * found.accuracy[side]) for side in ("float", "fake_quantized", "uint8")]
    return "| {} | {} | {:.2f} | {:.2f} % | {} | {}, {:,} |\n".format(
        name, " | ".join(figures), found.lost, 100 * found.agreement, "; ".join(found.health) or "none",
        "-" if found.size_bytes["float"] is None else "{:,}".format(found.size_bytes["float"]),
        found.size_bytes["uint8"])


def main(*names: str) -> int:
    store, all_rows = Store(settings.load().store), rows(FOLDER)
    for row in all_rows:
        if not names or row.name in names:
            run(row)
    results = {row.name: result(row, store) for row in all_rows}
    PAGE.write_text(text(results), encoding="utf-8")
    print(text(results))
    return int(not all(found is not None and found.good for found in results.values()))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
