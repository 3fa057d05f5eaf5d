"""Decodes picture files to arrays of codes."""

import io
import os
from array import array
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Sequence, Set, Tuple, Union

import numpy as np
from PIL import Image, UnidentifiedImageError

from octet import digest as digests
from octet import processors, regular_file
from octet.data import decoded_rows, reading
from octet.data.picture_file import opened
from octet.data.resize import Resize, resized
from octet.errors import DataChanged, DatasetError

AT_ONCE = 256  # pictures that are given to the threads at once
DEEP = ("I", "I;16", "I;16L", "I;16B", "I;16N")  # Pillow's modes with more than 8 bits
ALPHA = {"drop": "is dropped", "white": "is blended with white", "black": "is blended with black",
         "keep": "is kept as a channel"}
ORIENTATION = 0x0112  # the EXIF tag, whose values are keys of UPRIGHT
UPRIGHT = {2: Image.FLIP_LEFT_RIGHT, 3: Image.ROTATE_180, 4: Image.FLIP_TOP_BOTTOM, 5: Image.TRANSPOSE,
           6: Image.ROTATE_270, 7: Image.TRANSVERSE, 8: Image.ROTATE_90}


class Form(NamedTuple):
    """The form to which pictures are decoded: [height, width, channels] uint8.

    channels: 1 (grey) or 3 (RGB), plus 1 if `alpha` is 'keep'. alpha: a key of ALPHA, or None, which is 'drop'. bits:
    the number of used bits of 16-bit pictures, so that 2^bits - 1 is white. resize: the method of resizing.
    """

    height: int
    width: int
    channels: int
    alpha: Optional[str] = None
    bits: int = 16
    resize: Resize = Resize()

    @property
    def shape(self) -> Tuple[int, int, int]:
        return self.height, self.width, self.channels

    @property
    def decoding(self) -> Dict[str, Any]:
        """The form as JSON, for `form_of`."""
        return {"as": "picture", **self._asdict(), "resize": self.resize._asdict()}


def form_of(decoding: Dict[str, Any]) -> Form:
    """The form whose `decoding` this is."""
    return Form(**{**{name: decoding[name] for name in Form._fields}, "resize": Resize(**decoding["resize"])})


def decode(content: bytes, form: Form) -> Tuple[np.ndarray, Set[str]]:
    """(codes with the shape of the form, what was noticed about the picture: words of `NOTICED`).

    The EXIF orientation is applied, and the picture is resized (octet/data/resize.py). Raises ValueError, OSError or
    another error of `BROKEN` for content that is no complete picture."""
    with opened(io.BytesIO(content)) as image:
        noticed = set()
        if image.format not in ("MPO", "JPEG") and getattr(image, "n_frames", 1) > 1:
            noticed.add("frames")
        deep_channels = image.mode not in DEEP and any("16" in str(tile[3]) for tile in image.tile or ())
        image.load()
        grey = form.channels - (form.alpha == "keep") == 1
        if image.mode in DEEP or deep_channels:
            noticed.add("bits")
        if deep_channels and form.bits != 16:
            raise ValueError("16 bits in each of several channels, of which only the upper 8 are read; "
                             "`bits: {}` is for grey pictures".format(form.bits))
        if image.mode == "F":
            raise ValueError("float pixels, whose range is unknown; save them in an .npz file, and write low and high "
                             "in data.args")
        turned = upright(image, noticed)
        plain = _codes(turned, form.bits) if turned.mode in DEEP else turned
        return _resized(_channels(plain, grey, form.alpha, noticed), form), noticed


BROKEN = (OSError, ValueError, SyntaxError, TypeError, KeyError, IndexError, EOFError, MemoryError, OverflowError,
          ArithmeticError, AttributeError, Image.DecompressionBombError)
NOTICED = OrderedDict((
    ("turned", "turned by their EXIF orientation"),
    ("exif", "with an unreadable EXIF block: not turned"),
    ("frames", "with several frames: the first is used"),
    ("bits", "with 16 bits a channel, read as 8 bits of 0..{white}"),
    ("cmyk", "in CMYK, read as RGB without a colour profile"),
    ("alpha", "with transparency, which {alpha} (alpha: drop | white | black | keep)"),
))
"""{word for something noticed about pictures: the text about them}."""


def upright(image: Image.Image, noticed: Set[str]) -> Image.Image:
    """The picture with its EXIF orientation applied."""
    if image.format in ("TIFF", "HEIF"):  # their decoders apply the orientation
        return image
    try:
        turn = UPRIGHT.get(image.getexif().get(ORIENTATION))
    except Exception:  # struct.error, SyntaxError and others. The pixels are complete
        noticed.add("exif")
        return image
    if turn is None:
        return image
    noticed.add("turned")
    return image.transpose(turn)


def _codes(image: Image.Image, bits: int) -> Image.Image:
    values, white = np.asarray(image).astype(np.int64), 2 ** bits - 1
    if values.min() < 0 or values.max() > white:
        raise ValueError("pixels of {}..{}, not 0..{}; set `bits` in data.args to the number of used bits".format(
            values.min(), values.max(), white))
    return Image.fromarray(((values * 255 + white // 2) // white).astype(np.uint8), "L")


def _channels(image: Image.Image, grey: bool, alpha: Optional[str], noticed: Set[str]) -> Image.Image:
    """The picture in the mode L or RGB, or, if its transparency is kept, LA or RGBA."""
    if image.mode == "CMYK":
        noticed.add("cmyk")
    transparent = image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info
    mode = "L" if grey else "RGB"
    if not transparent and alpha != "keep":
        return image.convert(mode)
    whole = image.convert("RGBA")
    if whole.getchannel("A").getextrema()[0] < 255:
        noticed.add("alpha")
    if alpha in ("white", "black"):
        ground = Image.new("RGBA", whole.size, alpha)
        return Image.alpha_composite(ground, whole).convert(mode)
    return whole.convert("LA" if grey else "RGBA") if alpha == "keep" else whole.convert("RGB").convert(mode)


def _resized(image: Image.Image, form: Form) -> np.ndarray:
    codes = np.asarray(image)
    return resized(codes.reshape(codes.shape[:2] + (-1,)), form.height, form.width, form.resize)


class Decoded(NamedTuple):
    """Decoded pictures or masks.

    images: [N, ...]. places: the indices in the list of files of the N that could be decoded. notes: sentences about
    what was noticed. sha256: [n] S64, of the bytes that were read of each file in the list; empty for a file that could
    not be read, or that changed between two readings."""

    images: np.ndarray
    places: Sequence[int]
    notes: List[str]
    sha256: np.ndarray


def decode_all(path: str, files: Sequence[str], form: Form, skip_unreadable: bool, what: str = "pictures",
               read_place: Optional[Callable[[int], bytes]] = None) -> Decoded:
    """The pictures, [N, H, W, C] uint8, decoded on all cores. A picture in a shard of an earlier artifact
    (octet.data.reading.shard_writer) is not decoded again.

    what: the pictures in words, for the progress. read_place: returns the bytes of the picture at an index in `files`,
    for pictures that are not separate files; these are not put into shards. Raises DatasetError, which names the first
    file, in order, that cannot be read, unless `skip_unreadable`."""
    size_words = "{} pictures of {}x{}x{}".format(len(files), *form.shape)
    if read_place is None:
        rows = decoded_rows.begin(path, files, form.shape, np.uint8, form.decoding, what, size_words)
    else:
        rows = decoded_rows.DecodedRows(
            len(files), reading.empty((len(files),) + form.shape, np.uint8, size_words, path), what)

    def put(place: int) -> Union[Set[str], DatasetError]:
        try:
            with expect_readable(path, files[place], "Save it again as PNG or JPEG, or remove it; with "
                                                     "skip_unreadable: true in data.args, it is skipped."):
                content = read_place(place) if read_place else content_of(path, files[place])
                rows.was_read(place, digests.of_bytes(content))
                codes, words = decode(content, form)
                rows.put(place, codes, words, content)
            return words
        except DatasetError as error:
            return error

    read, skipped = array("q"), []  # type: array[int], List[str]
    noticed: Dict[str, List[str]] = {}
    for place, outcome in rows.filled(put, on_all_cores):
        if isinstance(outcome, DatasetError):
            # A picture is not unreadable because there is too little memory now.
            if not skip_unreadable or isinstance(outcome, DataChanged) or isinstance(outcome.__context__, MemoryError):
                raise outcome
            skipped.append("skipped: {}: {}".format(files[place], outcome.what))
            continue
        read.append(place)
        for word in outcome:
            noticed.setdefault(word, []).append(files[place])
    notes = ["{} of {} pictures {} (such as {})".format(
        len(noticed[word]), len(files), text.format(alpha=ALPHA[form.alpha or "drop"], white=2 ** form.bits - 1),
        noticed[word][0]) for word, text in NOTICED.items() if word in noticed]
    return Decoded(rows.of(read), read, skipped + notes, rows.sha256)


def on_all_cores(work: Callable[[int], Any], count: int, what: str) -> Iterator[Any]:
    """Yields work(0), ... work(count - 1), in order. The work runs in threads, because Pillow releases the
    interpreter's lock while it decodes. On two cores, threads cost less than processes, which send each picture
    back."""
    Image.init()  # not thread-safe by itself
    watch = reading.Watch("decoding " + what, count)
    with ThreadPoolExecutor(processors.usable()) as pool:
        for start in range(0, count, AT_ONCE):
            for place, result in enumerate(pool.map(work, range(start, min(count, start + AT_ONCE))), start):
                yield result
                watch(place + 1)


def content_of(path: str, file: str) -> bytes:
    """The bytes of the file `file` below `path`. Raises OSError."""
    return regular_file.read(os.path.join(path, file))


@contextmanager
def expect_readable(path: str, file: str, next_step: str) -> Iterator[None]:
    """Inside the block, an error of `BROKEN` becomes a DatasetError that names the file, whose path is below `path`."""
    try:
        yield
    except BROKEN as error:
        why = "its format is unknown" if isinstance(error, UnidentifiedImageError) else error
        raise DatasetError("not a readable picture: {}".format(why), os.path.join(path, file),
                           "Every picture of a part is used.", next_step) from None
