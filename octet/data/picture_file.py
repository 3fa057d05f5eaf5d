"""Opens picture files: those of Pillow's formats, and HEIF, the format of iPhones."""

from typing import BinaryIO, Union

import pillow_heif
from PIL import Image

pillow_heif.register_heif_opener()


def opened(source: Union[str, BinaryIO]) -> Image.Image:
    """The picture, before its pixels are decoded. It is a context manager, which closes it. source: a path, or an open
    file. Raises OSError or ValueError for a file that is no picture."""
    return Image.open(source)
