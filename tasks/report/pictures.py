"""Samples and answers as pictures inside the page: PNG in data URIs."""

import base64
import io
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np
from PIL import Image, ImageDraw

from octet.data.contact_sheet import COLOURS

LARGEST, SMALLEST = 160, 96  # pixels of a side in the page: a smaller picture is enlarged by a whole factor
CHANNELS = (1, 2, 3, 4)
BRIGHT, ANSWERED, DARK, RED = (255, 210, 0), (0, 225, 255), (0, 0, 0), (214, 30, 40)
Colour = Tuple[int, int, int]


class Marks(NamedTuple):
    """Marks to draw on one sample: boxes [n, 4] as y0, x0, y1, x1 and keypoints [n, 2] as y, x in its pixels; masks
    [H, W] of classes, 0 of none."""

    boxes: Sequence[np.ndarray] = ()
    keypoints: Sequence[np.ndarray] = ()
    masks: Sequence[np.ndarray] = ()


class Picture(NamedTuple):
    """uri: the PNG. alt: its text for readers who do not see it. width, height: in pixels of the page."""

    uri: str
    alt: str
    width: int
    height: int


def is_picture(shape: Sequence[int]) -> bool:
    """Whether a sample of this shape can be drawn: height, width and some channels."""
    return len(shape) == 3 and shape[2] in CHANNELS


def of_codes(codes: np.ndarray, alt: str) -> Picture:
    """One sample [H, W, C] uint8 as the network sees it: its first channel in grey, or its first three in colour."""
    return _picture(_plain(codes), alt)


def marked(codes: np.ndarray, marks: Marks, alt: str, colour: Colour = BRIGHT) -> Picture:
    """The sample with these marks: masks as colours over it, boxes as frames, keypoints as rings. Boxes without area
    are left out."""
    image = _plain(codes).convert("RGB")
    for mask in marks.masks:
        image = _over(image, COLOURS[np.clip(mask, 0, 255)], mask != 0)
    factor = max(1, -(-SMALLEST // max(image.size)))
    image = image.resize([side * factor for side in image.size], Image.NEAREST)
    pen = ImageDraw.Draw(image)
    for y0, x0, y1, x1 in np.asarray(marks.boxes, np.float64).reshape(-1, 4) * factor:
        if y1 <= y0 or x1 <= x0:
            continue
        pen.rectangle([x0 - 1, y0 - 1, x1, y1], outline=DARK)
        pen.rectangle([x0, y0, max(x0, x1 - 1), max(y0, y1 - 1)], outline=colour)
    for y, x in np.asarray(marks.keypoints, np.float64) * factor:
        pen.ellipse([x - 4, y - 4, x + 4, y + 4], outline=DARK)
        pen.ellipse([x - 3, y - 3, x + 3, y + 3], outline=colour)
    return _picture(image, alt)


def over(codes: np.ndarray, labels: np.ndarray, ignore: Optional[int], alt: str) -> Picture:
    """A class map [H, W] in colours, with the sample [H, W, C] under it; ignored pixels show the sample alone."""
    shown = np.ones(labels.shape, bool) if ignore is None else labels != ignore
    return _picture(_over(_plain(codes).convert("RGB"), COLOURS[np.clip(labels, 0, 255)], shown), alt)


def wrong_pixels(codes: np.ndarray, wrong: np.ndarray, alt: str) -> Picture:
    """The sample, pale, with the pixels [H, W] that are wrong in red."""
    pale = Image.fromarray((np.asarray(_plain(codes).convert("RGB")) // 3 + 150).astype(np.uint8))
    return _picture(_over(pale, np.broadcast_to(np.array(RED, np.uint8), wrong.shape + (3,)), wrong, 1.0), alt)


def _plain(codes: np.ndarray) -> Image.Image:
    return Image.fromarray(np.ascontiguousarray(codes[..., 0] if codes.shape[2] < 3 else codes[..., :3]))


def _over(image: Image.Image, colours: np.ndarray, where: np.ndarray, share: float = 0.6) -> Image.Image:
    under = np.asarray(image, np.float64)
    mixed = np.where(where[..., None], (1 - share) * under + share * colours, under)
    return Image.fromarray(np.rint(mixed).astype(np.uint8))


def of_reals(values: np.ndarray, low: float, high: float, alt: str) -> Picture:
    """Reals [H, W, C], `low` in black and `high` in white."""
    codes = np.clip(np.rint((values - low) * (255.0 / max(high - low, 1e-12))), 0, 255).astype(np.uint8)
    return of_codes(codes, alt)


def of_class_map(labels: np.ndarray, ignore: Optional[int], alt: str) -> Picture:
    """Classes [H, W], each in its own colour; ignored pixels in black."""
    colours = COLOURS[np.clip(labels, 0, 255)]
    if ignore is not None:
        colours[labels == ignore] = 0
    return _picture(Image.fromarray(colours), alt)


def legend(classes: Sequence[str], shown: Sequence[int]) -> List[Dict[str, Any]]:
    """[{name, colour}] of those classes in a map."""
    return [entry(classes[index], tuple(COLOURS[min(index, 255)])) for index in shown]


def entry(name: str, colour: Sequence[int]) -> Dict[str, Any]:
    """{name, colour} of one entry of a legend."""
    return {"name": name, "colour": "#{:02x}{:02x}{:02x}".format(*colour)}


def of_image(image: Image.Image, alt: str) -> Picture:
    """A picture as it is."""
    return Picture(_uri(image), alt, *image.size)


def _picture(image: Image.Image, alt: str) -> Picture:
    side = max(image.size)
    if side > LARGEST:
        factor = LARGEST / side
        image = image.resize([max(1, int(round(one * factor))) for one in image.size], Image.BILINEAR)
        return Picture(_uri(image), alt, *image.size)
    factor = -(-SMALLEST // side)  # enlarged by the browser, which keeps the pixels as squares (page.css)
    return Picture(_uri(image), alt, image.width * factor, image.height * factor)


def _uri(image: Image.Image) -> str:
    content = io.BytesIO()
    image.save(content, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(content.getvalue()).decode("ascii")
