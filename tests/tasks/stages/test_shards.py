"""Decoded pictures are in shards that later artifacts reuse: real pictures, real files, and the real stage."""

import os
import random
import shutil
import threading
import time

import numpy as np
import pytest
from PIL import Image

from octet import digest
from octet.data import dataset_digest, pictures, prepared, shard_index, shards
from octet.datasets import image_folder
from octet.errors import DatasetError, StoreError
from octet.job import Job
from tasks.stages import prepare_data

COUNT = 40  # pictures of each class
SECTION = {"dataset": "image_folder", "args": {"path": "set", "size": [8, 8]}}
RNG = np.random.RandomState(3)


@pytest.fixture(autouse=True)
def small(tmp_path, monkeypatch):
    """Makes shards small and the cache of digests trust every file at once."""
    monkeypatch.setenv("OCTET_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(digest, "RACY_NS", 0)
    monkeypatch.setattr(shards, "MOST_BYTES", 16 * 8 * 8 * 3)
    for part, count in (("train", COUNT), ("validation", 2), ("test", 2)):
        for name in ("cat", "dog"):
            for index in range(count):
                _picture(tmp_path / "set" / part / name / "{}.png".format(index))


def _picture(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(RNG.randint(0, 256, (12, 12, 3)).astype(np.uint8)).save(str(path))


def _made(folder, name, *earlier, part="train", section=SECTION, decoder="a"):
    """Runs the stage. Returns (its metrics, its folder) after comparing the arrays with those read without shards."""
    out = folder / name
    out.mkdir()
    job = Job("stages.prepare_data", {"data": section}, {}, str(out), str(folder), (part,), decoder=decoder,
              earlier=[str(folder / one) for one in earlier], data={part: dataset_digest.digest(section, folder, part)})
    metrics = prepare_data.run(job, lambda fraction, message: None)
    found = prepared.read({part: out}).parts[part]
    args = {**section["args"], "path": str(folder / section["args"]["path"])}
    plain = image_folder.load(**args, parts=(part,)).parts[part]
    for kind in ("inputs", "targets"):
        for array, values in getattr(plain, kind).items():
            assert isinstance(values, np.ndarray) and np.array_equal(values, getattr(found, kind)[array])
    assert not [one for one in os.listdir(str(out)) if one.startswith(".")]
    return metrics, out


def _shards(out):
    return {path.name: path.stat().st_ino for path in (out / "shards").glob("*.npy") if len(path.stem) == 64}


def _bytes(out):
    return {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*") if path.is_file()}


def _counts(metrics):
    return metrics["decoded"], metrics["reused"], metrics["shards_written"], metrics["shards_reused"]


def test_one_more_picture_costs_one_decoding_and_one_shard(tmp_path, monkeypatch):
    metrics, first = _made(tmp_path, "first")
    count = len(_shards(first))
    assert _counts(metrics) == (2 * COUNT, 0, count, 0) and count > 4
    _picture(tmp_path / "set" / "train" / "cat" / "more.png")
    decoded = []
    real = pictures.decode
    monkeypatch.setattr(pictures, "decode", lambda content, form: decoded.append(content) or real(content, form))
    job_metrics, second = _made_without_check(tmp_path, "second", "first")
    assert len(decoded) == 1 and decoded[0] == (tmp_path / "set/train/cat/more.png").read_bytes()
    assert job_metrics["decoded"] == 1 and job_metrics["reused"] == 2 * COUNT
    assert job_metrics["shards_written"] in (1, 2)  # 2 where the shard is split
    assert len(set(_shards(second).values()) - set(_shards(first).values())) == job_metrics["shards_written"]
    _, afresh = _made(tmp_path, "afresh")
    assert _bytes(second) == _bytes(afresh)


def _made_without_check(folder, name, *earlier):
    out = folder / name
    out.mkdir()
    job = Job("stages.prepare_data", {"data": SECTION}, {}, str(out), str(folder), ("train",), decoder="a",
              earlier=[str(folder / one) for one in earlier],
              data={"train": dataset_digest.digest(SECTION, folder, "train")})
    return prepare_data.run(job, lambda fraction, message: None), out


def test_renamed_files_and_classes_cost_nothing(tmp_path):
    _, first = _made(tmp_path, "first")
    (tmp_path / "set/train/cat/3.png").rename(tmp_path / "set/train/cat/zebra.png")
    for part in ("train", "validation", "test"):
        (tmp_path / "set" / part / "cat").rename(tmp_path / "set" / part / "lynx")
    metrics, second = _made(tmp_path, "second", "first")
    assert _counts(metrics) == (0, 2 * COUNT, 0, len(_shards(first)))
    assert _shards(second) == _shards(first)


def test_a_removed_picture_rewrites_its_shard_and_decodes_nothing(tmp_path):
    _, first = _made(tmp_path, "first")
    (tmp_path / "set/train/dog/7.png").unlink()
    metrics, second = _made(tmp_path, "second", "first")
    assert metrics["decoded"] == 0 and metrics["shards_written"] == 1
    assert _bytes(second) == _bytes(_made(tmp_path, "afresh")[1])


def test_pictures_that_move_to_another_part_are_not_decoded_again(tmp_path):
    shutil.rmtree(str(tmp_path / "set/validation"))
    split = {**SECTION, "args": {**SECTION["args"], "split": {"validation": 0.2}}}
    _made(tmp_path, "train", section=split)
    metrics, _ = _made(tmp_path, "validation", "train", part="validation", section=split)
    assert metrics["reused"] == 0
    other = {**SECTION, "args": {**SECTION["args"], "split": {"validation": 0.4}}}
    metrics, _ = _made(tmp_path, "more", "validation", "train", part="validation", section=other)
    assert metrics["decoded"] == 0


@pytest.mark.parametrize("section, decoder", [
    ({**SECTION, "args": {**SECTION["args"], "resize": {"method": "area"}}}, "a"),
    ({**SECTION, "args": {**SECTION["args"], "channels": 1}}, "a"), (SECTION, "another source")])
def test_other_settings_or_another_source_reuse_nothing(tmp_path, section, decoder):
    _made(tmp_path, "first")
    metrics, _ = _made(tmp_path, "second", "first", section=section, decoder=decoder)
    assert metrics["decoded"] == 2 * COUNT and metrics["reused"] == 0


def test_pictures_of_equal_bytes_share_a_row(tmp_path):
    shutil.copy(str(tmp_path / "set/train/cat/1.png"), str(tmp_path / "set/train/dog/again.png"))
    metrics, out = _made(tmp_path, "first")
    assert metrics["samples"] == 2 * COUNT + 1 and metrics["decoded"] == 2 * COUNT
    assert sum(len(np.load(str(out / "shards" / name))) for name in _shards(out)) == 2 * COUNT


def test_the_same_pixels_in_another_file_are_the_same_array_to_later_stages(tmp_path):
    _, first = _made(tmp_path, "first")
    path = tmp_path / "set/train/cat/5.png"
    Image.open(str(path)).save(str(path), compress_level=0)
    metrics, second = _made(tmp_path, "second", "first")
    assert metrics["decoded"] == 1
    assert (second / "input_0.json").read_bytes() == (first / "input_0.json").read_bytes()
    _picture(path)
    _, third = _made(tmp_path, "third", "second")
    assert (third / "input_0.json").read_bytes() != (first / "input_0.json").read_bytes()


def test_notes_about_pictures_are_repeated_if_they_are_not_decoded(tmp_path):
    Image.new("RGBA", (12, 12), (1, 2, 3, 4)).save(str(tmp_path / "set/train/cat/0.png"))
    Image.new("RGBA", (12, 12), (5, 6, 7, 8)).save(str(tmp_path / "set/train/dog/0.png"))
    before, _ = _made(tmp_path, "first")
    _picture(tmp_path / "set/train/cat/more.png")
    after, _ = _made(tmp_path, "second", "first")
    said, = [note for note in before["notes"] if "transparency" in note]
    assert said.replace("of 80", "of 81") in after["notes"]


def test_masks_are_in_shards_too(tmp_path):
    section = {"dataset": "image_folder", "args": {"path": "seg", "size": [8, 8], "masks": ["no", "yes"]}}
    folder = tmp_path / "seg"
    for part, count in (("train", 30), ("validation", 2), ("test", 2)):
        for index in range(count):
            _picture(folder / part / "images" / "{}.png".format(index))
            _mask(folder / part / "masks" / "{}.png".format(index))
    metrics, first = _made(tmp_path, "first", section=section)
    assert metrics["decoded"] == 60 and (first / "target_0.json").exists()
    _mask(folder / "train/masks/3.png")
    metrics, second = _made(tmp_path, "second", "first", section=section)
    assert metrics["decoded"] == 1 and metrics["reused"] == 59
    _picture(folder / "train/images/3.png")  # its mask is compared with its size again
    metrics, third = _made(tmp_path, "third", "second", section=section)
    assert metrics["decoded"] == 2 and metrics["reused"] == 58
    for folder in ("images", "masks"):
        (tmp_path / "seg/train" / folder / "3.png").rename(tmp_path / "seg/train" / folder / "z.png")
    metrics, fourth = _made(tmp_path, "fourth", "third", section=section)
    assert metrics["decoded"] == 0 and _shards(fourth) == _shards(third)
    other = {**section, "args": {**section["args"], "masks": ["no", "maybe", "yes"], "ignore": 255}}
    with pytest.raises(DatasetError, match="no training pixel"):
        _made(tmp_path, "fifth", "fourth", section=other)


def _mask(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(RNG.randint(0, 2, (12, 12)).astype(np.uint8)).save(str(path))


def test_pictures_that_are_skipped_are_in_no_shard(tmp_path):
    section = {**SECTION, "args": {**SECTION["args"], "skip_unreadable": True}}
    for name in ("cat/3.png", "dog/3.png", "dog/4.png"):
        (tmp_path / "set/train" / name).write_bytes(b"no picture")
    metrics, first = _made(tmp_path, "first", section=section)
    assert metrics["samples"] == 2 * COUNT - 3
    again, second = _made(tmp_path, "second", "first", section=section)
    assert again["notes"] == metrics["notes"] and again["decoded"] == 0 and _bytes(second) == _bytes(first)
    with pytest.raises(DatasetError, match="not a readable picture"):
        _made(tmp_path, "third", "second")


def _flip(path):
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(bytes(content))


def _link(path):
    path.rename(path.parent / "aside")
    path.symlink_to("aside")


def _cut(path):
    path.write_bytes(path.read_bytes()[:-50])


def _fifo(path):
    path.unlink()
    os.mkfifo(str(path))


@pytest.mark.parametrize("spoil", [_flip, _link, _cut, _fifo, os.unlink])
@pytest.mark.parametrize("kind", ["shard", "samples"])
def test_a_shard_that_differs_from_its_digest_is_not_reused(tmp_path, spoil, kind):
    _, first = _made(tmp_path, "first")
    name = sorted(_shards(first))[1]
    rows = len(np.load(str(first / "shards" / name)))
    spoil(first / "shards" / (name if kind == "shard" else "input_0" + shard_index.ENDING))
    metrics, second = _made(tmp_path, "second", "first")
    assert metrics["decoded"] == (rows if kind == "shard" else 2 * COUNT)
    assert _bytes(second) == _bytes(_made(tmp_path, "afresh")[1])


def test_an_artifact_that_is_removed_while_it_is_read_is_ignored(tmp_path):
    _, first = _made(tmp_path, "first")
    (tmp_path / "nothing").mkdir()
    (tmp_path / "linked").symlink_to("first")
    metrics, _ = _made(tmp_path, "second", "nothing", "never", "linked")
    assert metrics["reused"] == 0
    shutil.rmtree(str(first))
    _made(tmp_path, "third", "second")


def test_without_hard_links_shards_are_copied(tmp_path, monkeypatch):
    _, first = _made(tmp_path, "first")

    def none(*args, **options):
        raise PermissionError(1, "Operation not permitted")  # what vfat says
    monkeypatch.setattr(os, "link", none)
    metrics, second = _made(tmp_path, "second", "first")
    assert metrics["decoded"] == 0 and _bytes(second) == _bytes(first)
    assert not set(_shards(second).values()) & set(_shards(first).values())


def test_an_edit_while_shards_are_taken_gives_no_wrong_artifact(tmp_path):
    """The row of a changed file is not stored under the digest of another content."""
    path = tmp_path / "set/train/cat/9.png"
    _, right = _made(tmp_path, "right")
    content, other = path.read_bytes(), (tmp_path / "set/test/dog/0.png").read_bytes()
    path.write_bytes(other)
    _made(tmp_path, "edited")
    path.write_bytes(content)
    moments, earlier, refused = random.Random(2), ["right"], 0
    for index in range(12):
        _picture(tmp_path / "set/train/dog/new{}.png".format(index))
        started, stays = moments.uniform(0, 0.05), moments.uniform(0, 0.05)

        def disturb(started=started, stays=stays):
            time.sleep(started)
            path.write_bytes(other)
            time.sleep(stays)
            path.write_bytes(content)
        thread = threading.Thread(target=disturb)
        thread.start()
        try:
            _made_without_check(tmp_path, "at{}".format(index), *earlier)
            earlier.insert(0, "at{}".format(index))
        except DatasetError:
            refused += 1
        finally:
            thread.join()
        _made(tmp_path, "after{}".format(index), *earlier, "edited")  # compares with the files


def test_a_lack_of_disk_space_is_reported_before_anything_is_decoded(tmp_path, monkeypatch):
    said = []
    out = tmp_path / "out"
    out.mkdir()
    job = Job("stages.prepare_data", {"data": SECTION}, {}, str(out), str(tmp_path), ("train",),
              data={"train": dataset_digest.digest(SECTION, tmp_path, "train")})
    prepare_data.run(job, lambda fraction, message: said.append(message))
    assert said[0] == "80 pictures of 8x8x3: 15.4 kB of disk"
    free = os.statvfs(str(tmp_path))
    full = type("Full", (), {"f_bavail": 1, "f_frsize": 1000})()
    monkeypatch.setattr(os, "statvfs", lambda path: full)
    assert free.f_bavail
    with pytest.raises(StoreError, match="need 15.4 kB of disk; 1.0 kB are free"):
        _made(tmp_path, "second")


def test_rows_are_read_as_those_of_an_array():
    random_ = np.random.RandomState(0)
    plain = random_.randint(0, 256, (50, 3, 4)).astype(np.uint8)
    order = random_.permutation(50)
    place = np.empty(50, np.int64)
    place[order] = np.arange(50)
    rows = np.stack([place // 7, place % 7], 1).astype(np.int32)
    sharded = shards.Sharded([plain[order][start:start + 7] for start in range(0, 50, 7)], rows, (3, 4), np.uint8)
    for key in (0, -1, np.int64(7), slice(None), slice(3, 40, 5), slice(9, 9), [4, 2, 2], np.array([[1, 2], [3, 4]]),
                plain[:, 0, 0] > 100, (3, 1), (slice(2, 9), 1), (slice(None), slice(None), 2), ([1, 5], slice(1, 3)),
                (Ellipsis, 0), (5, Ellipsis, 1)):
        assert np.array_equal(sharded[key], plain[key]) and sharded[key].shape == plain[key].shape, key
    assert np.array_equal(np.asarray(sharded), plain) and np.array_equal(np.stack(list(sharded)), plain)
    assert (sharded.shape, sharded.ndim, sharded.size, sharded.nbytes, len(sharded)) == (
        plain.shape, plain.ndim, plain.size, plain.nbytes, len(plain))
    with pytest.raises(IndexError):
        sharded[50]


def test_a_shard_follows_from_the_content_alone(monkeypatch):
    monkeypatch.setattr(shards, "MOST_BYTES", 100 * 10)
    sources = sorted(digest.of_bytes(str(index).encode()) for index in range(3000))
    before = {tuple(one) for one in shards.layout(sources, 10)}
    assert sorted(source for one in before for source in one) == sources
    assert max(map(len, before)) <= 100 and 30 <= len(before) <= 64
    for new in range(50):
        more = sorted(sources + [digest.of_bytes("new {}".format(new).encode())])
        after = {tuple(one) for one in shards.layout(more, 10)}
        assert len(before - after) == 1 and len(after - before) in (1, 2)
    assert shards.layout(sources[:2], 5000) == [[sources[0]], [sources[1]]] and shards.layout([], 1) == []
