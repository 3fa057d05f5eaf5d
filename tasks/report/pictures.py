"""Samples and answers as pictures that stand in the page itself: PNG in data URIs."""

import base64
import io
from typing import Any, Dict, List, NamedTuple, Optional, Sequence

import numpy as np
from PIL import Image

from octet.data.sheet import COLOURS

LARGEST, SMALLEST = 160, 96  # pixels of a side in the page: a smaller picture is enlarged by a whole factor
CHANNELS = (1, 2, 3, 4)


class Picture(NamedTuple):
    """uri: the PNG. alt: what it shows, for those who do not see it. width, height: in the page, pixels."""

    uri: str
    alt: str
    width: int
    height: int


def is_picture(shape: Sequence[int]) -> bool:
    """Whether a sample of this shape can be drawn: height, width and some channels."""
    return len(shape) == 3 and shape[2] in CHANNELS


def of_codes(codes: np.ndarray, alt: str) -> Picture:
    """One sample [H, W, C] uint8 as the network sees it: its first channel in grey, or its first three in colour."""
    plain = codes[..., 0] if codes.shape[2] < 3 else codes[..., :3]
    return _picture(Image.fromarray(np.ascontiguousarray(plain)), alt)


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
    return [{"name": classes[index], "colour": "#{:02x}{:02x}{:02x}".format(*COLOURS[min(index, 255)])}
            for index in shown]


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
