"""Draws a contact sheet: some samples of each class, as the network sees them, in one picture."""

import colorsys
from typing import List, Optional, Sequence, Tuple

import numpy as np
from PIL import Image, ImageDraw

from octet.data.dataset import COUNT, Dataset, Part

MOST_ROWS, COLUMNS, CELL, TEXT = 40, 8, 72, 14  # CELL and TEXT in pixels
MARK = "yellow"  # boxes and keypoints
COLOURS = np.array([(80, 80, 80)] + [
    [round(255 * part) for part in colorsys.hsv_to_rgb(index * 0.618034 % 1, 0.55 + 0.4 * (index % 2), 0.95)]
    for index in range(1, 256)], np.uint8)
"""Colours of the classes of a class map: grey for the first one, often the background; very different hues for
consecutive classes."""


def draw(dataset: Dataset, part: str = "train") -> Optional[Image.Image]:
    """A picture with the first samples of each class of the part, one row for each class; without classes, the first
    samples. Boxes and keypoints are drawn on the samples; class maps and masks are drawn beside them, with ignored
    pixels in black. None if no input is a picture."""
    name = next((name for name, spec in dataset.inputs.items()
                 if len(spec.shape) == 3 and spec.shape[2] in (1, 2, 3, 4)), None)
    if name is None:
        return None
    samples = dataset.parts[part]
    images = samples.inputs[name]
    rows = _rows(dataset, samples, 1 + len(_maps(dataset, samples, 0)) if len(images) else 1)[:MOST_ROWS]
    sheet = Image.new("RGB", (COLUMNS * CELL, len(rows) * (CELL + TEXT)), "white")
    pen = ImageDraw.Draw(sheet)
    for row, (words, members) in enumerate(rows):
        top = row * (CELL + TEXT)
        pen.text((2, top + 1), words.encode("ascii", "replace").decode(), fill="black")
        cells = [cell for index in members
                 for cell in [_marked(_picture(images[index]), max(images.shape[1:3]), dataset, samples, index)]
                 + _maps(dataset, samples, index)]
        for column, cell in enumerate(cells[:COLUMNS]):
            sheet.paste(cell, (column * CELL, top + TEXT))
    return sheet


def _rows(dataset: Dataset, part: Part, cells: int) -> List[Tuple[str, Sequence[int]]]:
    """(caption of a row, its samples). cells: the number of cells for each sample."""
    targets, step = part.targets, max(1, COLUMNS // cells)
    for name, target in dataset.targets.items():
        if target.kind in ("class", "labels"):
            of_class = [targets[name] == index if target.kind == "class" else targets[name][:, index] == 1
                        for index in range(len(target.classes))]
            return [("{}: {} ({})".format(name, class_name, int(rows.sum())), np.flatnonzero(rows)[:step])
                    for class_name, rows in zip(target.classes, of_class)]
    indices = np.arange(min(len(part), 4 * step))
    return [("samples {}..{}".format(start, min(start + step, len(indices)) - 1), indices[start:start + step])
            for start in range(0, len(indices), step)]


def _picture(codes: np.ndarray) -> Image.Image:
    channels = codes.shape[2]
    plain = codes[..., 0] if channels < 3 else codes[..., :3]
    return _fitted(Image.fromarray(np.ascontiguousarray(plain)).convert("RGB"))


def _marked(cell: Image.Image, side: int, dataset: Dataset, part: Part, index: int) -> Image.Image:
    """The cell with a sample's boxes and keypoints. side: the longer side of the picture, in their pixels."""
    pen, scale = ImageDraw.Draw(cell), max(cell.size) / side
    for name, extra in dataset.extras.items():
        values = part.extras[name][index] * scale
        if extra.kind == "boxes":
            for y0, x0, y1, x1 in values[:part.extras[name + COUNT][index]]:
                pen.rectangle((x0, y0, max(x0, x1 - 1), max(y0, y1 - 1)), outline=MARK)
        elif extra.kind == "keypoints":
            for y, x in values:
                pen.ellipse((x - 2, y - 2, x + 2, y + 2), outline=MARK)
    return cell


def _maps(dataset: Dataset, part: Part, index: int) -> List[Image.Image]:
    """A picture of each class map and of each mask of a sample."""
    return [_map(part.targets[name][index], target.ignore) for name, target in dataset.targets.items()
            if target.kind == "class_map"] + [
        _map(part.extras[name][index], None) for name, extra in dataset.extras.items() if extra.kind == "mask"]


def _map(labels: np.ndarray, ignore: Optional[int]) -> Image.Image:
    colours = COLOURS[np.clip(labels, 0, 255)]
    if ignore is not None:
        colours[labels == ignore] = 0
    return _fitted(Image.fromarray(colours))


def _fitted(image: Image.Image) -> Image.Image:
    """The image, scaled to the size of a cell. Enlarged pixels stay sharp."""
    scale = (CELL - 2) / max(image.size)
    size = tuple(max(1, int(side * scale)) for side in image.size)
    return image.resize(size, Image.NEAREST if scale > 1 else Image.BILINEAR)
