"""`data: {keep: encoded}`: PrepareData keeps the bytes of files, and later stages read the same codes from them."""

import os
import shutil

import numpy as np
import pytest
from PIL import Image

from octet import digest
from octet.data import dataset_digest, prepared, shards
from octet.data import masks as mask_files
from octet.data.encoded_rows import EncodedRows
from octet.errors import DatasetError, StoreError
from octet.job import Job
from tasks import data_source
from tasks.stages import prepare_data
from tests.tasks import jobs

RNG = np.random.RandomState(6)
COUNTS = {"train": 12, "validation": 4, "test": 4}  # of each class
NET = '''\
import tensorflow as tf

def build(input_shape, classes):
    return tf.keras.Sequential([tf.keras.layers.Conv2D(4, 3, activation="relu", input_shape=input_shape),
                                tf.keras.layers.Flatten(), tf.keras.layers.Dense(classes, activation="softmax")])
'''


def _smooth(size, channels=3, how=Image.BICUBIC):
    """Pixels that compress well, as those of photographs do; as PNG, where `how` is Image.NEAREST."""
    small = RNG.randint(0, 256, (4, 4, channels)).astype(np.uint8)
    return Image.fromarray(small.squeeze()).resize(size, how)


def _saved(image, path, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(str(path), **options)


def folders(folder):
    """JPEGs, some of them turned by EXIF or with transparency."""
    turned = Image.Exif()
    turned[0x0112] = 6
    for part, count in COUNTS.items():
        for name in ("cat", "dog"):
            for index in range(count):
                path = folder / "set" / part / name / "{}.jpg".format(index)
                _saved(_smooth((70, 50)), path, exif=turned if index == 1 else b"")
            _saved(_smooth((40, 40), 4), folder / "set" / part / name / "alpha.png")
    return {"dataset": "image_folder", "args": {"path": "set", "size": [32, 32], "alpha": "white",
                                                "resize": {"fit": "crop", "method": "area"}}}


def table(folder):
    lines = ["photo,kind,part"]
    for part, count in COUNTS.items():
        for index in range(2 * count):
            _saved(_smooth((40, 30), how=Image.NEAREST), folder / "set" / "{}{}.png".format(part, index))
            lines.append("set/{0}{1}.png,{2},{0}".format(part, index, "ab"[index % 2]))
    (folder / "t.csv").write_text("\n".join(lines) + "\n")
    return {"dataset": "table", "args": {"path": "t.csv", "file": "photo", "label": "kind", "part": "part",
                                         "size": [48, 48], "channels": 1}}


def masks(folder):
    for part, count in COUNTS.items():
        for index in range(2 * count):
            _saved(_smooth((60, 40)), folder / "set" / part / "images" / "{}.jpg".format(index))
            labels = np.kron(RNG.randint(0, 2, (4, 6)), np.ones((10, 10), int)).astype(np.uint8)
            palette = Image.fromarray(labels, "P")
            palette.putpalette([0, 0, 0, 9, 9, 9] + [0] * 762)
            _saved(palette, folder / "set" / part / "masks" / "{}.png".format(index))
    return {"dataset": "image_folder", "args": {"path": "set", "size": [32, 32], "masks": ["no", "yes"],
                                                "ignore": 255, "resize": {"fit": "pad"}}}


def _run(folder, name, section, keep, part="train", said=None):
    out = folder / name
    out.mkdir()
    section = {**section, "keep": keep}
    job = Job("stages.prepare_data", {"data": section}, {}, str(out), str(folder), (part,),
              data={part: dataset_digest.digest(section, folder, part)})
    return prepare_data.run(job, lambda fraction, message: said is not None and said.append(message)), out


def _shards(out):
    return [path for path in (out / "shards").glob("*.npy") if len(path.stem) == 64]


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("OCTET_CACHE", str(tmp_path / "cache"))


@pytest.mark.parametrize("source", [folders, table, masks])
def test_later_stages_read_the_same_codes_and_have_the_same_keys(source, tmp_path):
    section = source(tmp_path)
    found = {}
    for keep in ("decoded", "encoded"):
        metrics, out = _run(tmp_path, keep, section, keep)
        found[keep] = metrics, out, prepared.read({"train": out}).parts["train"]
    (metrics, decoded, one), (encoded_metrics, encoded, other) = found["decoded"], found["encoded"]
    products = {path.name for path in decoded.iterdir() if path.is_file()}
    assert {path.name for path in encoded.iterdir() if path.is_file()} == products and "input_0.json" in products
    for name in products:  # what keys have
        assert (decoded / name).read_bytes() == (encoded / name).read_bytes(), name
    assert encoded_metrics["notes"] == metrics["notes"] and encoded_metrics["decoded"] == metrics["decoded"]
    for arrays, others in ((one.inputs, other.inputs), (one.targets, other.targets)):
        for name, array in arrays.items():
            kept, plain = others[name], np.asarray(array)
            assert isinstance(kept, EncodedRows) == isinstance(array, shards.Sharded)
            for key in (0, -1, slice(None), slice(3, 17, 4), slice(5, 5), [4, 2, 2], plain.reshape(
                    len(plain), -1)[:, 0] > 100, (slice(2, 5), 1) if plain.ndim > 1 else 1):
                assert np.array_equal(kept[key], plain[key]) and kept[key].dtype == plain.dtype, key
    files = sum(len(path.read_bytes()) for path in (tmp_path / "set").rglob("*") if path.is_file() and (
        "train" in str(path.relative_to(tmp_path))))
    kept = sum(path.stat().st_size for path in _shards(encoded))
    assert 0 < kept - files < 20 * metrics["samples"] + 300 * len(_shards(encoded))
    assert kept < sum(path.stat().st_size for path in _shards(decoded)) / 2


@pytest.mark.parametrize("part", ["train", "test"])
def test_a_mask_is_decoded_once_to_be_kept_and_once_to_be_checked(part, tmp_path, monkeypatch):
    section, decoded, decode = masks(tmp_path), [], mask_files._indices
    monkeypatch.setattr(mask_files, "_indices", lambda content: decoded.append(content) or decode(content))
    _run(tmp_path, part, section, "encoded", part)
    files = [path.read_bytes() for path in (tmp_path / "set" / part / "masks").iterdir()]
    assert len(files) == 2 * COUNTS[part] and sorted(decoded) == sorted(2 * list(set(files)))


@pytest.mark.parametrize("spoil", [0, 130, 1000, -1], ids="header table content end".split())
def test_a_row_that_is_not_what_was_prepared_is_refused(spoil, tmp_path):
    _, out = _run(tmp_path, "out", folders(tmp_path), "encoded")
    shard, = _shards(out)
    content = bytearray(shard.read_bytes())
    content[spoil] ^= 0x40
    shard.write_bytes(bytes(content))
    with pytest.raises(StoreError) as error:
        np.asarray(prepared.read({"train": out}).parts["train"].inputs["image"])
    assert (error.value.what, error.value.where) == ("a file of the prepared data is damaged", str(shard))
    assert "`octet verify`" in error.value.next_step


def test_an_order_that_is_not_what_was_prepared_is_refused(tmp_path):
    _, out = _run(tmp_path, "out", folders(tmp_path), "encoded")
    order = out / "shards" / "input_0.npy"
    rows = np.load(str(order))
    np.save(str(order), rows[::-1])
    with pytest.raises(StoreError, match="damaged") as error:
        prepared.read({"train": out})
    assert error.value.where == str(order)


def test_rows_that_are_decoded_otherwise_than_they_were_are_refused(tmp_path):
    """As after another version of a library under an artifact that was accepted."""
    _, out = _run(tmp_path, "out", folders(tmp_path), "encoded")
    how = out / "shards" / "input_0.json"
    text = how.read_text()
    how.write_text(text.replace('"method": "area"', '"method": "nearest"'))
    assert how.read_text() != text
    image = prepared.read({"train": out}).parts["train"].inputs["image"]
    with pytest.raises(StoreError, match="row .* of a shard differs from the row that PrepareData decoded") as error:
        image[:4]
    assert "octet force RECIPE PrepareData.train" in error.value.next_step


@pytest.mark.parametrize("section", [
    {"dataset": "npz", "args": {"path": "a.npz"}}, {"dataset": "mnist"}, {"dataset": "digits"},
    {"dataset": "table", "args": {"path": "t.csv", "features": ["a", "b"], "label": "c"}},
    {"dataset": "tfrecord", "args": {"path": "r", "image": "image", "size": [8, 8], "label": "label"}},
    {"dataset": "./own.py", "args": {"path": "p"}}], ids=lambda section: section["dataset"])
def test_samples_that_are_no_files_are_refused(section, tmp_path):
    job = Job("stages.prepare_data", {"data": {**section, "keep": "encoded"}}, {}, "", str(tmp_path), ("train",))
    with pytest.raises(DatasetError) as error:
        data_source.load(job)
    assert error.value.where == "data.keep" and section["dataset"] in error.value.what
    assert error.value.next_step == "Write keep: decoded, or leave it out."


def _with_free(monkeypatch, count):
    monkeypatch.setattr(os, "statvfs", lambda path: type("Free", (), {"f_bavail": count, "f_frsize": 1})())


def test_the_disk_that_is_needed_is_said_before_anything_is_decoded(tmp_path, monkeypatch):
    section, said = folders(tmp_path), []
    _run(tmp_path, "decoded", section, "decoded", said=said)
    assert said[0] == "26 pictures of 32x32x3: 79.9 kB of disk"
    said = []
    _, out = _run(tmp_path, "encoded", section, "encoded", said=said)
    files = sum(path.stat().st_size for path in (tmp_path / "set" / "train").rglob("*.*"))
    assert said[0] == "26 pictures of 32x32x3, kept encoded: {:.1f} kB of disk".format(files / 1e3)
    _with_free(monkeypatch, files + 2000)
    with pytest.raises(StoreError, match="26 pictures of 32x32x3 need 79.9 kB of disk") as error:
        _run(tmp_path, "again", section, "decoded")
    assert error.value.next_step == "Write keep: encoded in data, which needs {:.1f} kB.".format(files / 1e3)
    _run(tmp_path, "followed", section, "encoded")
    _with_free(monkeypatch, 5000)
    with pytest.raises(StoreError, match="need 79.9 kB of disk") as error:
        _run(tmp_path, "too little", section, "decoded")
    assert "use fewer samples. keep: encoded in data needs" in error.value.next_step
    with pytest.raises(StoreError, match="of disk; 5.0 kB are free") as error:
        _run(tmp_path, "still too little", section, "encoded")
    assert error.value.next_step == "Free some disk, or use fewer samples."


def test_files_that_are_larger_than_what_they_are_decoded_to_are_a_note(tmp_path, monkeypatch):
    section = folders(tmp_path)
    section["args"]["size"] = [4, 4]
    metrics, _ = _run(tmp_path, "encoded", section, "encoded")
    note, = [note for note in metrics["notes"] if "keep: decoded" in note]
    assert note.startswith("train: the files take ") and "would take 1.2 kB decoded" in note
    metrics, _ = _run(tmp_path, "followed", section, "decoded")
    assert not [note for note in metrics["notes"] if "keep:" in note]
    _with_free(monkeypatch, 3000)
    with pytest.raises(StoreError) as error:
        _run(tmp_path, "full", section, "encoded")
    assert error.value.next_step == "Write keep: decoded in data, which needs 1.2 kB."


def test_training_is_the_same_byte_for_byte(tmp_path):
    folders(tmp_path)
    (tmp_path / "net.py").write_text(NET)
    text = ("data: {{keep: {}, dataset: image_folder, args: {{path: set, size: [32, 32], alpha: white}}}}\n"
            "model: {{build: ./net.py}}\ntrain: {{epochs: 1, batch_size: 8}}\n")
    made = {}
    for keep in ("decoded", "encoded"):
        folder = tmp_path / keep
        folder.mkdir()
        shutil.copy(str(tmp_path / "net.py"), str(folder))
        os.symlink(str(tmp_path / "set"), str(folder / "set"))
        _, made[keep] = jobs.run(folder, text.format(keep), "TrainFloat")
    for name in ("float.pb", "training.json", "network.json", "regularization.json"):
        one, other = ((made[keep]["TrainFloat"] / name).read_bytes() for keep in ("decoded", "encoded"))
        assert one == other, name
    assert digest.of_file(str(made["decoded"]["SummarizeData"] / "summary.json")) == digest.of_file(
        str(made["encoded"]["SummarizeData"] / "summary.json"))
