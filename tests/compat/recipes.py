"""The networks that run through the real stages, each as a recipe: Octet's own, and those of tf.keras.applications."""

import json
from pathlib import Path
from typing import Dict, List, NamedTuple, Sequence

import numpy as np

from octet.datasets import digits
from pipeline import settings

SAMPLES = {"train": 24, "validation": 8, "test": 16}
SEVENTY_FIVE = ("InceptionResNetV2", "InceptionV3", "Xception")  # these networks accept no smaller pictures
APPLICATIONS = (  # the small ones first
    "MobileNet", "MobileNetV2", "VGG16", "ResNet50", "DenseNet121", "Xception", "InceptionV3", "NASNetMobile", "VGG19",
    "DenseNet169", "DenseNet201", "InceptionResNetV2", "NASNetLarge")

OURS = """\
extends: {}
train: {{epochs: 2}}
quantize: {{epochs: 1}}
validate: {{max_accuracy_drop: null}}
"""
FEW_STEPS = """\
data: {{dataset: npz, args: {{path: pictures{side}.npz, low: 0, high: 1, classes: {classes}}}}}
model: {{build: "tensorflow.keras.applications:{name}", args: {{weights: null}}}}
train: {{epochs: 1, batch_size: 8}}
quantize: {{epochs: 1, batch_size: 8, calibration_batches: 2}}
validate: {{max_accuracy_drop: null}}
"""
TINY = """\
data: {{dataset: "{source}", args: {{networks: {names}}}}}
model: {{build: "{source}:build", args: {{networks: {names}}}}}
train: {{epochs: 1, batch_size: 8}}
quantize: {{epochs: 1, batch_size: 8, calibration_batches: 2}}
"""
TOGETHER = 12


class Row(NamedTuple):
    """One network. table: `ours` or `applications`. size: its input size, for the page."""

    table: str
    name: str
    size: str
    path: Path


def side(name: str) -> int:
    """The height and width of the smallest picture that the application accepts."""
    return 75 if name in SEVENTY_FIVE else 32


def written(folder: Path) -> List[Row]:
    """Writes the recipes and their data below `folder`. Returns the rows in the order in which they run."""
    folder.mkdir(parents=True, exist_ok=True)
    for size in (32, 75):
        _fill(folder / "pictures{}.npz".format(size), lambda path, size=size: np.savez(path, **pictures(size)))
    rows = []
    for source in sorted((settings.ROOT / settings.RECIPES).glob("digits*.yaml")):
        rows.append(Row("ours", source.stem, "8x8x1", folder / (source.stem + ".yaml")))
        _fill(rows[-1].path, lambda path, source=source: path.write_text(OURS.format(source)))
    for name in APPLICATIONS:
        rows.append(Row("applications", name, "{0}x{0}x3".format(side(name)), folder / (name + ".yaml")))
        _fill(rows[-1].path, lambda path, name=name: path.write_text(
            FEW_STEPS.format(side=side(name), classes=digits.DIGITS, name=name)))
    return rows


def tiny(folder: Path, names: Sequence[str]) -> Path:
    """The recipe that runs these tiny networks side by side."""
    path = folder / ("tiny_{}.yaml".format(names[0] if len(names) == 1 else "{}_to_{}".format(names[0], names[-1])))
    path.write_text(TINY.format(source=Path(__file__).with_name("tiny.py"), names=json.dumps(list(names))))
    return path


def pictures(size: int) -> Dict[str, np.ndarray]:
    """{x_PART: [N, size, size, 3] uint8, y_PART: [N] int32}: enlarged digits in a colour."""
    dataset, random = digits.load(), np.random.RandomState(size)
    arrays = {}
    for part, count in SAMPLES.items():
        grey = dataset.parts[part].inputs["image"][:count, :, :, 0]
        at = np.arange(size) * grey.shape[1] // size
        large = grey[:, at][:, :, at, None] * random.uniform(0.3, 1.0, (count, 1, 1, 3))
        arrays["x_" + part] = np.clip(large + random.uniform(0, 30, large.shape), 0, 255).astype(np.uint8)
        arrays["y_" + part] = dataset.parts[part].targets["label"][:count]
    return arrays


def _fill(path: Path, write) -> None:
    if not path.exists():
        write(path)
