"""Measures what each default of training is worth: three networks are trained with all defaults, and with one default
taken away, on few photographs and with three seeds. Writes docs/defaults.md.

    python -m benchmarks.defaults FOLDER [NETWORK ...]

FOLDER: pictures as `python -m benchmarks.cifar10 FOLDER` writes them; the first of each class are used. NETWORK: the
networks to train now; the page shows whatever is in the store. An interrupted run goes on where it was.
"""

import json
import sys
from pathlib import Path
from typing import Dict, List, Optional, Tuple

import numpy as np
from PIL import Image

from benchmarks.classifiers import SEEDS, Result, Row, result, run
from pipeline import settings
from pipeline.store.artifacts import Store

FOLDER = settings.ROOT / ".octet" / "defaults"
PAGE = settings.ROOT / "docs" / "defaults.md"
OF_CLASS = {"train": ("train", 0, 250), "validation": ("train", 250, 350), "test": ("test", 0, 200)}
"""{part: (its folder, the first picture of each class, the picture after the last)}."""

NETWORKS = {
    "ResNet8": {"build": "resnet_v1"},
    "MobileNetV1-0.25": {"build": "mobilenet_v1", "args": {"alpha": 0.25}},
    "DS-CNN": {"build": "ds_cnn", "args": {"kernel": [3, 3]}},
}
WITHOUT: List[Tuple[str, str, Dict]] = [
    ("augmentation", "no augmentation", {"augment": "none"}),
    ("Nesterov momentum", "`train.optimizer: adam`", {"train": {"optimizer": "adam"}}),
    ("cosine schedule", "`train.schedule: constant`", {"train": {"schedule": "constant"}}),
    ("warm-up", "`train.warm_up: 0`", {"train": {"warm_up": 0}}),
    ("weight decay", "`train.weight_decay: 0`", {"train": {"weight_decay": 0}}),
    ("best epoch", "`train.keep: last`", {"train": {"keep": "last"}}),
    ("batch norm recomputed", "`train.batch_norm_batches: 0`", {"train": {"batch_norm_batches": 0}}),
    ("quantized training", "`quantize.epochs: 0`", {"quantize": {"epochs": 0}}),
    ("quantized cosine schedule", "`quantize.schedule: constant`", {"quantize": {"schedule": "constant"}}),
    ("best quantized epoch", "`quantize.keep: last`", {"quantize": {"keep": "last"}}),
    ("calibration on 20 batches", "`quantize.calibration_batches: 1`", {"quantize": {"calibration_batches": 1}}),
    ("no distillation", "`quantize.distill: 0.5`", {"quantize": {"distill": 0.5}}),
    ("no equalization", "`quantize.equalize: true`", {"quantize": {"equalize": True}}),
    ("ranges that move", "`quantize.freeze_ranges_after: 2`", {"quantize": {"freeze_ranges_after": 2}}),
]
"""(default, what takes its place, the sections of the recipe that say so)."""

HEAD = """\
# What each default of training buys

Written by `python -m benchmarks.defaults`; do not edit. CIFAR-10, 2,500 training photographs, 20 float and 5 quantized
epochs, {} seeds. **All defaults**: the accuracy on 2,000 test photographs, the mean and the range of the seeds. Each
other row replaces one default; the numbers are points of accuracy of the uint8 file that the default gains: the mean of
the differences seed by seed, and the least and the most of them. One photograph is 0.05 points. A range that contains 0
shows no effect at this size.

"""


def write_photographs(folder: Path) -> Path:
    """Writes the pictures of OF_CLASS as one .npz file of {x_train, y_train, ...}. Returns its path."""
    classes = sorted(path.name for path in (folder / "train").iterdir())
    arrays = {}
    for part, (source, first, end) in OF_CLASS.items():
        paths = [path for name in classes for path in sorted((folder / source / name).iterdir())[first:end]]
        arrays["x_" + part] = np.stack([np.asarray(Image.open(str(path))) for path in paths])
        arrays["y_" + part] = np.array([classes.index(path.parent.name) for path in paths], np.int32)
    FOLDER.mkdir(parents=True, exist_ok=True)
    np.savez(str(FOLDER / "photographs.npz"), **arrays)
    return FOLDER / "photographs.npz"


def rows() -> Dict[str, Dict[str, List[Row]]]:
    """{network: {what takes the place of a default, "" for nothing: the recipes of all seeds}}."""
    found: Dict[str, Dict[str, List[Row]]] = {}
    for network, model in NETWORKS.items():
        found[network] = {}
        for number, (_, instead, change) in enumerate([("", "", {})] + WITHOUT):
            found[network][instead] = [_row(network, number, model, change, seed) for seed in SEEDS]
    return found


def _row(network: str, number: int, model: Dict, change: Dict, seed: int) -> Row:
    path = FOLDER / "{}_{:02d}_{}.yaml".format(network.replace(".", "_"), number, seed)
    sections = {"data": {"dataset": "npz", "args": {"path": "photographs.npz"}}, "model": model,
                "train": {"epochs": 20}, "seed": seed}
    for section, values in change.items():
        sections[section] = {**sections.get(section, {}), **values} if isinstance(values, dict) else values
    path.write_text(json.dumps(sections), "utf-8")  # JSON is YAML
    return Row(network, path)


def text(results: Dict[str, Dict[str, List[Optional[Result]]]]) -> str:
    """The page. results: as `rows`, with what was measured with each seed, None where there is no measurement."""
    lines = ["| default | in its place | {} |".format(" | ".join(NETWORKS)), "|---|---|" + "---|" * len(NETWORKS)]
    for side in ("float", "uint8"):
        lines.append("| all defaults, {} | | {} |".format(side, " | ".join(
            _accuracies(results[network][""], side) for network in NETWORKS)))
    for default, instead, _ in WITHOUT:
        lines.append("| {} | {} | {} |".format(default, instead, " | ".join(
            _gained(results[network][""], results[network][instead]) for network in NETWORKS)))
    return HEAD.format(len(SEEDS)) + "\n".join(lines) + "\n"


def _accuracies(found: List[Optional[Result]], side: str) -> str:
    values = [100 * each.accuracy[side] for each in found if each is not None]
    return "{:.1f} % ({:.1f} to {:.1f})".format(np.mean(values), min(values), max(values)) if values else "-"


def _gained(with_default: List[Optional[Result]], without: List[Optional[Result]]) -> str:
    points = [100 * (one.accuracy["uint8"] - other.accuracy["uint8"])
              for one, other in zip(with_default, without) if one is not None and other is not None]
    if not points:
        return "-"
    seeds = "" if len(points) == len(SEEDS) else ", {} of the seeds".format(len(points))
    return "{:+.1f} ({:+.1f} to {:+.1f}){}".format(np.mean(points), min(points), max(points), seeds)


def main(folder: str, *networks: str) -> None:
    """Trains what is not in the store, and writes the page."""
    write_photographs(Path(folder))
    store, all_rows = Store(settings.load().store), rows()
    for seed in range(len(SEEDS)):
        for network in networks or NETWORKS:
            for of_seeds in all_rows[network].values():
                run(of_seeds[seed])
    PAGE.write_text(text({network: {instead: [result(row, store) for row in of_seeds]
                                    for instead, of_seeds in of_network.items()}
                          for network, of_network in all_rows.items()}), "utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
