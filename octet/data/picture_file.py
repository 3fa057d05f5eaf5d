"""Opens picture files: those of Pillow's formats, and HEIF, the format of iPhones."""

from typing import BinaryIO, Union

from PIL import Image, ImageFile

HEIF = "HEIF"


def opened(source: Union[str, BinaryIO]) -> Image.Image:
    """The picture, before its pixels are decoded. It is a context manager, which closes it. source: a path, or an open
    file. Raises OSError or ValueError for a file that is no picture."""
    return Image.open(source)


def _may_be_heif(beginning: bytes) -> bool:
    return beginning[4:8] == b"ftyp"  # a container that other formats use, too


def _first_heif(file: BinaryIO, name: str) -> ImageFile.ImageFile:
    """Opens the first HEIF picture of this process. pillow_heif is imported only now, which takes 25 ms; it registers
    itself in place of this function."""
    import pillow_heif

    pillow_heif.register_heif_opener()
    factory, accept = Image.OPEN[HEIF]
    beginning = file.read(16)
    file.seek(0)
    if not accept(beginning):
        raise SyntaxError("not a HEIF file")  # as Pillow's formats do: the next one is tried
    return factory(file, name)


if HEIF not in Image.OPEN:
    Image.register_open(HEIF, _first_heif, _may_be_heif)
