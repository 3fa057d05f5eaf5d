"""Each part can be read alone, with the same result as together with the others. A quick look reads few samples."""

import json
import os

import numpy as np
import pytest
from PIL import Image

from octet.data import content_digests, prepared, reading
from octet.data.dataset import PARTS, spread
from octet.datasets import digits, image_folder, mnist, npz, table
from octet.errors import StoreError
from tests.octet.datasets.samples import pictures, refusal, save, save_folder

RNG = np.random.RandomState(3)


def of_every_part(**makers):
    return {"{}_{}".format(name, part): make(count) for name, make in makers.items()
            for part, count in (("train", 40), ("validation", 12), ("test", 14))}


def masks(tmp_path):
    for part, count in (("train", 5), ("validation", 3), ("test", 3)):
        for kind in ("images", "masks"):
            os.makedirs(str(tmp_path / "road" / part / kind))
        for index in range(count):
            Image.fromarray(RNG.randint(0, 256, (9, 7, 3)).astype(np.uint8)).save(
                str(tmp_path / "road" / part / "images" / "{}.png".format(index)))
            Image.fromarray(RNG.randint(0, 2, (9, 7)).astype(np.uint8)).save(
                str(tmp_path / "road" / part / "masks" / "{}.png".format(index)))
    return str(tmp_path / "road")


def csv(tmp_path, **columns):
    names = list(columns)
    lines = [",".join(names)] + [",".join(map(str, row)) for row in zip(*columns.values())]
    (tmp_path / "t.csv").write_text("\n".join(lines) + "\n")
    return str(tmp_path / "t.csv")


def photographs(tmp_path):
    path = pictures(tmp_path)
    files = ["train/{}/{}.png".format(name, index) for name in ("cat", "dog") for index in range(10)]
    return csv(tmp_path, photo=files, breed=[file.split("/")[1] for file in files]), path


CASES = {
    "digits": lambda tmp_path: (digits, {"targets": ["label", "reconstruction"]}),
    "mnist": lambda tmp_path: (mnist, {"validation": 100}),
    "pictures, split": lambda tmp_path: (image_folder, {"path": pictures(tmp_path), "size": [6, 6]}),
    "masks": lambda tmp_path: (image_folder, {"path": masks(tmp_path), "size": [6, 6], "masks": ["no", "yes"]}),
    "table of features": lambda tmp_path: (table, {
        "path": csv(tmp_path, a=RNG.rand(60), b=RNG.rand(60) * 9, kind=["x", "y", "z"] * 20),
        "features": ["a", "b"], "label": "kind"}),
    "table of values": lambda tmp_path: (table, {
        "path": csv(tmp_path, a=RNG.rand(60), b=RNG.rand(60) * 9), "features": ["a"], "value": ["b"]}),
    "table of pictures": lambda tmp_path: (table, {
        "path": photographs(tmp_path)[0], "folder": "set", "file": "photo", "label": "breed", "size": [5, 5]}),
    "arrays": lambda tmp_path: (npz, {"path": save(tmp_path, of_every_part(
        x=lambda count: RNG.rand(count, 3), y=lambda count: np.array(["b", "a"])[np.arange(count) % 2]))}),
    "arrays in a folder": lambda tmp_path: (npz, {"path": save_folder(tmp_path, of_every_part(
        x=lambda count: RNG.rand(count, 3), y=lambda count: np.arange(count) % 2))}),
    "percentile, split": lambda tmp_path: (npz, {
        "percentile": 90, "split": {"validation": 0.2, "test": 0.2},
        "path": save(tmp_path, {"x": RNG.randn(50, 3), "y": np.arange(50) % 3})}),
    "split by group": lambda tmp_path: (npz, {
        "split": {"validation": 0.2, "test": 0.2, "by": "group", "group": "who"},
        "path": save(tmp_path, {"x": RNG.rand(60, 3), "y": np.arange(60) % 2, "who": np.arange(60) // 5})}),
    "table split by time": lambda tmp_path: (table, {
        "path": csv(tmp_path, a=RNG.rand(60), day=np.arange(60) // 4, kind=["x", "y"] * 30),
        "features": ["a"], "label": "kind", "split": {"validation": 0.2, "test": 0.2, "by": "time", "time": "day"}}),
    "columns, percentile": lambda tmp_path: (npz, {
        "path": save(tmp_path, of_every_part(x=lambda count: RNG.randn(count, 3), y=lambda count: RNG.rand(count, 2))),
        "inputs": {"x": {"array": "x", "percentile": 95}},
        "targets": {"y": {"array": "y", "kind": "value", "scale": "columns"}, "copy": {"input": "x"}}}),
    "maps": lambda tmp_path: (npz, {
        "path": save(tmp_path, of_every_part(x=lambda count: RNG.randint(0, 255, (count, 4, 4, 1)).astype(np.uint8),
                                             m=lambda count: RNG.randint(0, 3, (count, 4, 4)))),
        "inputs": {"x": {"array": "x"}}, "targets": {"m": {"array": "m", "kind": "class_map"}}}),
}


def learnt_arguments(module, folder):
    return {"learnt": prepared.learnt(folder)} if module is npz else {}


def read_digest(dataset, part):
    """The digest of what was read, which PrepareData compares with its key."""
    return dataset.read[part].digest if part in dataset.read else content_digests.of_part(dataset, part)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_part_by_itself_is_what_it_is_among_all(tmp_path, case):
    module, args = CASES[case](tmp_path)
    whole = module.load(**args)
    assert tuple(whole.parts) == PARTS
    for part in PARTS:
        folder, named = tmp_path / part, learnt_arguments(module, tmp_path / "train") if part != "train" else {}
        folder.mkdir()
        with reading.into(str(folder), lambda fraction, message: None):
            alone = module.load(**args, **named, parts=(part,))
            assert tuple(alone.parts) == (part,)
            assert read_digest(alone, part) == module.digest(part, **args)
            prepared.write(folder, alone, part)
        published = prepared.read({part: folder})
        assert published.inputs == whole.inputs and published.targets.keys() == whole.targets.keys()
        assert prepared.alike(folder, tmp_path / "train")
        for side in ("inputs", "targets"):
            for name, array in getattr(whole.parts[part], side).items():
                found = getattr(published.parts[part], side)[name]
                assert found.dtype == array.dtype and np.array_equal(found, array)
                index = list(getattr(whole, side)).index(name)
                np.save(str(tmp_path / "as_saved.npy"), array)
                assert (tmp_path / "as_saved.npy").read_bytes() == (
                    folder / "{}_{}.npy".format(side[:-1], index)).read_bytes()
        assert sorted(os.listdir(str(folder))) == sorted(
            ["spec.json", "names.json"] + ["input_{}.npy".format(index) for index in range(len(whole.inputs))]
            + ["target_{}.npy".format(index) for index in range(len(whole.targets))])


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_quick_look_reads_few_samples_of_every_class(tmp_path, case):
    module, args = CASES[case](tmp_path)
    whole, quick = module.load(**args), module.load(**args, samples=6)
    assert quick.samples == 6 and whole.samples is None
    assert quick.inputs == whole.inputs and json.dumps(repr(quick.targets)) == json.dumps(repr(whole.targets))
    for part in PARTS:
        assert len(quick.parts[part]) == min(6, len(whole.parts[part]))
        for name, target in whole.targets.items():
            answers = whole.parts[part].targets[name]
            if target.kind == "class":
                assert len(set(quick.parts[part].targets[name])) == min(6, len(set(answers)))
                assert np.array_equal(quick.known_answers(name)[part], answers)


def test_samples_are_spread_over_classes_and_over_the_rows_of_each():
    assert spread([0] * 90 + [1] * 9 + [2], 7) == [0, 30, 60, 90, 93, 96, 99]
    assert spread([0] * 5, 9) == [0, 1, 2, 3, 4]
    assert spread(list(range(100)), 3) == [0, 1, 2] and spread([], 3) == []


def test_a_damaged_picture_of_another_part_is_not_read(tmp_path):
    path = pictures(tmp_path)
    (tmp_path / "set" / "train" / "dog" / "5.png").write_bytes(b"no picture")
    args = {"path": path, "size": [4, 4]}
    assert len(image_folder.load(**args, parts=("test",)).parts["test"]) == 6
    assert len(image_folder.load(**args, samples=2).parts["train"]) == 2
    said = refusal(lambda: [image_folder.load(**args, parts=(part,)) for part in ("train", "validation")])
    assert os.path.join("train", "dog", "5.png") in said


@pytest.mark.parametrize("skip", [False, True])
def test_the_result_is_the_same_on_any_number_of_cores(tmp_path, monkeypatch, skip):
    args = {"path": pictures(tmp_path), "size": [5, 5], "skip_unreadable": skip, "parts": ("train",)}
    if skip:
        for name in ("cat/0.png", "dog/3.png", "dog/7.png"):
            (tmp_path / "set" / "train" / name).write_bytes(b"no picture")
    found = []
    for cores in (1, 2, 9):
        monkeypatch.setattr(os, "sched_getaffinity", lambda pid, cores=cores: set(range(cores)))
        folder = tmp_path / str(cores)
        folder.mkdir()
        with reading.into(str(folder), lambda fraction, message: None):
            dataset = image_folder.load(**args)
            assert read_digest(dataset, "train") == image_folder.digest("train", *list(args.values())[:2],
                                                                        skip_unreadable=skip)
            prepared.write(folder, dataset, "train")
        found.append(([(folder / name).read_bytes() for name in sorted(os.listdir(str(folder)))], dataset.notes))
        assert len(found[0][0]) == 4  # spec.json, names.json, inputs, targets
    assert found[0] == found[1] == found[2]


def test_pictures_that_fill_the_disk_are_refused_undecoded(tmp_path, monkeypatch):
    path, full = pictures(tmp_path), os.statvfs(str(tmp_path))
    monkeypatch.setattr(os, "statvfs", lambda folder: os.statvfs_result(
        [1000 if place in (2, 3, 4) else value for place, value in enumerate(full[:10])]))
    with reading.into(str(tmp_path), lambda fraction, message: None):
        with pytest.raises(StoreError) as caught:
            image_folder.load(path, [900, 900])
    said = str(caught.value)
    assert "pictures of 900x900x3 need" in said and "of disk" in said
    assert not list(tmp_path.glob("*.npy")) and not list(tmp_path.glob(".reading*"))


def test_it_says_how_far_it_is(tmp_path, monkeypatch):
    path, said = pictures(tmp_path), []
    monkeypatch.setattr(reading, "REPORT_S", 0)
    with reading.into(str(tmp_path), lambda fraction, message: said.append((fraction, message))):
        image_folder.load(path, [4, 4], parts=("train",))
    assert len(said) == 18 and said[-1][1] == "decoding the train pictures: 18 of 18"
    assert all("of 18, " in message and message.endswith(" s left") for _, message in said[:-1])
    assert [fraction for fraction, _ in said] == sorted(fraction for fraction, _ in said)


@pytest.mark.parametrize("save_arrays", [np.savez, np.savez_compressed])
def test_arrays_are_unpacked_into_the_file_that_is_published(tmp_path, save_arrays):
    path, published = str(tmp_path / "data.npz"), tmp_path / "published"
    published.mkdir()
    arrays = of_every_part(x=lambda count: RNG.randint(0, 256, (count, 99, 99, 3)).astype(np.uint8),
                           y=lambda count: np.arange(count) % 3)
    save_arrays(path, **arrays)
    with reading.into(str(published), lambda fraction, message: None):
        dataset = npz.load(path, parts=("train",))
        assert reading.file_of(dataset.parts["train"].inputs["image"])
        prepared.write(published, dataset, "train")
    assert np.array_equal(np.load(str(published / "input_0.npy")), arrays["x_train"])


def test_a_damaged_byte_of_an_array_is_found_as_it_is_unpacked(tmp_path):
    path = save(tmp_path, of_every_part(x=lambda count: RNG.rand(count, 50), y=lambda count: np.arange(count) % 3))
    with open(path, "r+b") as file:
        file.seek(2000)
        byte = file.read(1)
        file.seek(2000)
        file.write(bytes([byte[0] ^ 1]))
    (tmp_path / "out").mkdir()
    with reading.into(str(tmp_path / "out"), lambda fraction, message: None):
        assert "not a readable .npz file" in refusal(npz.load, path)
    assert not list((tmp_path / "out").iterdir())
