"""Ways in which people store pictures that a loader does not expect: each is refused, reported, or read as intended.

A row is (name, stored pictures, arguments, outcome): `refused` and `said` have words of the error or of a note; `read`
is a predicate on the dataset. Add a row for each new way."""

import io
import os
import subprocess
import sys
import zlib

import numpy as np
import pillow_heif
import pytest
from PIL import Image

from octet.data import picture_file
from octet.data.dataset import PARTS
from octet.datasets import image_folder
from tests.octet.data.outcomes import WITH_LITTLE_MEMORY, read, refused, said
from tests.octet.datasets.samples import pictures, refusal

HEIF_READER = Image.OPEN[picture_file.HEIF]
pillow_heif.register_heif_opener()  # to write pictures
Image.OPEN[picture_file.HEIF] = HEIF_READER


def photo(size=(7, 9), left=255):
    """An RGB picture whose left half is bright."""
    picture = np.zeros((size[1], size[0], 3), np.uint8)
    picture[:, :size[0] // 2] = left
    return Image.fromarray(picture)


def put_in(name, picture, file="test/cat/new.png", **options):
    """Replaces all pictures of a class in the test part by this picture."""
    def change(path):
        for other in ("0.png", "1.png", "2.png"):
            os.remove(os.path.join(path, "test", "cat", other))
        for index in range(2):
            picture.save(os.path.join(path, file.replace("new", "new{}".format(index))), name, **options)
    return change


def turned(orientation, name="JPEG", file="test/cat/new.jpg"):
    """The picture as the sensor of a camera that was held rotated gives it."""
    back = {1: None, 2: Image.FLIP_LEFT_RIGHT, 3: Image.ROTATE_180, 4: Image.FLIP_TOP_BOTTOM, 5: Image.TRANSPOSE,
            6: Image.ROTATE_90, 7: Image.TRANSVERSE, 8: Image.ROTATE_270}[orientation]
    exif, picture = Image.Exif(), photo((18, 16))
    exif[0x112] = orientation
    return put_in(name, picture if back is None else picture.transpose(back), file, exif=exif.tobytes())


def as_it_is(data):
    """Whether the new picture in the test part, of size 8x8, is bright in its left half and dark in its right half."""
    image = data.parts["test"].inputs["image"][0].astype(int)
    return image.shape[0] == 8 and image[:, :3, 0].min() > 200 and image[:, 5:, 0].max() < 55


def file_at(name, content=b"no picture"):
    def change(path):
        os.makedirs(os.path.dirname(os.path.join(path, name)), exist_ok=True)
        with open(os.path.join(path, name), "wb") as file:
            file.write(content)
    return change


def moved(old, new):
    return lambda path: os.rename(os.path.join(path, old), os.path.join(path, new))


def first(path, name="PNG"):
    buffer = io.BytesIO()
    photo().save(buffer, name)
    return buffer.getvalue()


def deep(bits):
    values = np.zeros((9, 7), np.uint16)
    values[:, :3] = 2 ** bits - 1
    return Image.fromarray(values)


def clear(mode="RGBA"):
    """A picture whose right half is white under full transparency."""
    values = np.full((9, 7, 4), 255, np.uint8)
    values[:, 3:, 3] = 0
    return Image.fromarray(values).convert(mode)


def all_of_a_class(ending):
    def change(path):
        for name in os.listdir(os.path.join(path, "train", "cat")):
            os.rename(os.path.join(path, "train", "cat", name), os.path.join(path, "train", "cat", name + ending))
    return change


def bomb(path):
    """A PNG with a header for 60,000 x 60,000 pixels, in a few kilobytes."""
    def chunk(kind, content):
        return (len(content).to_bytes(4, "big") + kind + content + zlib.crc32(kind + content).to_bytes(4, "big"))
    header = (60000).to_bytes(4, "big") * 2 + b"\x08\x02\x00\x00\x00"
    file_at("train/cat/big.png", b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
            + chunk(b"IDAT", zlib.compress(bytes(99))) + chunk(b"IEND", b""))(path)


def pipe(path):
    os.mkfifo(os.path.join(path, "train", "cat", "pipe.png"))


def device(path):
    os.symlink("/dev/zero", os.path.join(path, "train", "cat", "zero.png"))


def both_parts(change):
    def all_parts(path):
        for part in ("train", "test"):
            change(os.path.join(path, part))
    return all_parts


def without_parts(path):
    for name in ("cat", "dog"):
        os.rename(os.path.join(path, "train", name), os.path.join(path, name))
    for folder, _, names in os.walk(os.path.join(path, "test"), topdown=False):
        for name in names:
            os.remove(os.path.join(folder, name))
        os.rmdir(folder)
    os.rmdir(os.path.join(path, "train"))


SKIP = {"skip_unreadable": True}
FOLDERS = [("turned by EXIF {}".format(orientation), turned(orientation), {}, read(as_it_is))
           for orientation in range(1, 9)] + [
    ("turned PNG", turned(6, "PNG", "test/cat/new.png"), {}, read(as_it_is)),
    ("turned TIFF", turned(3, "TIFF", "test/cat/new.tif"), {}, read(as_it_is)),
    ("heic", put_in("HEIF", photo((18, 16)), "test/cat/new.heic", quality=-1), {}, read(as_it_is)),
    ("turned heic", turned(6, "HEIF", "test/cat/new.HEIC"), {}, read(as_it_is)),
    ("turned pictures are said", turned(6), {}, said("test: 2 of 5 pictures turned by their EXIF orientation")),
    ("bmp", put_in("BMP", photo((18, 16)), "test/cat/new.bmp"), {}, read(as_it_is)),
    ("tiff", put_in("TIFF", photo((18, 16)), "test/cat/new.TIFF"), {}, read(as_it_is)),
    ("webp", put_in("WEBP", photo((18, 16)), "test/cat/new.webp", lossless=True), {}, read(as_it_is)),
    ("ppm", put_in("PPM", photo((18, 16)), "test/cat/new.ppm"), {}, read(as_it_is)),
    ("gif", put_in("GIF", photo((18, 16)), "test/cat/new.gif"), {}, read(as_it_is)),
    ("a gif that moves", put_in("GIF", photo((18, 16)), "test/cat/new.gif", save_all=True,
                                append_images=[photo((18, 16), 90)]), {},
     lambda load: (read(as_it_is)(load), said("with several frames: the first is used")(load))),
    ("CMYK", put_in("JPEG", photo((18, 16)).convert("CMYK"), "test/cat/new.jpg"), {},
     lambda load: (read(as_it_is)(load), said("in CMYK")(load))),
    ("palette", put_in("PNG", photo((18, 16)).convert("P")), {}, read(as_it_is)),
    ("one bit", put_in("PNG", photo((18, 16)).convert("1")), {}, read(as_it_is)),
    ("grey", put_in("PNG", photo((18, 16)).convert("L")), {}, read(as_it_is)),
    ("16 bits", put_in("PNG", deep(16)), {}, lambda load: (
        read(lambda data: data.parts["test"].inputs["image"][0].max() == 255)(load), said("with 16 bits")(load))),
    ("16 bits in TIFF", put_in("TIFF", deep(16), "test/cat/new.tif"), {},
     read(lambda data: data.parts["test"].inputs["image"][0].max() == 255)),
    ("12 of 16 bits", put_in("PNG", deep(12)), {"bits": 12},
     read(lambda data: data.parts["test"].inputs["image"][0].max() == 255)),
    ("more than the bits that were said", put_in("PNG", deep(16)), {"bits": 12},
     refused("not 0..4095 as bits: 12 says")),
    ("more than the bits that were said: the advice", put_in("PNG", deep(16)), {"bits": 12},
     refused("Write bits: 16 in data.args.")),
    ("what the error about the bits advises", put_in("PNG", deep(16)), {"bits": 16}, said("with 16 bits")),
    ("float TIFF", put_in("TIFF", Image.fromarray(np.zeros((9, 7), np.float32)), "test/cat/new.tif"), {},
     refused("float pixels")),
    ("transparency", put_in("PNG", clear()), {}, said("with transparency, which is dropped")),
    ("transparency on black", put_in("PNG", clear()), {"alpha": "black"},
     read(lambda data: data.parts["test"].inputs["image"][0][:, 6].max() == 0)),
    ("transparency on white", put_in("PNG", clear("LA")), {"alpha": "white"},
     read(lambda data: data.parts["test"].inputs["image"][0].min() == 255)),
    ("transparency kept", put_in("PNG", clear()), {"alpha": "keep"},
     read(lambda data: data.inputs["image"].shape == (8, 8, 4)
          and data.parts["test"].inputs["image"][0][0, 7].tolist() == [255, 255, 255, 0])),
    ("transparency of a palette", put_in("PNG", photo((18, 16)).convert("P"), transparency=0), {},
     said("with transparency")),
    ("a text called png", file_at("train/cat/text.png"), {}, refused("train/cat/text.png  not a readable picture")),
    ("a text called png, skipped", file_at("train/cat/text.png"), SKIP, said("skipped: train/cat/text.png")),
    ("a picture cut short", file_at("train/cat/cut.png", first(None)[:60]), {}, refused("cut.png  not a readable")),
    ("an empty file", file_at("train/cat/empty.jpg", b""), {}, refused("empty.jpg  not a readable picture")),
    ("a PNG called jpg", file_at("test/cat/png.jpg", first(None)), {}, read(lambda data: len(data.parts["test"]) == 7)),
    ("a bomb", bomb, {}, refused("big.png  not a readable picture")),
    ("a pipe", pipe, {}, refused("train/cat/pipe.png is no regular file but a named pipe")),
    ("a pipe, skipped", pipe, SKIP, said("skipped: train/cat/pipe.png")),
    ("a device", device, {}, refused("zero.png is no regular file but a device")),
    ("a link to nothing", lambda path: os.symlink("gone.png", os.path.join(path, "train", "cat", "x.png")), {},
     refused("train/cat/x.png cannot be read: No such file")),
    ("one picture in another form", file_at("train/cat/a.avif"), {},
     refused("train/cat/ have a format that is not supported: a.avif")),
    ("a class of raw pictures", all_of_a_class(".dng"), {}, refused("10 files in train/cat/")),
    ("a text called heic", file_at("train/cat/text.heic"), {}, refused("train/cat/text.heic  not a readable picture")),
    ("a class of films", all_of_a_class(".mov"), {}, refused("the class 'cat' has no picture in train/cat/")),
    ("a class of films, skipped", lambda path: (file_at("train/bird/a.mov")(path), file_at("test/bird/a.mov")(path)),
     SKIP, said("skipped: the class 'bird' has no picture in train/bird/")),
    ("an empty class", lambda path: os.mkdir(os.path.join(path, "train", "bird")), {},
     refused("It contains nothing.")),
    ("a note beside pictures", file_at("train/cat/notes.txt"), {},
     said("not read in train/: 1 .txt (train/cat/notes.txt)")),
    ("pictures deeper down", file_at("train/cat/old/1.png", first(None)), {},
     said("not read: the folder train/cat/old/ inside a class, with 1 pictures")),
    ("pictures in no class", file_at("train/1.png", first(None)), {},
     said("in no folder of a class: 1 pictures (1.png)")),
    ("val for validation", lambda path: file_at("val/cat/1.png", first(None))(path), {},
     refused("the folder val/ is not read: did you mean validation/?")),
    ("Train for train", moved("train", "Train"), {}, refused("did you mean train/?")),
    ("another folder", file_at("extra/cat/1.png", first(None)), {},
     said("not read, because they are no parts: extra/")),
    ("Cat and cat", lambda path: both_parts(lambda part: (
        os.mkdir(os.path.join(part, "Cat")), photo((7, 8)).save(os.path.join(part, "Cat", "1.png")),
        photo((7, 7)).save(os.path.join(part, "Cat", "2.png"))))(path), {},
     said("'Cat' and 'cat' are different classes with almost the same name")),
    ("a class that the test part has not", lambda path: [os.mkdir(os.path.join(path, "train", "bird"))] + [
        photo((8, 9 + index)).save(os.path.join(path, "train", "bird", "{}.png".format(index))) for index in range(3)],
     {}, said("the test part has no sample of the class 'bird'")),
    ("classes without parts", without_parts, {}, refused("split: {validation: 0.1, test: 0.1}")),
    ("classes without parts, split", without_parts, {"split": {"validation": 0.2, "test": 0.2}},
     read(lambda data: [len(data.parts[part]) for part in PARTS] == [12, 4, 4]
          and list(data.targets["label"].classes) == ["cat", "dog"])),
    ("a size that is no picture's", lambda path: None, {"size": [100000, 100000]}, refused("1e+10 pixels a picture")),
    ("an alpha that is none", lambda path: None, {"alpha": "grey"}, refused("alpha is 'grey'")),
    ("ignore without masks", lambda path: None, {"ignore": 255}, refused("there are no masks")),
]


@pytest.mark.parametrize("change, args, outcome", [row[1:] for row in FOLDERS], ids=[row[0] for row in FOLDERS])
def test_folders(tmp_path, change, args, outcome):
    path = pictures(tmp_path)
    change(path)
    outcome(lambda: image_folder.load(path, **dict({"size": [8, 8]}, **args)))


def test_pictures_that_fill_the_memory_are_refused_undecoded(tmp_path):
    path = pictures(tmp_path)
    code = WITH_LITTLE_MEMORY.format("image_folder.load(sys.argv[1], [9000, 9000])")
    done = subprocess.run([sys.executable, "-c", code, path], stdout=subprocess.PIPE, text=True)
    assert "18 pictures of 9000x9000x3 need 4.4 GB of memory" in done.stdout


def test_a_mask_that_lies_on_its_side_is_refused(tmp_path):
    exif = Image.Exif()
    exif[0x112] = 6
    for part in ("train", "validation", "test"):
        for name in ("images", "masks"):
            os.makedirs(str(tmp_path / part / name))
        for index in range(2):
            photo((18, 8)).save(str(tmp_path / part / "images" / "{}.jpg".format(index)), exif=exif.tobytes())
            mask = (np.arange(18 * 8).reshape(8, 18) % 2).astype(np.uint8)
            Image.fromarray(mask.T).save(str(tmp_path / part / "masks" / "{}.png".format(index)))
    assert image_folder.load(str(tmp_path), [18, 8], masks=["a", "b"]).parts["test"].targets["mask"][0, 0, 1] == 0
    Image.fromarray(mask).save(str(tmp_path / "test" / "masks" / "1.png"))
    assert "the mask is 18x8 pixels, its picture 8x18" in refusal(
        image_folder.load, str(tmp_path), [18, 8], masks=["a", "b"])
