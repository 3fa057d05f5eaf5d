"""Writes drawn pictures of 32x32 pixels in ten classes, harder than digits, on which the training defaults are tuned.

    python -m benchmarks.drawn_pictures FOLDER [SAMPLES]

Writes FOLDER/drawn.npz and FOLDER/drawn.yaml, a recipe that sets only data and network. SAMPLES is the number of
training pictures (10,000 by default); there are a fifth as many for validation and two fifths as many for testing. Each
picture shows one shape of random size, place and colour, rotated by up to 35 degrees, behind strokes and before small
other shapes, with noise. The same arguments give the same pictures.
"""

import sys
from pathlib import Path
from typing import Dict, List, Tuple

import numpy as np
from PIL import Image, ImageDraw

SIDE, FINER = 32, 4  # pictures are drawn at FINER times the size and then reduced
RECIPE = "data: {dataset: npz, args: {path: drawn.npz}}\nmodel: {build: resnet_v1}\n"
Points = List[Tuple[float, float]]


def _regular(corners: int, depth: float = 1.0) -> Points:
    """A regular polygon on the unit circle; for a `depth` other than 1, a star whose inner corners are at that
    radius."""
    count = corners if depth == 1.0 else 2 * corners
    radii = [1.0 if depth == 1.0 or not number % 2 else depth for number in range(count)]
    turns = np.arange(count) * 2 * np.pi / count - np.pi / 2
    return [(float(radius * np.cos(turn)), float(radius * np.sin(turn))) for radius, turn in zip(radii, turns)]


SHAPES: Dict[str, Points] = {
    "triangle": _regular(3), "diamond": [(0, -1), (0.6, 0), (0, 1), (-0.6, 0)], "pentagon": _regular(5),
    "octagon": _regular(8), "star4": _regular(4, 0.4), "star5": _regular(5, 0.45), "star7": _regular(7, 0.6),
    "cross": [(-0.3, -1), (0.3, -1), (0.3, -0.3), (1, -0.3), (1, 0.3), (0.3, 0.3), (0.3, 1), (-0.3, 1), (-0.3, 0.3),
              (-1, 0.3), (-1, -0.3), (-0.3, -0.3)],
    "arrow": [(0, -1), (0.9, 0), (0.35, 0), (0.35, 1), (-0.35, 1), (-0.35, 0), (-0.9, 0)],
    "corner": [(-0.9, -0.9), (-0.2, -0.9), (-0.2, 0.3), (0.9, 0.3), (0.9, 0.9), (-0.9, 0.9)],
}


def draw(kind: str, random: np.random.RandomState) -> np.ndarray:
    """A picture [32, 32, 3] uint8. kind: its class, a key of SHAPES."""
    size = SIDE * FINER
    image = Image.new("RGB", (size, size), _colour(random))
    pen = ImageDraw.Draw(image)
    for _ in range(random.randint(3, 7)):  # background: small shapes of any class
        piece = list(SHAPES.values())[random.randint(len(SHAPES))]
        pen.polygon(_placed(piece, random, 0.1, 0.25, 1.1), _colour(random))
    pen.polygon(_placed(SHAPES[kind], random, 0.22, 0.42, 0.3), _colour(random))
    for _ in range(random.randint(1, 5)):  # strokes in front of it
        ends = [tuple(point) for point in random.uniform(0, size, (2, 2))]
        pen.line(ends, _colour(random), random.randint(2, 8))
    pixels = np.asarray(image.resize((SIDE, SIDE), Image.BOX), np.float64)
    return np.clip(pixels + random.normal(0, 14, pixels.shape), 0, 255).astype(np.uint8)


def _placed(points: Points, random: np.random.RandomState, least: float, most: float, apart: float) -> Points:
    """The shape, rotated and placed at random. least, most: bounds of its radius; apart: the width of the interval
    around the picture's centre for its own centre; all relative to the side of the picture."""
    turn, radius = np.radians(random.uniform(-35, 35)), random.uniform(least, most) * SIDE * FINER
    middle = (0.5 + random.uniform(-apart, apart, 2) / 2) * SIDE * FINER
    turned = np.array(points) @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    return [(float(x), float(y)) for x, y in turned * radius * random.uniform(0.75, 1, 2) + middle]


def _colour(random: np.random.RandomState) -> Tuple[int, int, int]:
    red, green, blue = random.randint(0, 256, 3)
    return int(red), int(green), int(blue)


def write(folder: Path, samples: int) -> None:
    """Writes the pictures and the recipe."""
    arrays = {}
    counts = {"train": samples, "validation": samples // 5, "test": samples * 2 // 5}
    for number, (part, count) in enumerate(counts.items()):
        random = np.random.RandomState([7, number])
        kinds = random.permutation(np.arange(count) % len(SHAPES))
        arrays["x_" + part] = np.stack([draw(list(SHAPES)[kind], random) for kind in kinds])
        arrays["y_" + part] = kinds.astype(np.int64)
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(str(folder / "drawn.npz"), **arrays)
    (folder / "drawn.yaml").write_text(RECIPE)


if __name__ == "__main__":
    write(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 10000)
