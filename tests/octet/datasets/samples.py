"""Small arrays and pictures, and the errors of a loader for wrong ones."""


import numpy as np
import pytest
from PIL import Image

from octet.errors import DatasetError


def arrays():
    rng = np.random.RandomState(0)
    return {"x_train": rng.randint(0, 256, (20, 4, 4, 1)).astype(np.uint8), "y_train": np.arange(20) % 2,
            "x_test": rng.randint(0, 256, (6, 4, 4, 1)).astype(np.uint8), "y_test": np.arange(6) % 2}


def floats():
    """Arrays with real x in [0, 1]."""
    found = arrays()
    found.update(x_train=(found["x_train"] / 255).astype(np.float32),
                 x_test=(found["x_test"] / 255).astype(np.float32))
    return found


def save(tmp_path, content):
    path = str(tmp_path / "data.npz")
    np.savez(path, **content)
    return path


def save_folder(tmp_path, content):
    """As `save`, with an .npy file for each array."""
    (tmp_path / "arrays").mkdir(exist_ok=True)
    for name, array in content.items():
        np.save(str(tmp_path / "arrays" / "{}.npy".format(name)), array)
    return str(tmp_path / "arrays")


def pictures(tmp_path):
    rng = np.random.RandomState(0)
    for part, count in (("train", 10), ("test", 3)):
        for name in ("cat", "dog"):
            (tmp_path / "set" / part / name).mkdir(parents=True)
            for index in range(count):
                Image.fromarray(rng.randint(0, 256, (9, 7, 3)).astype(np.uint8)).save(
                    str(tmp_path / "set" / part / name / "{}.png".format(index)))
    return str(tmp_path / "set")


def refusal(load, *args, **named):
    with pytest.raises(DatasetError) as caught:
        load(*args, **named)
    error = caught.value
    assert error.what and error.where and error.why and error.next_step
    return str(error)


def put(name, index, value, make=arrays):
    content = make()
    content[name][index] = value
    return content


def changed(**other):
    content = arrays()
    content.update(other)
    return {name: value for name, value in content.items() if value is not None}
