"""Augments the samples that a training step is fed.

The random numbers of a sample depend only on the seed, the epoch and the sample's index in its part, so a resumed
training sees the same samples as an uninterrupted one. Augmentation runs in its own graph and session: it does not
change the network's graph.
"""

from typing import Dict, List, NamedTuple, Sequence

import numpy as np
import tensorflow as tf

from octet.data import crop
from octet.data.dataset import Part
from octet.quantization import to_real
from tasks.graph import io_spec, placeholders
from tasks.training.augmentation import colours
from tasks.training.augmentation.defaults import GEOMETRY, MIXTURES, Choice
from tasks.training.augmentation.geometry import Map

DRAWS = ("flip_x", "flip_y", "crop_x", "crop_y", "shift_x", "shift_y", "rotate", "shear", "zoom", "brightness",
         "contrast", "saturation", "hue", "cutout_x", "cutout_y", "seed_0", "seed_1")
"""The random numbers drawn for each sample in each epoch. Add new ones at the end, so that the others do not change."""
SEEDS = slice(DRAWS.index("seed_0"), DRAWS.index("seed_1") + 1)
STREAM, MIXTURE_STREAM, CROP_STREAM = 1, 2, 3
"""Separate these numbers from the order of the samples, which is seeded by [seed, epoch]."""


class Varied(NamedTuple):
    """An augmented batch. inputs: real values, in the order of the network's inputs. answers: targets, in the order of
    its outputs. extras: {array: values}. Where samples are mixed in pairs, `answers` and `extras` belong to the first
    of each pair, which has `share` of the mixture, and `others` and `other_extras` to the second."""

    inputs: List[np.ndarray]
    answers: List[np.ndarray]
    others: List[np.ndarray]
    share: float
    extras: Dict[str, np.ndarray] = {}
    other_extras: Dict[str, np.ndarray] = {}


class Augmentation:
    """Augments batches of samples as `choice` says. If the part is cropped (`Part.uncropped`), each sample is first a
    random crop. mixes: whether samples are mixed in pairs."""

    def __init__(self, choice: Choice, network: io_spec.Network, seed: int) -> None:
        self._on = choice.on
        self._network = network
        self._arrays = [array for name, extra in placeholders.extras(network).items() for array in extra.arrays(name)]
        self._moving = {name: extra for name, extra in placeholders.extras(network).items() if extra.kind != "array"}
        self._seed = seed
        self.mixes = any(key in self._on for key in MIXTURES)
        self._epoch = (-1, -1)
        self._draws = np.zeros((0, len(DRAWS)))
        self._places = np.zeros((0, 2))  # of random crops
        with tf.Graph().as_default() as graph:
            self._build()
            graph.finalize()
        self._session = tf.Session(graph=graph)

    def _build(self) -> None:
        self._uniform = tf.placeholder(tf.float32, [None, len(DRAWS)])
        self._seeds = tf.placeholder(tf.int32, [None, 2])
        self._codes: Dict[str, tf.Tensor] = {}
        self._masks: Dict[str, tf.Tensor] = {}
        self._extras: Dict[str, tf.Tensor] = {}
        self._out: Dict[str, tf.Tensor] = {}
        moves = None
        for end in self._network["inputs"]:
            if len(end["shape"]) != 3:
                continue
            codes = self._codes[end["name"]] = tf.placeholder(tf.uint8, [None] + end["shape"])
            if any(key in self._on for key in GEOMETRY):
                moves = moves or Map(self._on, self._drawn, (end["shape"][0], end["shape"][1]))
                codes = moves.apply(codes)
            x = colours.varied(tf.cast(codes, tf.float32), self._on, self._drawn, self._seeds)
            self._out[end["name"]] = to_real(x, np.float32(end["scale"]), end["zero_point"])
        if moves is None:
            return
        for output in self._network["outputs"]:
            if output["kind"] == "class_map":
                mask = self._masks[output["name"]] = tf.placeholder(tf.int32, [None] + output["shape"])
                self._out["mask/" + output["name"]] = moves.apply_to_masks(mask)
        for name, extra in self._moving.items():
            given = self._extras[name] = tf.placeholder(
                tf.int32 if extra.kind == "mask" else tf.float32, [None] + list(extra.shape))
            move = {"mask": moves.apply_to_masks, "boxes": moves.apply_to_boxes, "keypoints": moves.apply_to_points}
            self._out["extra/" + name] = move[extra.kind](given)

    def _drawn(self, name: str) -> tf.Tensor:
        return self._uniform[:, DRAWS.index(name)]

    def batch(self, part: Part, rows: np.ndarray, epoch: int) -> Varied:
        """The samples `rows` of the part, augmented for the epoch."""
        if self._epoch != (epoch, len(part)):
            self._epoch = (epoch, len(part))
            self._draws = np.random.RandomState([self._seed, epoch, STREAM]).random_sample((len(part), len(DRAWS)))
            self._places = np.random.RandomState([self._seed, epoch, CROP_STREAM]).random_sample((len(part), 2))
        draws = self._draws[rows]
        taken = crop.random_crops(part, rows, self._places[rows], placeholders.extras(self._network))
        fed = {self._uniform: draws, self._seeds: (draws[:, SEEDS] * 2.0 ** 31).astype(np.int32)}
        fed.update((codes, taken.inputs[name]) for name, codes in self._codes.items())
        fed.update((mask, taken.targets[name]) for name, mask in self._masks.items())
        fed.update((given, taken.extras[name]) for name, given in self._extras.items())
        out = self._session.run(self._out, fed)
        inputs = [out[end["name"]] if end["name"] in out else io_spec.real(end, taken.inputs[end["name"]])
                  for end in self._network["inputs"]]
        targets = [out.get("mask/" + end["name"], taken.targets[end["name"]])
                   for end in self._network["outputs"]]
        extras = {array: out["extra/" + array] if array in self._extras else taken.extras[array]
                  for array in self._arrays}
        if not self.mixes:
            return Varied(inputs, targets, [], 1.0, extras)
        return self._mixed(inputs, targets, extras,
                           np.random.RandomState([self._seed, epoch, int(rows[0]), MIXTURE_STREAM]))

    def _mixed(self, inputs: Sequence[np.ndarray], targets: Sequence[np.ndarray], extras: Dict[str, np.ndarray],
               random: np.random.RandomState) -> Varied:
        """Mixes each sample with the one before it in the batch; the order of the samples is random."""
        if "mixup" in self._on:
            kept = np.float32(random.beta(self._on["mixup"], self._on["mixup"]))
        else:
            kept = _outside(inputs[0].shape[1:3], 1 - random.beta(self._on["cutmix"], self._on["cutmix"]), random)
        return Varied([kept * values + (1 - kept) * np.roll(values, 1, axis=0) for values in inputs], list(targets),
                      [np.roll(values, 1, axis=0) for values in targets], float(np.mean(kept)), extras,
                      {name: np.roll(values, 1, axis=0) for name, values in extras.items()})


def _outside(size: Sequence[int], area: float, random: np.random.RandomState) -> np.ndarray:
    """[H, W, 1] float32: 0 inside a random box, 1 outside. area: the box's share of the picture, before it is clipped
    to the picture."""
    kept = np.ones((size[0], size[1], 1), np.float32)
    box = []
    for length in size:
        half, centre = length * np.sqrt(area) / 2, random.randint(length)
        box.append(slice(max(0, int(round(centre - half))), int(round(centre + half))))
    kept[tuple(box)] = 0
    return kept
