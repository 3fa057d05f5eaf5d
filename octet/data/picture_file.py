"""Opens picture files: those of Pillow's formats, and HEIF, the format of iPhones."""

from typing import BinaryIO, Union

import pillow_heif
from PIL import Image

pillow_heif.register_heif_opener()


def opened(source: Union[str, BinaryIO]) -> Image.Image:
    """The picture, whose pixels are not decoded yet; a context manager that closes it. source: a path, or an open file.

    Raises OSError or ValueError for what is no picture."""
    return Image.open(source)
