"""Ways in which people store data that is not what a loader expects: each is refused, said, or read as it is meant.

A row is (name, what is stored, arguments, what comes of it): `refused` and `said` are words of the error or of a
note; `read` is a question about the dataset. Add a row for each new way.
"""

import io
import os
import stat
import subprocess
import sys
import zipfile
import zlib

import numpy as np
import pytest
from PIL import Image

from octet.data import classes, summary
from octet.data.dataset import PARTS
from octet.datasets import image_folder, npz
from tests.octet.datasets.samples import arrays, changed, floats, pictures, put, refusal, save


def refused(words):
    def holds(load):
        assert words in refusal(load)
    return holds


def said(words, *more):
    def holds(load):
        notes = summary.notes(load())
        for each in (words,) + more:
            assert any(each in note for note in notes), notes
    return holds


def read(question):
    def holds(load):
        assert question(load())
    return holds


def sized(shape, dtype, change=lambda x: x, **labels):
    """Arrays of random codes in another shape and type."""
    rng, found = np.random.RandomState(0), arrays()
    for part, count in (("train", 20), ("test", 6)):
        found["x_" + part] = change(rng.randint(0, 256, (count,) + shape)).astype(dtype)
    return dict(found, **labels)


def every(name, change):
    """The arrays, with those of one name changed in both parts."""
    found = arrays()
    return dict(found, **{name + part: change(found[name + part]) for part in ("_train", "_test")})


def renamed(**names):
    return {names.get(name, name): array for name, array in arrays().items()}


def of_class(**counts):
    """Training labels of 0 and 1, so many of each, sorted."""
    labels = np.repeat([0, 1], [counts["zero"], counts["one"]])
    return dict(arrays(), x_train=np.random.RandomState(1).randint(0, 256, (len(labels), 4, 4, 1)).astype(np.uint8),
                y_train=labels)


def one_hot(labels, classes=2):
    return np.eye(classes)[labels]


IMAGE = {"image": {"array": "x"}}
LABELS = {"targets": {"tags": {"array": "y", "kind": "labels", "classes": ["a", "b"]}}}
VALUE = {"targets": {"pose": {"array": "y", "kind": "value"}}}
MAP = {"targets": {"mask": {"array": "y", "kind": "class_map", "classes": ["a", "b"]}}}


def maps(value=1, dtype=int):
    found = arrays()
    for part, count in (("train", 20), ("test", 6)):
        found["y_" + part] = np.tile(np.arange(16).reshape(1, 4, 4) % 2, (count, 1, 1)).astype(dtype)
        found["y_" + part][0, 0, 0] = value
    return found


def means(data):
    """The mean code of the image in each part."""
    return [float(data.parts[part].inputs["image"].mean()) for part in PARTS]


ARRAYS = [
    ("bits as bool", sized((4, 4, 1), bool, lambda x: x > 127), {},
     read(lambda data: set(np.unique(data.parts["train"].inputs["image"])) == {0, 255})),
    ("bits as uint8", sized((4, 4, 1), np.uint8, lambda x: x > 127), {}, said("lie on 2 of the 256 codes (0..1)")),
    ("bits as int64", sized((4, 4, 1), int, lambda x: x > 127), {},
     read(lambda data: set(np.unique(data.parts["train"].inputs["image"])) == {0, 255})),
    ("codes as int64", sized((4, 4, 1), int), {}, refused("where they are the codes 0..255 of that range, save")),
    ("codes as float", sized((4, 4, 1), np.float32), {}, refused("Write low: 0 and high: 255")),
    ("codes as int64, said to be 0..255", sized((4, 4, 1), int), {"low": 0, "high": 255},
     read(lambda data: means(data)[2] == arrays()["x_test"].mean() or data.inputs["image"].high == 255)),
    ("uint16", sized((4, 4, 1), np.uint16, lambda x: x * 257), {}, refused("x_train.astype('float32') / 65535")),
    ("uint16 with its range", sized((4, 4, 1), np.uint16, lambda x: x * 257), {"low": 0, "high": 65535},
     read(lambda data: 100 < means(data)[0] < 155)),
    ("divided by 255 twice", sized((4, 4, 1), np.float32, lambda x: x / 255 / 255), {},
     said("of the 256 codes (0..1)")),
    ("from -1 to 1", sized((4, 4, 1), np.float32, lambda x: x / 127.5 - 1), {}, refused("Write low: -1 and high: 1")),
    ("standardised", sized((4, 4, 1), np.float32, lambda x: (x - 128) / 74.), {}, refused("lie outside [0, 1]")),
    ("complex", sized((4, 4, 1), complex), {}, refused("complex128, not numbers")),
    ("dates", every("x", lambda x: np.zeros(x.shape, "datetime64[s]")), {}, refused("not numbers")),
    ("text", every("x", lambda x: np.full(x.shape, "a")), {}, refused("not numbers")),
    ("a test part of another scale", dict(floats(), x_test=floats()["x_test"] / 255), {},
     said("reach over 2 codes", "were they saved alike?")),
    ("a test part as codes, a train part as floats", dict(floats(), x_test=arrays()["x_test"]), {},
     read(lambda data: means(data)[2] == arrays()["x_test"].mean())),
    ("an outlier", put("x_train", (3, 0, 0, 0), 1e6, floats), {}, refused("Write percentile: 99.0")),
    ("an outlier within the range", dict(put("x_train", (3, 0, 0, 0), 1e6, floats), x_validation=floats()["x_test"],
                                         y_validation=arrays()["y_test"]), {"high": 1e6},
     said("lie on 1 of the 256 codes")),
    ("an outlier, clipped", put("x_train", (3, 0, 0, 0), 1e6, floats), {"low": 0, "high": 1, "clip": True},
     said("1 of 320 values of x_train lie outside [0, 1] and are clipped")),
    ("an outlier and a percentile", put("x_train", (3, 0, 0, 0), 1e6, floats), {"percentile": 98},
     read(lambda data: data.inputs["image"].high <= 1.0)),
    ("a percentile of codes", arrays(), {"percentile": 99}, refused("Uint8 values are the codes themselves")),
    ("a percentile beside a range", floats(), {"percentile": 99, "low": 0}, refused("there is low as well")),
    ("a percentile of a constant", every("x", lambda x: np.zeros(x.shape, np.float32)), {"percentile": 99},
     refused("are 0")),
    ("NaN", put("x_train", (3, 0, 1, 0), np.nan, floats), {}, refused("x_train[3, 0, 1, 0] is nan")),
    ("NaN where it is clipped", put("x_train", (3, 0, 1, 0), np.nan, floats), {"clip": True, "low": 0, "high": 1},
     refused("x_train[3, 0, 1, 0] is nan")),
    ("channels first", sized((3, 8, 8), np.uint8), {}, said("looks like channels first")),
    ("one picture without its axis", every("x", lambda x: x[:, 0, 0, 0]), {}, refused("x_train has shape [20]")),
    ("parts of unlike sizes", changed(x_test=np.zeros((6, 5, 4, 1), np.uint8)), {}, refused("test.image is uint8")),
    ("an empty part", changed(x_test=np.zeros((0, 4, 4, 1), np.uint8), y_test=np.zeros(0, int)), {},
     refused("the test part has 0 samples")),
    ("more labels than samples", changed(y_test=np.arange(7) % 2), {}, refused("the test part has 6 image, 7 label")),
    ("val for validation", dict(arrays(), x_val=arrays()["x_test"], y_val=arrays()["y_test"]), {},
     refused("x_val is not read: did you mean x_validation?")),
    ("training for train", renamed(x_train="x_training", y_train="y_training"), {}, refused("did you mean x_train?")),
    ("one set", {name[0]: array for name, array in arrays().items() if "train" in name}, {},
     refused("write split: {validation: 0.1, test: 0.1} in data.args, which takes both parts from x and y")),
    ("no test arrays", changed(x_test=None, y_test=None), {},
     refused("which takes both parts from x_train and y_train")),
    ("one set that is split", {name[0]: array for name, array in arrays().items() if "train" in name},
     {"split": {"validation": 0.2, "test": 0.2}},
     read(lambda data: [len(data.parts[part]) for part in PARTS] == [12, 4, 4])),
    ("an array more", dict(arrays(), weight_train=np.ones(20)), {}, said("not read: weight_train")),
    ("sorted by class", of_class(zero=30, one=30), {},
     read(lambda data: data.parts["validation"].targets["label"].tolist() == [0, 0, 0, 1, 1, 1])),
    ("a class of one sample", of_class(zero=30, one=1), {}, refused("no sample of the class '1'")),
    ("split by content without a class", of_class(zero=30, one=2),
     {"split": {"validation": 0.1, "by": "content"}}, refused("by: rank")),
    ("a share that is all", arrays(), {"split": {"validation": 0.5, "test": 0.5}}, refused("1.0 together")),
    ("a share as a count", arrays(), {"split": {"validation": 5}}, refused("data.args.split.validation")),
    ("a way of splitting that is none", arrays(), {"split": {"by": "random"}}, refused("found 'random'")),
    ("a key of split that is none", arrays(), {"split": {"valid": 0.1}}, refused("did you mean 'validation'?")),
    ("the same pictures in two parts", dict(arrays(), x_test=arrays()["x_train"][:6]), {},
     said("samples of the train part are in the test part as well")),
    ("one picture with two labels", dict(arrays(), x_test=arrays()["x_train"][:6], y_test=1 - arrays()["y_test"]), {},
     said("more than one label")),
    ("labels from one", every("y", lambda y: y + 1), {}, refused("They count from 1: save y_train - 1")),
    ("labels with a gap", put("y_train", slice(3, None), 7), {}, refused("y_train has the label 7, but no 2")),
    ("labels as floats", every("y", lambda y: y.astype(float)), {}, refused("They are whole: save y_train.astype")),
    ("values in the place of labels", every("y", lambda y: y + 0.5), {}, refused("kind: value")),
    ("labels as bool", every("y", lambda y: y == 1), {},
     read(lambda data: data.parts["test"].targets["label"].tolist() == [0, 1] * 3)),
    ("labels as a column", every("y", lambda y: y[:, None]), {},
     read(lambda data: data.parts["test"].targets["label"].tolist() == [0, 1] * 3)),
    ("one-hot labels", every("y", one_hot), {}, refused("It is one-hot: save y_train.argmax(1)")),
    ("several labels as a class", every("y", lambda y: np.stack([y, np.ones_like(y)], 1)), {}, refused("kind: labels")),
    ("class maps as a class", maps(), {}, refused("kind: class_map")),
    ("names as labels", every("y", lambda y: np.array(["cat", "dog"])[y]), {},
     read(lambda data: list(data.targets["label"].classes) == ["cat", "dog"]
          and data.parts["test"].targets["label"].tolist() == [0, 1] * 3)),
    ("names in another order", every("y", lambda y: np.array(["cat", "dog"])[y]), {"classes": ["dog", "cat"]},
     read(lambda data: data.parts["test"].targets["label"].tolist() == [1, 0] * 3)),
    ("names as bytes", every("y", lambda y: np.array([b"cat", b"dog"])[y]), {},
     read(lambda data: list(data.targets["label"].classes) == ["cat", "dog"])),
    ("a name that only the test part has", dict(every("y", lambda y: np.array(["cat", "dog"])[y]),
                                                y_test=np.array(["cat", "dgo"] * 3)), {},
     refused("y_test[1] is 'dgo', which is no class")),
    ("two classes of one name", arrays(),
     {"targets": {"label": {"array": "y", "kind": "class", "classes": ["a", "a"]}}},
     refused("two classes are called 'a'")),
    ("negative labels", every("y", lambda y: y - 1), {}, refused("is -1, outside")),
    ("a class without test samples", dict(arrays(), y_test=np.zeros(6, int)), {},
     said("the test part has no sample of the class '1'")),
    ("one in a hundred", dict(of_class(zero=300, one=3)), {}, said("2 of 272 training samples", "class_weights")),
    ("several labels", every("y", lambda y: np.stack([y, np.ones_like(y)], 1)), LABELS,
     read(lambda data: data.parts["test"].targets["tags"].sum(0).tolist() == [3, 6])),
    ("several labels as 1 and 2", every("y", lambda y: np.stack([y + 1, y + 1], 1)), LABELS,
     refused("y_train[1, 0] is 2")),
    ("several labels of another width", every("y", lambda y: np.stack([y] * 3, 1)), LABELS,
     refused("not uint8 of shape")),
    ("several labels that are never given", every("y", lambda y: np.stack([y, 0 * y], 1)), LABELS,
     refused("class 1 ('b') has no training sample")),
    ("unknown pixels", maps(255), MAP, refused("write ignore: 255")),
    ("unknown pixels, ignored", maps(255),
     {"targets": {"mask": dict(MAP["targets"]["mask"], ignore=255)}},
     read(lambda data: classes.counts(data.targets["mask"], data.parts["test"].targets["mask"]).sum() == 6 * 16 - 1)),
    ("all pixels ignored", maps(1),
     {"targets": {"mask": {"array": "y", "kind": "class_map", "classes": [], "ignore": 0}}},
     refused("outside")),
    ("an ignored class", maps(), {"targets": {"mask": dict(MAP["targets"]["mask"], ignore=1)}}, refused("ignore is 1")),
    ("maps as floats", maps(dtype=float), MAP, refused("They are whole: save y_train.astype('int32')")),
    ("maps one-hot", every("y", lambda y: np.eye(2)[np.tile(y[:, None, None], (1, 4, 4))]), MAP,
     refused("It is one-hot: save y_train.argmax(3)")),
    ("maps of 0 and 255", maps(255), MAP, refused("is 255, outside 0..1")),
    ("values of unlike scales", every("y", lambda y: np.stack([y * 95.0, y * 6.28], 1)), VALUE,
     said("column 1 of 'pose' reaches from 0 to 6.28")),
    ("values of unlike scales, by column", every("y", lambda y: np.stack([y * 95.0, y * 6.28], 1)),
     {"targets": {"pose": {"array": "y", "kind": "value", "scale": "columns"}}},
     read(lambda data: data.parts["test"].targets["pose"].max(0).tolist() == [1, 1]
          and data.targets["pose"].columns[0] == (0.0, 95.0))),
    ("a column of one value", every("y", lambda y: np.stack([y * 95.0, 0 * y], 1)),
     {"targets": {"pose": {"array": "y", "kind": "value", "scale": "columns"}}}, refused("column 1 of pose is 0")),
    ("features of unlike scales", sized((3,), np.float32, lambda x: x / 255 * [1, 0.01, 0.9]), {},
     said("of the features of 'image', 1 use fewer than 32 of the 256 codes (column 1: 3)")),
    ("names as values", every("y", lambda y: np.array(["a", "b"])[y]), VALUE, refused("names of classes are of kind")),
]


@pytest.mark.parametrize("content, args, outcome", [row[1:] for row in ARRAYS], ids=[row[0] for row in ARRAYS])
def test_arrays(tmp_path, content, args, outcome):
    path = save(tmp_path, content)
    outcome(lambda: npz.load(path, **args))


def photo(size=(7, 9), left=255):
    """An RGB picture whose left half is bright."""
    picture = np.zeros((size[1], size[0], 3), np.uint8)
    picture[:, :size[0] // 2] = left
    return Image.fromarray(picture)


def put_in(name, picture, file="test/cat/new.png", **options):
    """Saves a picture in the place of all of a class's in the test part."""
    def change(path):
        for other in ("0.png", "1.png", "2.png"):
            os.remove(os.path.join(path, "test", "cat", other))
        for index in range(2):
            picture.save(os.path.join(path, file.replace("new", "new{}".format(index))), name, **options)
    return change


def turned(orientation, name="JPEG", file="test/cat/new.jpg"):
    """The picture as a sensor gives it that was held otherwise."""
    back = {1: None, 2: Image.FLIP_LEFT_RIGHT, 3: Image.ROTATE_180, 4: Image.FLIP_TOP_BOTTOM, 5: Image.TRANSPOSE,
            6: Image.ROTATE_90, 7: Image.TRANSVERSE, 8: Image.ROTATE_270}[orientation]
    exif, picture = Image.Exif(), photo((18, 16))
    exif[0x112] = orientation
    return put_in(name, picture if back is None else picture.transpose(back), file, exif=exif.tobytes())


def as_it_is(data):
    """Whether the new picture in the test part, of size 8x8, is bright in its left half and dark in its right."""
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
    """A PNG of 60,000 x 60,000 in a few kilobytes' header."""
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
    ("turned pictures are said", turned(6), {}, said("test: 2 of 5 pictures turned as their EXIF orientation says")),
    ("bmp", put_in("BMP", photo((18, 16)), "test/cat/new.bmp"), {}, read(as_it_is)),
    ("tiff", put_in("TIFF", photo((18, 16)), "test/cat/new.TIFF"), {}, read(as_it_is)),
    ("webp", put_in("WEBP", photo((18, 16)), "test/cat/new.webp", lossless=True), {}, read(as_it_is)),
    ("ppm", put_in("PPM", photo((18, 16)), "test/cat/new.ppm"), {}, read(as_it_is)),
    ("gif", put_in("GIF", photo((18, 16)), "test/cat/new.gif"), {}, read(as_it_is)),
    ("a gif that moves", put_in("GIF", photo((18, 16)), "test/cat/new.gif", save_all=True,
                                append_images=[photo((18, 16), 90)]), {},
     lambda load: (read(as_it_is)(load), said("of several frames: the first is taken")(load))),
    ("CMYK", put_in("JPEG", photo((18, 16)).convert("CMYK"), "test/cat/new.jpg"), {},
     lambda load: (read(as_it_is)(load), said("in CMYK")(load))),
    ("palette", put_in("PNG", photo((18, 16)).convert("P")), {}, read(as_it_is)),
    ("one bit", put_in("PNG", photo((18, 16)).convert("1")), {}, read(as_it_is)),
    ("grey", put_in("PNG", photo((18, 16)).convert("L")), {}, read(as_it_is)),
    ("16 bits", put_in("PNG", deep(16)), {}, lambda load: (
        read(lambda data: data.parts["test"].inputs["image"][0].max() == 255)(load), said("of 16 bits")(load))),
    ("16 bits in TIFF", put_in("TIFF", deep(16), "test/cat/new.tif"), {},
     read(lambda data: data.parts["test"].inputs["image"][0].max() == 255)),
    ("12 of 16 bits", put_in("PNG", deep(12)), {"bits": 12},
     read(lambda data: data.parts["test"].inputs["image"][0].max() == 255)),
    ("more than the bits that were said", put_in("PNG", deep(16)), {"bits": 12}, refused("not 0..4095")),
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
    ("one picture of a phone", file_at("train/cat/a.heic"), {},
     refused("train/cat/ are in a form that is not read: a.heic")),
    ("a class of a phone's pictures", all_of_a_class(".heic"), {}, refused("10 files in train/cat/")),
    ("a class of films", all_of_a_class(".mov"), {}, refused("the class 'cat' has no picture in train/cat/")),
    ("a class of films, skipped", lambda path: (file_at("train/bird/a.mov")(path), file_at("test/bird/a.mov")(path)),
     SKIP, said("skipped: the class 'bird' has no picture in train/bird/")),
    ("an empty class", lambda path: os.mkdir(os.path.join(path, "train", "bird")), {},
     refused("It holds nothing.")),
    ("a note beside pictures", file_at("train/cat/notes.txt"), {},
     said("not read in train/: 1 .txt (train/cat/notes.txt)")),
    ("pictures deeper down", file_at("train/cat/old/1.png", first(None)), {},
     said("not read: the folder train/cat/old/ in a class, with 1 pictures")),
    ("pictures in no class", file_at("train/1.png", first(None)), {}, said("in no class's folder: 1 pictures (1.png)")),
    ("val for validation", lambda path: file_at("val/cat/1.png", first(None))(path), {},
     refused("the folder val/ is not read: did you mean validation/?")),
    ("Train for train", moved("train", "Train"), {}, refused("did you mean train/?")),
    ("another folder", file_at("extra/cat/1.png", first(None)), {}, said("not read, for it is no part: extra/")),
    ("Cat and cat", lambda path: both_parts(lambda part: (
        os.mkdir(os.path.join(part, "Cat")), photo((7, 8)).save(os.path.join(part, "Cat", "1.png")),
        photo((7, 7)).save(os.path.join(part, "Cat", "2.png"))))(path), {},
     said("'Cat' and 'cat' are different classes, and are written almost alike")),
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


@pytest.mark.parametrize("content", [sized((4, 4, 1), int), sized((4, 4, 1), np.uint16, lambda x: x * 257),
                                     sized((4, 4, 1), np.float32, lambda x: x / 127.5 - 1),
                                     sized((4, 4, 1), np.float32, lambda x: (x - 127.31) / 73.9)])
def test_the_range_that_is_advised_is_taken(tmp_path, content):
    path = save(tmp_path, content)
    words = refusal(npz.load, path)
    low, high = (float(words.split(word + ": ")[1].split()[0].rstrip(".,")) for word in ("low", "high"))
    assert npz.load(path, low=low, high=high, clip="clip: true" in words or None).inputs["image"].high == high


ZIPPED = """
import resource, sys
import numpy
from octet.datasets import npz
from octet.errors import DatasetError
resource.setrlimit(resource.RLIMIT_AS, (1 << 30, resource.RLIM_INFINITY))
try:
    npz.load(sys.argv[1])
except DatasetError as error:
    print(error)
"""


def test_a_small_file_that_unpacks_to_more_than_the_memory_is_refused_unread(tmp_path):
    path = save(tmp_path, changed(x_train=None))
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(head, {"descr": "|u1", "fortran_order": False, "shape": (3 << 20, 1024)})
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x_train.npy", head.getvalue() + bytes(1 << 20))
    with open(path, "rb+") as file:  # its size in the central directory, as one of 3 GB would have it
        content = file.read()
        at = content.rindex(b"PK\x01\x02") + 24
        file.seek(at)
        file.write((3 << 30).to_bytes(4, "little"))
    done = subprocess.run([sys.executable, "-c", ZIPPED, path], stdout=subprocess.PIPE, text=True)
    assert "and more unpacked, need 3.2 GB of memory; 1.1 GB are free" in done.stdout


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: os.symlink("/dev/zero", path)])
def test_an_archive_that_is_no_regular_file_is_not_opened(tmp_path, make):
    path = str(tmp_path / "data.npz")
    make(path)
    assert not stat.S_ISREG(os.stat(path).st_mode)
    for call in (npz.load, lambda path: npz.digest("train", path)):
        assert ", not a file" in refusal(call, path)


def test_pictures_that_fill_the_memory_are_refused_undecoded(tmp_path):
    path = pictures(tmp_path)
    code = ZIPPED.replace("npz.load(sys.argv[1])", "image_folder.load(sys.argv[1], [9000, 9000])").replace(
        "import npz", "import image_folder")
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
