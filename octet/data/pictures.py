"""Picture files as arrays: photographs as codes, masks as labels."""

import io
import os
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Sequence, Set, Tuple, Union

import numpy as np
from PIL import Image, UnidentifiedImageError

from octet import digest as digests
from octet import regular_file
from octet.data import decoded_rows, reading
from octet.data.picture_file import opened
from octet.data.resize import Resize, resized
from octet.errors import DataChanged, DatasetError

AT_ONCE = 256  # pictures that are asked for before the first of them is waited for
INDEXED = ("P", "L", "1")  # Pillow's modes of one whole number a pixel
DEEP = ("I", "I;16", "I;16L", "I;16B", "I;16N")  # and those of more than 8 bits
ALPHA = {"drop": "is dropped", "white": "is laid on white", "black": "is laid on black", "keep": "is a channel"}
ORIENTATION = 0x0112  # of EXIF: which of these turns the picture upright
UPRIGHT = {2: Image.FLIP_LEFT_RIGHT, 3: Image.ROTATE_180, 4: Image.FLIP_TOP_BOTTOM, 5: Image.TRANSPOSE,
           6: Image.ROTATE_270, 7: Image.TRANSVERSE, 8: Image.ROTATE_90}


class Form(NamedTuple):
    """What a picture is decoded to: [height, width, channels] uint8.

    channels: 1 (grey) or 3 (RGB), and one more for `alpha` 'keep'. alpha: a key of ALPHA, or None where nobody said:
    it is dropped. bits: how many of a 16-bit picture's are used, so that 2^bits - 1 is white. resize: how it becomes so
    large.
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


def decode(content: bytes, form: Form) -> Tuple[np.ndarray, Set[str]]:
    """(codes of the form's shape, what was noticed of the picture: words of `NOTICED`).

    The picture is turned as its EXIF orientation says, and resized as octet/data/resize.py says. Raises ValueError,
    OSError or another error of `BROKEN` for what is no whole picture."""
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
            raise ValueError("float pixels, of which no range is known; save them in an .npz file with its low and "
                             "high")
        turned = upright(image, noticed)
        plain = _codes(turned, form.bits) if turned.mode in DEEP else turned
        return _resized(_channels(plain, grey, form.alpha, noticed), form), noticed


BROKEN = (OSError, ValueError, SyntaxError, TypeError, KeyError, IndexError, EOFError, MemoryError, OverflowError,
          ArithmeticError, AttributeError, Image.DecompressionBombError)
NOTICED = OrderedDict((
    ("turned", "turned as their EXIF orientation says"),
    ("exif", "with an EXIF block that cannot be read: taken as they lie"),
    ("frames", "of several frames: the first is taken"),
    ("bits", "of 16 bits a channel, read as 8 bits of 0..{white}"),
    ("cmyk", "in CMYK, read as RGB without a colour profile"),
    ("alpha", "with transparency, which {alpha} (alpha: drop | white | black | keep)"),
))
"""{word: what is said of the pictures}."""


def upright(image: Image.Image, noticed: Set[str]) -> Image.Image:
    """The picture as its EXIF orientation says that it is looked at."""
    if image.format in ("TIFF", "HEIF"):  # their decoders have turned it
        return image
    try:
        turn = UPRIGHT.get(image.getexif().get(ORIENTATION))
    except Exception:  # struct.error, SyntaxError and others, by what is broken: the pixels are whole
        noticed.add("exif")
        return image
    if turn is None:
        return image
    noticed.add("turned")
    return image.transpose(turn)


def _codes(image: Image.Image, bits: int) -> Image.Image:
    values, white = np.asarray(image).astype(np.int64), 2 ** bits - 1
    if values.min() < 0 or values.max() > white:
        raise ValueError("pixels of {}..{}, not 0..{}; `bits` in data.args says how many are used".format(
            values.min(), values.max(), white))
    return Image.fromarray(((values * 255 + white // 2) // white).astype(np.uint8), "L")


def _channels(image: Image.Image, grey: bool, alpha: Optional[str], noticed: Set[str]) -> Image.Image:
    """The picture in L, RGB, LA or RGBA: the last two where its transparency is kept."""
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
    """Pictures, or masks, as arrays.

    images: [N, ...]. places: the places in the list of files of those N that could be decoded. notes: a sentence for
    each thing that was noticed. sha256: of the bytes that were read of each file in the list; '' where none could be
    read, or two readings differ."""

    images: np.ndarray
    places: List[int]
    notes: List[str]
    sha256: List[str]


def decode_all(path: str, files: Sequence[str], form: Form, skip_unreadable: bool, what: str = "pictures",
               read_place: Optional[Callable[[int], bytes]] = None) -> Decoded:
    """The pictures, [N, H, W, C] uint8. They are decoded on all cores; the result does not depend on how many there
    are. What lies in shards of earlier artifacts (octet.data.reading.shard_writer) is not decoded again. what: the
    pictures in words, for progress. read_place: returns the bytes of the picture at a place in `files`, for pictures
    that are not separate files; these are not put into shards. Raises DatasetError that names the first file, in order,
    that cannot be read, unless it is to be skipped."""
    size_words = "{} pictures of {}x{}x{}".format(len(files), *form.shape)
    if read_place is None:
        rows = decoded_rows.begin(path, files, form.shape, np.uint8, form, what, size_words)
    else:
        array = reading.empty((len(files),) + form.shape, np.uint8, size_words, path)
        rows = decoded_rows.DecodedRows(len(files), array, what)

    def put(place: int) -> Union[Set[str], DatasetError]:
        try:
            with _told(path, files[place], "Save it anew as a PNG or JPEG, or remove it; skip_unreadable: true in "
                                           "data.args goes on without it."):
                content = read_place(place) if read_place else _bytes(path, files[place])
                rows.was_read(place, digests.of_bytes(content))
                codes, words = decode(content, form)
                rows.put(place, codes, words)
            return words
        except DatasetError as error:
            return error

    read, skipped = [], []  # type: List[int], List[str]
    noticed: Dict[str, List[str]] = {}
    for place, found in rows.filled(put, _on_all_cores):
        if isinstance(found, DatasetError):
            if not skip_unreadable or isinstance(found, DataChanged) or isinstance(found.__context__, MemoryError):
                raise found  # a picture that needs more memory than there is now is not unreadable
            skipped.append("skipped: {}: {}".format(files[place], found.what))
            continue
        read.append(place)
        for word in found:
            noticed.setdefault(word, []).append(files[place])
    notes = ["{} of {} pictures {} (such as {})".format(
        len(noticed[word]), len(files), said.format(alpha=ALPHA[form.alpha or "drop"], white=2 ** form.bits - 1),
        noticed[word][0]) for word, said in NOTICED.items() if word in noticed]
    return Decoded(rows.of(read), read, skipped + notes, rows.sha256)


def _on_all_cores(work: Callable[[int], Any], count: int, what: str) -> Iterator[Any]:
    """work(0), ... work(count - 1), in order. Threads: Pillow lets go of the interpreter's lock while it decodes and
    resizes, and measured on two cores they cost less than processes, which send each picture back."""
    Image.init()  # not thread-safe by itself
    watch = reading.Watch("decoding " + what, count)
    cores = len(os.sched_getaffinity(0))
    with ThreadPoolExecutor(cores) as pool:
        for start in range(0, count, AT_ONCE):
            for place, found in enumerate(pool.map(work, range(start, min(count, start + AT_ONCE))), start):
                yield found
                watch(place + 1)


def decode_masks(path: str, pairs: Sequence[Tuple[str, str]], size: Sequence[int], classes: int,
                 ignore: Optional[int], what: str = "masks", fit: str = "stretch",
                 pictures_sha256: Sequence[str] = ()) -> Decoded:
    """The masks, resized to `size` [H, W] without mixing neighbours: [N, H, W] int32, the index that each pixel of an
    8-bit palette or grey picture holds. pairs: (picture, its mask), below `path`. fit: as the pictures'; `ignore` is
    what stands around a mask that is padded. pictures_sha256: of each picture as it was decoded, since it is read here
    again. Raises DatasetError that names the file."""
    height, width = size
    rows = decoded_rows.begin(path, [mask for _, mask in pairs], (height, width), np.int32,
                              ["masks", classes, ignore, fit], what,
                              "{} masks of {}x{}".format(len(pairs), height, width), pictures_sha256)

    def put(index: int) -> Union[Set[str], DatasetError]:
        try:
            labels, of_mask, of_picture = _mask(path, *pairs[index], (width, height), classes, ignore, fit)
            same = not pictures_sha256 or pictures_sha256[index] == of_picture
            rows.was_read(index, of_mask if same else "")
            rows.put(index, labels, set())
            return set()
        except DatasetError as error:
            return error

    for _, found in rows.filled(put, _on_all_cores):
        if isinstance(found, DatasetError):
            raise found
    return Decoded(rows.of(range(len(pairs))), list(range(len(pairs))), [], rows.sha256)


def _mask(path: str, picture: str, mask: str, size: Tuple[int, int], classes: int, ignore: Optional[int],
          fit: str) -> Tuple[np.ndarray, str, str]:
    """(one mask, resized to `size` (width, height); the sha256 of its file; that of the picture's). Raises
    DatasetError."""
    with _told(path, mask, "Save it as an 8-bit PNG, palette or grey, of the classes' indices."):
        content = _bytes(path, mask)
        with Image.open(io.BytesIO(content)) as image:
            image.load()
            if image.mode not in INDEXED:
                raise ValueError("{} pixels, not one index each".format(image.mode))
            turned = upright(image, set())
        if turned.mode == "1":  # Pillow holds its ones as 255
            turned = Image.fromarray(np.asarray(turned).astype(np.uint8), "L")
        whole = np.asarray(turned, np.int32)
        small = resized(np.asarray(turned)[..., None], size[1], size[0], Resize("nearest", fit=fit), ignore or 0)
    of_picture = _expect_same_view(path, picture, mask, turned.size)
    bad = (whole >= classes) & (whole != (-1 if ignore is None else ignore))
    if bad.any():
        row, column = np.unravel_index(int(bad.argmax()), bad.shape)
        raise DatasetError("the mask holds {} at row {}, column {}, outside 0..{}".format(
            whole[row, column], row, column, classes - 1), os.path.join(path, mask),
            "There are {} classes.".format(classes), _advice(whole, classes, int(whole[row, column])))
    return small[..., 0], digests.of_bytes(content), of_picture


def _advice(indices: np.ndarray, classes: int, wrong: int) -> str:
    """What to do with a mask that holds the index `wrong`, which is no class."""
    found = set(np.unique(indices).tolist())
    if classes == 2 and found <= {0, wrong}:
        return "Save masks with 1 in the place of {}.".format(wrong)
    if found == set(range(1, classes + 1)):
        return "They count from 1: save the indices less 1."
    return "Mend that mask, name the class it stands for, or write ignore: {} where nobody knows.".format(wrong)


def _expect_same_view(path: str, picture: str, mask: str, mask_size: Tuple[int, int]) -> str:
    """The sha256 of the picture. Raises DatasetError unless the mask is as wide and high as it, or both by one
    factor."""
    with _told(path, picture, "Save it anew as a PNG or JPEG, or remove it."):
        content = _bytes(path, picture)
        with Image.open(io.BytesIO(content)) as image:
            width, height = image.size
            if image.format == "TIFF":
                image.load()
                width, height = image.size
            elif _lies(image):
                width, height = height, width
    if abs(width * mask_size[1] - height * mask_size[0]) > max(width, height, *mask_size):
        raise DatasetError(
            "the mask is {}x{} pixels, its picture {}x{}".format(*mask_size, width, height),
            os.path.join(path, mask), "A mask says the class of each pixel of its picture{}.".format(
                ", which is turned as its EXIF orientation says"), "Save the mask as its picture is looked at.")
    return digests.of_bytes(content)


def _lies(image: Image.Image) -> bool:
    """Whether EXIF turns it by a quarter."""
    try:
        return image.getexif().get(ORIENTATION) in (5, 6, 7, 8)
    except Exception:
        return False


def _bytes(path: str, file: str) -> bytes:
    return regular_file.read(os.path.join(path, file))


@contextmanager
def _told(path: str, file: str, next_step: str) -> Iterator[None]:
    try:
        yield
    except BROKEN as error:
        said = "its content is of no known form" if isinstance(error, UnidentifiedImageError) else error
        raise DatasetError("not a readable picture: {}".format(said), os.path.join(path, file),
                           "Every picture of a part is trained or measured on.", next_step) from None
