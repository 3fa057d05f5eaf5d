"""Trains every classifier of this project on digits and on MNIST with three seeds, and writes docs/accuracy.md.

    python -m benchmarks.classifiers [NAME ...]

Digits as in the recipes; on MNIST one float epoch and one quantized. The artifacts go into the store that luigi.cfg
names, so an interrupted run goes on where it was. The exit code is 1 if the uint8 file of a seed loses more than a
point, a range is not healthy, or a run ends without a measurement.
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
MOST_LOST = 1.0  # points
SEEDS = (1, 2, 3)
SIDES = ("float", "fake_quantized", "uint8")

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
0.25 points; MNIST: 10,000): the mean of three seeds, and the least and the most. Digits are the recipes of that name;
on MNIST each network has one epoch of float training and one quantized epoch, which is little: only the differences
between the columns count here.

- **lost**: the points of accuracy that the uint8 file has less than the float network: the mean and the most.
- **lost by int8**: the same for the int8 file against the uint8 file, both on the same images. The int8 file of a large
  network is measured on a part of the images.
- **agreement**: the share of the test images with the same class from the uint8 file and the float network, and the
  share with the same class from the int8 file and the uint8 file: the means.
- **ranges**: the faults of the trained ranges that TrainQAT found on the validation images.

| network | float | fake-quantized | uint8 | lost | lost by int8 | agreement | ranges | bytes float, uint8, int8 |
|---|---|---|---|---|---|---|---|---|
"""


class Row(NamedTuple):
    """One network on one dataset, with one seed, as a recipe."""

    name: str
    path: Path


class Result(NamedTuple):
    """What was measured with one seed. accuracy, agreement: fractions. on_int8_samples: the accuracy of uint8 and int8
    on the samples that the int8 file was measured on. health: what was wrong with the ranges."""

    accuracy: Dict[str, float]
    agreement: float
    on_int8_samples: Optional[Dict[str, float]]
    int8_agreement: Optional[float]
    health: List[str]
    size_bytes: Dict[str, Optional[int]]

    @property
    def lost(self) -> float:
        """The accuracy that the uint8 file loses against the float network, in points."""
        return 100 * (self.accuracy["float"] - self.accuracy["uint8"])

    @property
    def lost_by_int8(self) -> Optional[float]:
        """The accuracy that the int8 file loses against the uint8 file on the same samples, in points."""
        return self.on_int8_samples and 100 * (self.on_int8_samples["uint8"] - self.on_int8_samples["int8"])

    @property
    def good(self) -> bool:
        return self.lost <= MOST_LOST and not self.health


def rows(folder: Path) -> List[Row]:
    """The recipes of digits whose model is a classifier, and those for MNIST, each with every seed. They are written to
    `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    recipes = settings.ROOT / settings.RECIPES
    texts = {path.stem: "extends: {}\n".format(path) for path in sorted(recipes.glob("digits*.yaml"))
             if recipe_files.load(path).sections()["model"]["build"] in MNIST}
    for model, args in MNIST.items():
        texts["mnist_" + model] = RECIPE.format(recipes / "mnist.yaml", json.dumps({"build": model, "args": args}))
    found = []
    for name, text in texts.items():
        for seed in SEEDS:
            path = folder / "{}_{}.yaml".format(name, seed)
            path.write_text("{}seed: {}\n".format(text, seed), "utf-8")
            found.append(Row(name, path))
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
    int8, accuracy = output.get("int8"), output["accuracy"]
    on_int8_samples = int8 and int8.get("accuracy", accuracy)  # `accuracy` has int8 where these are all samples
    return Result(accuracy, output["agreement"], on_int8_samples, int8 and int8["agreement"], health,
                  measured["size_bytes"])


def text(results: Dict[str, List[Optional[Result]]]) -> str:
    """The page. results: {network: what was measured with each seed, None where there is no measurement}."""
    return HEAD + "".join(_line(name, [each for each in found if each is not None])
                          for name, found in results.items())


def _line(name: str, found: List[Result]) -> str:
    if not found:
        return "| {} | not measured | | | | | | | |\n".format(name)
    accuracies = [_spread([each.accuracy[side] for each in found]) for side in SIDES]
    lost = _mean_and_most([each.lost for each in found])
    lost_by_int8 = _mean_and_most([each.lost_by_int8 for each in found if each.lost_by_int8 is not None])
    agreements = [_mean([each.agreement for each in found]),
                  _mean([each.int8_agreement for each in found if each.int8_agreement is not None])]
    health = "; ".join(sorted({words for each in found for words in each.health})) or "none"
    sizes = [found[0].size_bytes.get(side) for side in ("float", "uint8", "int8")]
    return "| {} | {} | {} | {} | {} | {} | {} |\n".format(
        name if len(found) == len(SEEDS) else "{} ({} seeds)".format(name, len(found)), " | ".join(accuracies),
        lost, lost_by_int8, ", ".join(agreements), health,
        ", ".join("-" if size is None else "{:,}".format(size) for size in sizes))


def _mean_and_most(points: List[float]) -> str:
    return "{:.2f}, {:.2f}".format(sum(points) / len(points), max(points)) if points else "-"


def _mean(fractions: List[float]) -> str:
    return "{:.2f} %".format(100 * sum(fractions) / len(fractions)) if fractions else "-"


def _spread(fractions: List[float]) -> str:
    if not fractions:
        return "-"
    return "{} ({:.2f} to {:.2f})".format(_mean(fractions), 100 * min(fractions), 100 * max(fractions))


def main(*names: str) -> int:
    store, all_rows = Store(settings.load().store), rows(FOLDER)
    for row in all_rows:
        if not names or row.name in names:
            run(row)
    results: Dict[str, List[Optional[Result]]] = {}
    for row in all_rows:
        results.setdefault(row.name, []).append(result(row, store))
    PAGE.write_text(text(results), encoding="utf-8")
    print(text(results))
    return int(not all(each is not None and each.good for found in results.values() for each in found))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
