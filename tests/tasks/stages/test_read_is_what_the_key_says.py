"""Whatever happens to the data while PrepareData reads it: it publishes the arrays of the key, or nothing."""

import os
import random
import shutil
import threading
import time
from pathlib import Path
from typing import Callable, Dict, NamedTuple

import numpy as np
import pytest
from PIL import Image

from octet import digest
from octet.data import dataset_digest, prepared
from octet.errors import DataChanged, DatasetError
from octet.job import Job
from tasks.stages import prepare_data
from tests.octet.datasets.records import example, write

MOMENTS = 25  # of each kind of data
RNG = np.random.RandomState(5)
OWN = '''\
import os
import numpy as np
from octet.data import content_digests
from octet.data.dataset import PARTS, Dataset, Input, Part, Target

def _bytes(path, part):
    with open(os.path.join(path, part), "rb") as file:
        return np.frombuffer(file.read(), np.uint8).reshape(-1, 4, 4, 1)

def load(path, *, parts=PARTS, samples=None):
    return Dataset({"x": Input((4, 4, 1), 0, 1)}, {"y": Target("class", ["a", "b"])}, {
        part: Part({"x": _bytes(path, part)}, {"y": np.arange(len(_bytes(path, part)), dtype=np.int32) % 2})
        for part in parts}, samples=samples)

def digest(part, path):
    return content_digests.of_array(_bytes(path, part))
'''


class Case(NamedTuple):
    """section: of the recipe. edit: changes the data. back: undoes the edit."""

    section: Dict[str, object]
    edit: Callable[[], None]
    back: Callable[[], None]


def _picture(path: Path, mode: str = "RGB") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = (24, 24, 3) if mode == "RGB" else (24, 24)
    Image.fromarray(RNG.randint(0, 256 if mode == "RGB" else 2, shape).astype(np.uint8)).save(str(path))


def _overwriting(path: Path, other: bytes):
    """Writes other bytes in place, and then the original bytes, with the original mtime each time."""
    content, status = path.read_bytes(), path.stat()

    def put(bytes_: bytes) -> Callable[[], None]:
        def do() -> None:
            with path.open("r+b") as file:
                file.write(bytes_)
                file.truncate()
            os.utime(str(path), ns=(status.st_atime_ns, status.st_mtime_ns))
        return do
    return put(other), put(content)


def _pictures(folder: Path) -> Dict[str, object]:
    for part, count in (("train", 30), ("validation", 2), ("test", 2)):
        for name in ("cat", "dog"):
            for index in range(count):
                _picture(folder / "set" / part / name / "{}.png".format(index))
    return {"dataset": "image_folder", "args": {"path": "set", "size": [8, 8]}}


def picture_edited(folder: Path) -> Case:
    section = _pictures(folder)
    return Case(section, *_overwriting(folder / "set/train/cat/20.png", (folder / "set/train/dog/3.png").read_bytes()))


def picture_relabelled(folder: Path) -> Case:
    section = _pictures(folder)
    here, there = folder / "set/train/cat/9.png", folder / "set/train/dog/99.png"
    return Case(section, lambda: here.rename(there), lambda: there.rename(here))


def class_added(folder: Path) -> Case:
    section = _pictures(folder)
    there, aside = folder / "set/train/ant", folder / "ant"
    _picture(aside / "1.png")
    return Case(section, lambda: aside.rename(there), lambda: there.rename(aside))


def split_moved(folder: Path) -> Case:
    """With the other content, other samples are drawn for the validation part."""
    section = _pictures(folder)
    shutil.rmtree(str(folder / "set/validation"))
    section["args"]["split"] = {"validation": 0.3}
    held_out = sorted(dataset_digest.listing(section, folder, "validation"))[0]
    return Case(section, *_overwriting(folder / "set/train" / held_out, (folder / "set/test/dog/0.png").read_bytes()))


def mask_edited(folder: Path) -> Case:
    for part, count in (("train", 20), ("validation", 2), ("test", 2)):
        for index in range(count):
            _picture(folder / "set" / part / "images" / "{}.png".format(index))
            _picture(folder / "set" / part / "masks" / "{}.png".format(index), "L")
    return Case({"dataset": "image_folder", "args": {"path": "set", "size": [8, 8], "masks": ["no", "yes"]}},
                *_overwriting(folder / "set/train/masks/9.png", (folder / "set/train/masks/3.png").read_bytes()))


def table_relabelled(folder: Path) -> Case:
    lines = ["photo,kind,part"]
    for part, count in (("train", 30), ("validation", 4), ("test", 4)):
        for index in range(count):
            _picture(folder / "set" / "{}{}.png".format(part, index))
            lines.append("set/{0}{1}.png,{2},{0}".format(part, index, "ab"[index % 2]))
    table = folder / "t.csv"
    table.write_text("\n".join(lines) + "\n")
    return Case({"dataset": "table", "args": {"path": "t.csv", "file": "photo", "label": "kind", "part": "part",
                                              "size": [8, 8]}},
                *_overwriting(table, table.read_bytes().replace(b"train7.png,b", b"train7.png,a")))


def _archive(folder: Path, **other) -> Path:
    arrays = {"{}_{}".format(name, part): array for part in ("train", "validation", "test") for name, array in (
        ("x", (np.arange(40 * 64).reshape(40, 8, 8, 1) % 251).astype(np.uint8)),
        ("y", np.array(["a", "b"])[np.arange(40) % 2]))}
    path = folder / "{}.npz".format(len(other))
    np.savez(str(path), **{**arrays, **other})
    return path


def array_edited(folder: Path) -> Case:
    path = _archive(folder)
    other = _archive(folder, x_train=np.full((40, 8, 8, 1), 7, np.uint8)).read_bytes()
    return Case({"dataset": "npz", "args": {"path": path.name}}, *_overwriting(path, other))


def class_renamed_in_an_array(folder: Path) -> Case:
    path = _archive(folder)
    other = _archive(folder, y_train=np.array(["c", "d"])[np.arange(40) % 2]).read_bytes()
    return Case({"dataset": "npz", "args": {"path": path.name}}, *_overwriting(path, other))


def array_file_edited(folder: Path) -> Case:
    (folder / "set").mkdir()
    for part in ("train", "validation", "test"):
        np.save(str(folder / "set" / "x_{}.npy".format(part)), RNG.randint(0, 256, (40, 8, 8, 1)).astype(np.uint8))
        np.save(str(folder / "set" / "y_{}.npy".format(part)), np.arange(40) % 2)
    path = folder / "set" / "y_train.npy"
    content = path.read_bytes()
    return Case({"dataset": "npz", "args": {"path": "set"}}, *_overwriting(path, content[:-8] + content[-16:-8]))


def _gauges(path: Path, seed: int) -> Path:
    numbers = np.random.RandomState(seed).rand(60, 3).astype(np.float32)
    return Path(write(path, [example(x=row, kind=index % 2) for index, row in enumerate(numbers)]))


def records_edited(folder: Path) -> Case:
    for part in ("train", "validation", "test"):
        _gauges(folder / "set" / (part + ".tfrecord"), len(part))
    other = _gauges(folder / "other.tfrecord", 99).read_bytes()
    return Case({"dataset": "tfrecord", "args": {"path": "set", "numbers": "x", "label": "kind"}},
                *_overwriting(folder / "set" / "train.tfrecord", other))


def records_edited_that_are_split(folder: Path) -> Case:
    path, other = _gauges(folder / "all.tfrecord", 1), _gauges(folder / "other.tfrecord", 99).read_bytes()
    return Case({"dataset": "tfrecord", "args": {"path": path.name, "numbers": "x", "label": "kind", "split": {
        "validation": 0.2, "test": 0.2}}}, *_overwriting(path, other))


def users_mapped_file(folder: Path) -> Case:
    """A dataset whose arrays are read from the file when they are written."""
    case = users_file(folder)
    source = (folder / "own.py").read_text().replace("    with open(os.path.join(path, part), \"rb\") as file:\n"
                                                     "        return np.frombuffer(file.read(), np.uint8)", (
        "    return np.memmap(os.path.join(path, part), np.uint8, \"r\")"))
    assert "memmap" in source
    (folder / "own.py").write_text(source)
    return case


def users_file(folder: Path) -> Case:
    (folder / "own.py").write_text(OWN)
    (folder / "set").mkdir()
    for part in ("train", "validation", "test"):
        (folder / "set" / part).write_bytes(RNG.bytes(64 * 4 * 4))
    return Case({"dataset": "./own.py", "args": {"path": "set"}},
                *_overwriting(folder / "set" / "train", RNG.bytes(64 * 4 * 4)))


CASES = [picture_edited, picture_relabelled, class_added, split_moved, mask_edited, table_relabelled, array_edited,
         class_renamed_in_an_array, array_file_edited, users_file, users_mapped_file, records_edited,
         records_edited_that_are_split]


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """A cache of digests that trusts every file at once."""
    monkeypatch.setenv("OCTET_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(digest, "RACY_NS", 0)


def _job(section: Dict[str, object], folder: Path, part: str) -> Job:
    out = folder / "out"
    shutil.rmtree(str(out), ignore_errors=True)
    out.mkdir()
    expected = dataset_digest.digest(section, folder, part)
    return Job("stages.prepare_data", {"data": section}, {}, str(out), str(folder), (part,), data={part: expected})


def _made(job: Job) -> Dict[str, bytes]:
    prepare_data.run(job, lambda fraction, message: None)
    return {str(path.relative_to(job.out)): path.read_bytes() for path in job.out.rglob("*") if path.is_file()}


@pytest.mark.parametrize("make", CASES)
def test_an_edit_that_is_put_back_gives_no_wrong_artifact_at_any_moment(make, tmp_path):
    case = make(tmp_path)
    part = "validation" if make is split_moved else "train"
    started = time.monotonic()
    right = _made(_job(case.section, tmp_path, part))
    whole_s = time.monotonic() - started
    moments, refused = random.Random(1), 0
    for _ in range(MOMENTS):
        job = _job(case.section, tmp_path, part)
        before_s, stays_s = moments.uniform(-0.2, 1) * whole_s, moments.uniform(0, 1) * whole_s

        def disturb(before_s=before_s, stays_s=stays_s):
            time.sleep(max(0, before_s))
            case.edit()
            time.sleep(stays_s)
            case.back()
        other = threading.Thread(target=disturb)
        other.start()
        if before_s < 0:
            time.sleep(0.001)
        try:
            assert _made(job) == right
        except DatasetError:
            refused += 1
        finally:
            other.join()
    assert refused  # else nothing was disturbed
    assert _made(_job(case.section, tmp_path, part)) == right


@pytest.mark.parametrize("make", CASES)
def test_an_edit_before_the_reading_that_is_put_back_after_it_is_seen(make, tmp_path):
    case = make(tmp_path)
    part = "validation" if make is split_moved else "train"
    job = _job(case.section, tmp_path, part)
    case.edit()
    with pytest.raises(DataChanged) as caught:
        _made(job)
    case.back()
    assert caught.value.exit_code == 4
    assert _made(_job(case.section, tmp_path, part))


def test_a_cached_digest_that_is_not_what_was_read_is_dropped(tmp_path):
    case = picture_edited(tmp_path)
    picture = tmp_path / "set/train/cat/20.png"
    digest.cached(str(picture), "file", lambda path: "0" * 64)  # what a write through a memory map leaves behind
    job = _job(case.section, tmp_path, "train")
    with pytest.raises(DataChanged) as caught:
        _made(job)
    assert caught.value.where == str(picture)
    assert digest.cached(str(picture), "file", digest.of_file) == digest.of_file(str(picture))
    assert _made(_job(case.section, tmp_path, "train"))


def test_the_cached_digests_of_a_folder_of_arrays_are_dropped_together(tmp_path):
    case = array_file_edited(tmp_path)
    path = str(tmp_path / "set/y_train.npy")
    digest.cached(path, "file", lambda _: "0" * 64)
    with pytest.raises(DataChanged):
        _made(_job(case.section, tmp_path, "train")._replace(data={"train": "another content"}))
    assert digest.cached(path, "file", digest.of_file) == digest.of_file(path)


def test_a_dataset_made_of_one_of_ours_may_have_a_digest_of_its_own(tmp_path):
    section = _pictures(tmp_path)
    (tmp_path / "mine.py").write_text("from octet.datasets import image_folder\ndef load(**args):\n"
                                      "    return image_folder.load(**args)\ndef digest(part, **args):\n"
                                      "    return 'my own of ' + part\n")
    _made(_job({**section, "dataset": "./mine.py"}, tmp_path, "train"))
    (tmp_path / "out").rename(tmp_path / "own")
    _made(_job(section, tmp_path, "train"))
    own, ours = (prepared.read({"train": tmp_path / name}).parts["train"] for name in ("own", "out"))
    assert isinstance(own.inputs["image"], np.ndarray)  # which a user's code may compute with
    assert np.array_equal(own.inputs["image"], ours.inputs["image"])
    assert np.array_equal(own.targets["label"], ours.targets["label"])
