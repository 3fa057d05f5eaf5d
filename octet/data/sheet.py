"""A contact sheet: some samples of each class as the network sees them, in one picture."""

import colorsys
from typing import Dict, List, Optional, Sequence, Tuple

import numpy as np
from PIL import Image, ImageDraw

from octet.data.dataset import Dataset, Target

MOST_ROWS, COLUMNS, CELL, TEXT = 40, 8, 72, 14  # CELL and TEXT in pixels
COLOURS = np.array([(96, 100, 110)] + [  # of a class map: class 0, often the background, in grey; then unlike hues
    [round(255 * part) for part in colorsys.hsv_to_rgb(0.618034 * index % 1, (0.85, 0.55)[index // 5 % 2], 0.95)]
    for index in range(255)], np.uint8)


def draw(dataset: Dataset, part: str = "train") -> Optional[Image.Image]:
    """A picture with the first samples of each class of the part, one row for each class; without classes, the first
    samples. A class map is drawn beside its picture, with ignored pixels in black. None where no input is a picture."""
    name = next((name for name, spec in dataset.inputs.items()
                 if len(spec.shape) == 3 and spec.shape[2] in (1, 2, 3, 4)), None)
    if name is None:
        return None
    images, answers = dataset.parts[part].inputs[name], dataset.parts[part].targets
    rows = _rows(dataset, answers, len(images))[:MOST_ROWS]
    mask = next((one for one, target in dataset.targets.items() if target.kind == "class_map"), None)
    sheet = Image.new("RGB", (COLUMNS * CELL, len(rows) * (CELL + TEXT)), "white")
    pen = ImageDraw.Draw(sheet)
    for row, (words, members) in enumerate(rows):
        top = row * (CELL + TEXT)
        pen.text((2, top + 1), words.encode("ascii", "replace").decode(), fill="black")
        cells = [cell for index in members for cell in [_picture(images[index])] + (
            [] if mask is None else [_map(answers[mask][index], dataset.targets[mask])])]
        for column, cell in enumerate(cells[:COLUMNS]):
            sheet.paste(cell, (column * CELL, top + TEXT))
    return sheet


def _rows(dataset: Dataset, answers: Dict[str, np.ndarray], count: int) -> List[Tuple[str, Sequence[int]]]:
    """(caption of a row, the samples in it)."""
    for name, target in dataset.targets.items():
        if target.kind in ("class", "labels"):
            of_class = [answers[name] == index if target.kind == "class" else answers[name][:, index] == 1
                        for index in range(len(target.classes))]
            return [("{}: {} ({})".format(name, one, int(found.sum())), np.flatnonzero(found)[:COLUMNS])
                    for one, found in zip(target.classes, of_class)]
    step = COLUMNS // 2 if any(target.kind == "class_map" for target in dataset.targets.values()) else COLUMNS
    indices = np.arange(min(count, 4 * step))
    return [("samples {}..{}".format(start, min(start + step, len(indices)) - 1), indices[start:start + step])
            for start in range(0, len(indices), step)]


def _picture(codes: np.ndarray) -> Image.Image:
    channels = codes.shape[2]
    plain = codes[..., 0] if channels < 3 else codes[..., :3]
    return _fitted(Image.fromarray(np.ascontiguousarray(plain)).convert("RGB"))


def _map(labels: np.ndarray, target: Target) -> Image.Image:
    colours = COLOURS[np.clip(labels, 0, 255)]
    if target.ignore is not None:
        colours[labels == target.ignore] = 0
    return _fitted(Image.fromarray(colours))


def _fitted(image: Image.Image) -> Image.Image:
    """The image, scaled to the size of a cell. Enlarged pixels stay sharp."""
    scale = (CELL - 2) / max(image.size)
    size = tuple(max(1, int(side * scale)) for side in image.size)
    return image.resize(size, Image.NEAREST if scale > 1 else Image.BILINEAR)
