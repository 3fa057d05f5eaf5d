"""Ways in which people store arrays that a loader does not expect: each is refused, reported, or read as intended.

A row is (name, stored arrays, arguments, outcome): `refused` and `said` have words of the error or of a note; `read` is
a predicate on the dataset. Add a row for each new way."""

import io
import os
import stat
import subprocess
import sys
import zipfile

import numpy as np
import pytest

from octet.data import classes
from octet.data.dataset import PARTS
from octet.datasets import npz
from tests.octet.data.outcomes import WITH_LITTLE_MEMORY, read, refused, said
from tests.octet.datasets.samples import arrays, changed, floats, put, refusal, save


def sized(shape, dtype, change=lambda x: x, **labels):
    """Arrays of random codes with another shape and type."""
    rng, found = np.random.RandomState(0), arrays()
    for part, count in (("train", 20), ("test", 6)):
        found["x_" + part] = change(rng.randint(0, 256, (count,) + shape)).astype(dtype)
    return dict(found, **labels)


def every(name, change):
    """The arrays with a change to those of one name, in both parts."""
    found = arrays()
    return dict(found, **{name + part: change(found[name + part]) for part in ("_train", "_test")})


def renamed(**names):
    return {names.get(name, name): array for name, array in arrays().items()}


def of_class(**counts):
    """Sorted training labels 0 and 1, with this number of each."""
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
    """The mean code of the images in each part."""
    return [float(data.parts[part].inputs["image"].mean()) for part in PARTS]


def many_floats():
    """More than 1,000 values, so that one of them is less than 0.1 %."""
    found = floats()
    return dict(found, x_train=np.concatenate([found["x_train"]] * 4), y_train=np.concatenate([found["y_train"]] * 4))


ARRAYS = [
    ("bits as bool", sized((4, 4, 1), bool, lambda x: x > 127), {},
     read(lambda data: set(np.unique(data.parts["train"].inputs["image"])) == {0, 255})),
    ("bits as uint8", sized((4, 4, 1), np.uint8, lambda x: x > 127), {}, said("use 2 of the 256 codes (0..1)")),
    ("bits as int64", sized((4, 4, 1), int, lambda x: x > 127), {},
     read(lambda data: set(np.unique(data.parts["train"].inputs["image"])) == {0, 255})),
    ("codes as int64", sized((4, 4, 1), int), {}, refused("if the values are the codes 0..255 of that range, save")),
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
     said("span 2 codes", "were the parts scaled differently?")),
    ("a test part as codes, a train part as floats", dict(floats(), x_test=arrays()["x_test"]), {},
     read(lambda data: means(data)[2] == arrays()["x_test"].mean())),
    ("an outlier", put("x_train", (3, 0, 0, 0), 1e6, floats), {}, refused("Write percentile: 99.0")),
    ("an outlier within the range", dict(put("x_train", (3, 0, 0, 0), 1e6, many_floats),
                                         x_validation=floats()["x_test"], y_validation=arrays()["y_test"]),
     {"high": 1e6},
     said("use 1 of the 256 codes")),
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
    ("channels first", sized((3, 8, 8), np.uint8), {}, said("is of shape", "[channels, height, width]")),
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
    ("the same pictures in two parts", dict(arrays(), x_test=arrays()["x_train"][[0, 0, 0, 1, 1, 2]]), {},
     said("6 samples of the test part are in the train part as well: the metrics of the test part are too good")),
    ("one picture with two labels", dict(arrays(), x_test=arrays()["x_train"][:6], y_test=1 - arrays()["y_test"]), {},
     said("more than one label")),
    ("labels from one", every("y", lambda y: y + 1), {}, refused("The labels start at 1: save y_train - 1")),
    ("labels of -1 and 1", every("y", lambda y: 2 * y - 1), {},
     refused("Save (y_train + 1) // 2 in all parts.")),
    ("labels from -1", every("y", lambda y: y - 1), {}, refused("Save y_train + 1 in all parts.")),
    ("labels with a gap", put("y_train", slice(3, None), 7), {}, refused("y_train has the label 7, but no 2")),
    ("labels as floats", every("y", lambda y: y.astype(float)), {}, refused("They are integers: save y_train.astype")),
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
    ("negative labels", every("y", lambda y: y - 1), {}, refused("has the label -1")),
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
    ("maps as floats", maps(dtype=float), MAP, refused("They are integers: save y_train.astype('int32')")),
    ("maps one-hot", every("y", lambda y: np.eye(2)[np.tile(y[:, None, None], (1, 4, 4))]), MAP,
     refused("It is one-hot: save y_train.argmax(3)")),
    ("unknown pixels as -1, without names", maps(-1), {"targets": {"mask": {"array": "y", "kind": "class_map"}}},
     refused("If -1 marks pixels of no known class, write ignore: -1.")),
    ("maps of 0 and 255", maps(255), MAP, refused("is 255, outside 0..1")),
    ("values of unlike scales", every("y", lambda y: np.stack([y * 95.0, y * 6.28], 1)), VALUE,
     said("column 1 of 'pose' spans 0 to 6.28")),
    ("values of unlike scales, by column", every("y", lambda y: np.stack([y * 95.0, y * 6.28], 1)),
     {"targets": {"pose": {"array": "y", "kind": "value", "scale": "columns"}}},
     read(lambda data: data.parts["test"].targets["pose"].max(0).tolist() == [1, 1]
          and data.targets["pose"].columns[0] == (0.0, 95.0))),
    ("a column of one value", every("y", lambda y: np.stack([y * 95.0, 0 * y], 1)),
     {"targets": {"pose": {"array": "y", "kind": "value", "scale": "columns"}}}, refused("column 1 of pose is 0")),
    ("features of unlike scales", sized((3,), np.float32, lambda x: x / 255 * [1, 0.01, 0.9]), {},
     said("these features of 'image' use fewer than 32 of the 256 codes: column 1: 3")),
    ("names as values", every("y", lambda y: np.array(["a", "b"])[y]), VALUE,
     refused("for names of classes, use kind")),
]


@pytest.mark.parametrize("content, args, outcome", [row[1:] for row in ARRAYS], ids=[row[0] for row in ARRAYS])
def test_arrays(tmp_path, content, args, outcome):
    path = save(tmp_path, content)
    outcome(lambda: npz.load(path, **args))


@pytest.mark.parametrize("content", [sized((4, 4, 1), int), sized((4, 4, 1), np.uint16, lambda x: x * 257),
                                     sized((4, 4, 1), np.float32, lambda x: x / 127.5 - 1),
                                     sized((4, 4, 1), np.float32, lambda x: (x - 127.31) / 73.9)])
def test_the_range_that_is_advised_is_taken(tmp_path, content):
    path = save(tmp_path, content)
    words = refusal(npz.load, path)
    low, high = (float(words.split(word + ": ")[1].split()[0].rstrip(".,")) for word in ("low", "high"))
    assert npz.load(path, low=low, high=high, clip="clip: true" in words or None).inputs["image"].high == high


def test_a_small_file_that_unpacks_to_more_than_the_memory_is_refused_unread(tmp_path):
    path = save(tmp_path, changed(x_train=None))
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(head, {"descr": "|u1", "fortran_order": False, "shape": (3 << 20, 1024)})
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x_train.npy", head.getvalue() + bytes(1 << 20))
    with open(path, "rb+") as file:  # its size in the central directory: 3 GB
        content = file.read()
        at = content.rindex(b"PK\x01\x02") + 24
        file.seek(at)
        file.write((3 << 30).to_bytes(4, "little"))
    code = WITH_LITTLE_MEMORY.format("npz.load(sys.argv[1])")
    done = subprocess.run([sys.executable, "-c", code, path], stdout=subprocess.PIPE, text=True)
    assert "and more unpacked, need 3.2 GB of memory; 1.1 GB are free" in done.stdout


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: os.symlink("/dev/zero", path)])
def test_an_archive_that_is_no_regular_file_is_not_opened(tmp_path, make):
    path = str(tmp_path / "data.npz")
    make(path)
    assert not stat.S_ISREG(os.stat(path).st_mode)
    for call in (npz.load, lambda path: npz.digest("train", path)):
        assert ", not a file" in refusal(call, path)
