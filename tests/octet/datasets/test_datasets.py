import subprocess
import sys
import time

import numpy as np
import pytest

from octet.data.check import check
from octet.data.dataset import PARTS, Dataset, Input, Part, Target
from tests.octet.datasets.samples import arrays, pictures, refusal, save


def made(kind="value", answers=None, shape=(2,), **parts):
    def part(count):
        return Part({"image": np.zeros((count, 2), np.uint8)},
                    {"y": np.zeros((count,) + shape, np.float32) if answers is None else answers(count)})
    return Dataset({"image": Input((2,), 0.0, 1.0)}, {"y": Target(kind, shape=shape)},
                   dict({name: part(3) for name in PARTS}, **parts))


@pytest.mark.parametrize("data, words", [
    (made(kind="number"), "the target 'y' is of kind 'number'"),
    (made(kind="class", shape=(), answers=lambda count: np.zeros(count, np.int32)), "train.y[0] is 0, outside 0..-1"),
    (made(answers=lambda count: np.full((count, 2), np.inf, np.float32)), "train.y[0, 0] is inf"),
    (made(answers=lambda count: np.zeros((count, 2))), "train.y is float64 of shape [3, 2], not float32"),
    (made(test=Part({"image": np.zeros((3, 2), np.uint8)}, {})), "the test part has the targets "),
    (Dataset({"image": Input((2,), 0.0, 1.0)}, {}, {}), "there is no target"),
])
def test_a_users_dataset_is_checked_against_its_declaration(data, words):
    assert words in refusal(check, data, "mine")


def test_datasets_import_no_tensorflow():
    code = ("import sys; from octet.datasets import mnist, digits, npz, image_folder, table, tfrecord;"
            "sys.exit('tensorflow' in sys.modules)")
    subprocess.check_call([sys.executable, "-c", code])


@pytest.mark.parametrize("name", ["mnist", "digits", "npz", "image_folder", "tfrecord"])
def test_unchanged_data_is_digested_without_numpy(tmp_path, name):
    (tmp_path / "a.tfrecord").write_bytes(b"records")
    args = {"npz": {"path": save(tmp_path, arrays())}, "image_folder": {"path": pictures(tmp_path), "size": [4, 4]},
            "tfrecord": {"path": str(tmp_path / "a.tfrecord"), "numbers": "x", "label": "y",
                         "split": {"validation": 0.1, "test": 0.1}}}
    code = ("import sys; from octet.datasets import {name} as data\n"
            "print([data.digest(part, **{args!r}) for part in ('train', 'validation', 'test')])\n"
            "sys.exit(bool({{'numpy', 'PIL'}} & set(sys.modules)))").format(name=name, args=args.get(name, {}))
    time.sleep(2.1)  # a file written less than two seconds ago is read again
    first, again = (subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE) for _ in range(2))
    assert again.returncode == 0 and again.stdout == first.stdout and len(first.stdout) > 3 * 64
