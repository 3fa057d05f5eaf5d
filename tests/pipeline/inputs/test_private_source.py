"""A stage's process runs the source in the snapshot, whatever happens to the files."""

import json
import random
import shutil
import subprocess
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from pipeline.inputs import snapshot
from pipeline.stage_specs import upward
from tests.pipeline.checkout import Checkout, finish
from tests.pipeline.inputs.test_snapshot import DATA, put
from tests.pipeline.scheduling.test_concurrent_runs import child_of
from tests.project import BIN, Project

ALL = list(upward("ValidateInterpreter"))
LATE = """

def build(input_shape, classes, width, sleep_s=0):
    blocks.wait(sleep_s)
    from nets import late
    return blocks.network(input_shape, [width], classes, late.BIAS)
"""


@pytest.fixture
def checkout(tmp_path):
    return Checkout(tmp_path)


def products(checkout):
    """{stage: {file: sha256}} of every artifact, by the source that it was made from."""
    found = {}
    for path in sorted((checkout.store / "artifacts").glob("*/*/manifest.json")):
        record = json.loads(path.read_text())
        found[record["stage"], record["key"]] = {
            output["path"]: output["sha256"] for output in record["outputs"] if output["product"]}
    return found


def test_an_edit_during_a_run_is_the_next_runs(checkout):
    checkout.put("nets/late.py", "BIAS = 0.1\n")
    checkout.put("nets/net.py", "from nets import blocks\n" + LATE)
    checkout.change(checkout.mine / "faces.yaml", "width: 8", "width: 8, sleep_s: 2")
    going_on = checkout.start()
    child_of(going_on)
    late = checkout.mine / "nets/late.py"
    checkout.change(late, "0.1", "0.3")
    checkout.change(checkout.root / "tasks/stages/freeze.py", 'return {"nodes"', 'return {"count": 1, "nodes"')
    assert finish(going_on).code == 0
    first = products(checkout)
    assert checkout.luigi().made == ALL[ALL.index("TrainFloat"):]
    checkout.change(late, "0.3", "0.1")
    checkout.change(checkout.root / "tasks/stages/freeze.py", 'return {"count": 1, "nodes"', 'return {"nodes"')
    assert checkout.luigi().made == []  # the first artifact was made from this
    checkout.use_store(checkout.folder / "another")
    assert checkout.luigi().code == 0 and products(checkout) == first


@pytest.mark.slow
def test_source_edited_and_put_back_at_any_moment_makes_no_wrong_artifact(checkout):
    """Each file is changed and restored at 10 random moments of a run, 200 runs in all. No artifact may differ from
    what an undisturbed run makes under the same key."""
    moments, path = random.Random(1), checkout.mine / "nets/blocks.py"
    right = path.read_text()
    edited = right.replace("bias + (", "bias + 0.5 + (")
    truth = {}
    for text in (right, edited):
        path.write_text(text)
        assert checkout.luigi().code == 0
        truth.update(products(checkout))
    path.write_text(right)
    for _ in range(20):
        checkout.use_store(checkout.folder / "store-{}".format(moments.random()))
        going_on = checkout.start()
        for _ in range(10):
            time.sleep(moments.random() * 0.3)
            for text, seconds in ((edited, moments.random() * 0.02), (right, 0)):
                put(path.with_name("saved"), text).rename(path)  # atomically, as editors do
                time.sleep(seconds)
        run = finish(going_on, 120)
        assert run.code == 0, run.said
        made = products(checkout)
        assert len(made) == len(ALL) and all(truth[key] == made[key] for key in made)


REAL_EDITS = {
    "nets/blocks.py": ("bias + (", "bias + 0.5 + (", ("TrainFloat",)),
    "tasks/graph/io_spec.py": ("json.dumps(network, ", "json.dumps(dict(network, edited=1), ",
                               ("TrainFloat", "TrainQAT", "EvalGraph", "Freeze", "ConvertUint8")),
    "tasks/stages/measure.py": ("indent=1,", "indent=2,", ("Measure",)),
}
"""{file: (its content, another content for a moment, the stages whose products the change affects)}."""


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """A checkout with the real stages, all of which are complete."""
    checkout = Checkout(tmp_path_factory.mktemp("real"), real=True)
    run = checkout.luigi()
    assert run.code == 0, run.said
    return checkout


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("file", REAL_EDITS)
def test_a_stage_of_tensorflow_runs_the_source_of_its_key(real, file):
    """The same with real stages. At least 20 of the edits happen while a stage runs whose products the edit affects."""
    old, new, stages = REAL_EDITS[file]
    path = (real.root if file.startswith("tasks") else real.mine) / file
    right, moments, seen = path.read_text(), random.Random(file), Counter()
    assert right.count(old) == 1
    truth = products(real)
    put(path, right.replace(old, new))
    assert real.luigi().code == 0
    truth.update(products(real))
    changed = [key for key in truth if len({str(truth[other]) for other in truth if other[0] == key[0]}) > 1]
    assert {stage for stage, _ in changed} >= set(stages)
    put(path, right)
    while not all(seen[stage] >= 20 for stage in stages):
        for stage in stages:  # below the test's own temporary folder
            shutil.rmtree(str(real.store / "artifacts" / stage))
        going_on = real.start()
        while going_on.poll() is None:
            time.sleep(moments.random() * 0.1)
            at_work = {folder.parent.name for folder in real.store.glob("artifacts/*/.*.tmp")}
            put(path.with_name("saved"), right.replace(old, new)).rename(path)
            time.sleep(moments.random() * 0.05)
            put(path.with_name("saved"), right).rename(path)
            seen.update(at_work)
        run = finish(going_on, 120)
        assert run.code == 0, run.said
        made = products(real)
        assert set(stages) <= {stage for stage, _ in made} and all(truth[key] == made[key] for key in made)


def test_source_that_is_edited_after_the_snapshot_is_read_again(checkout):
    taken = snapshot.take(checkout.mine / "faces.yaml", checkout.root)
    assert snapshot.with_source(taken).digest == taken.digest
    net = checkout.mine / "nets/net.py"
    checkout.change(net, "0.2 if", "0.4 if")
    held = snapshot.with_source(taken)
    assert held.digest != taken.digest and held.digest == snapshot.take(taken.recipe, checkout.root).digest
    assert held.trees["stages.train_float"].files[str(net)] == net.read_bytes()


def test_a_traceback_names_the_original_place(checkout):
    checkout.change(checkout.root / "tasks/training/loop.py", "def steps():",
                    "def steps():\n    raise ValueError('oh')")
    run = checkout.luigi()
    assert run.code == 1 and "ValueError: oh" in run.said and ".scratch" not in run.said
    log, = (checkout.store / "logs").glob("TrainFloat-*.log")
    assert str(checkout.root / "tasks/training/loop.py") in log.read_text() and ".scratch" not in log.read_text()


@pytest.mark.parametrize("arrange", ["folder", "module", "package", "recipe"])
def test_source_behind_a_symbolic_link_is_found(checkout, arrange):
    mine = checkout.mine
    place = {"folder": mine, "module": mine / "nets/blocks.py", "package": mine / "nets", "recipe": mine / "faces.yaml"}
    real = checkout.folder / "elsewhere" / place[arrange].name
    real.parent.mkdir()
    shutil.move(str(place[arrange]), str(real))
    if arrange == "recipe":
        checkout.change(real, "photos", str(mine / "photos"))
        checkout.change(real, '"nets.net:build"', str(mine / "nets/alone.py"))
        checkout.put("nets/alone.py", "def build(input_shape, classes, width):\n    return [width, classes]\n")
        assert checkout.luigi(stage="TrainFloat", recipe="../elsewhere/faces").code == 0
        return
    place[arrange].symlink_to(real)
    run = checkout.luigi(stage="TrainFloat")
    assert run.code == 0, run.said


def test_a_compiled_module_is_source_and_is_copied(checkout):
    from wrapt import _wrappers  # any compiled module without dependencies
    binary = checkout.mine / "nets" / Path(_wrappers.__file__).name
    shutil.copy(_wrappers.__file__, str(binary))
    checkout.change(checkout.mine / "nets/blocks.py", "import time", "import time\nfrom nets import _wrappers")
    checkout.change(checkout.mine / "nets/blocks.py", "time.sleep(seconds)", "assert 'user' in _wrappers.__file__")
    assert str(binary) in snapshot.with_source(
        snapshot.take(checkout.mine / "faces.yaml", checkout.root)).trees["stages.train_float"].files
    run = checkout.luigi(stage="TrainFloat")
    assert run.code == 0, run.said


def test_a_heavy_dataset_edited_during_a_run_is_digested_by_the_source_that_the_run_has(tmp_path):
    for part in ("train", "validation", "test"):
        put(tmp_path / "photos" / part, part)
    path = put(tmp_path / "faces.py", "import luigi\n" + DATA)
    put(tmp_path / "net.py", "def build(input_shape, classes): pass\n")
    put(tmp_path / "faces.yaml", "data: {dataset: ./faces.py, args: {path: photos}}\nmodel: {build: ./net.py}\n")
    taken = snapshot.with_source(snapshot.take(tmp_path / "faces.yaml"))
    put(path, "import luigi\n" + DATA.replace("read_bytes()", "read_bytes() + b'x'"))
    assert snapshot.data_now(taken, ["test"])["test"] == taken.data["test"]
    assert snapshot.take(tmp_path / "faces.yaml").data["test"] != taken.data["test"]


FACES = '''\
import hashlib
from pathlib import Path

import numpy as np

from octet.data.dataset import Dataset, Input, Part, Target

LABELS = Path(__file__).with_name("labels.txt")


def load(path):
    codes, labels = np.load(path), LABELS.read_text().split()
    part = Part({"image": codes}, {"label": np.arange(len(codes), dtype=np.int32) % len(labels)})
    return Dataset({"image": Input((4, 4, 1), 0.0, 1.0)}, {"label": Target("class", tuple(labels))},
                   dict.fromkeys(("train", "validation", "test"), part))


def digest(part, path):
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()
'''


def test_a_file_beside_a_datasets_source_is_found_named_in_the_manifest_and_warned_of(checkout):
    labels = checkout.put("labels.txt", "cat dog")
    checkout.put("faces.py", FACES)
    np.save(str(checkout.mine / "codes.npy"), np.zeros((6, 4, 4, 1), np.uint8))
    text = (checkout.mine / "faces.yaml").read_text().splitlines()
    checkout.put("faces.yaml", "\n".join(["data: {dataset: ./faces.py, args: {path: codes.npy}}", *text[1:]]) + "\n")
    run = checkout.luigi(stage="PrepareData.train")
    assert run.code == 0, run.said
    assert "PrepareData.train: warning: the dataset's `load` reads {}".format(labels) in run.said, run.said
    manifest = json.loads((checkout.artifact("PrepareData.train") / "manifest.json").read_text())
    assert manifest["metrics"]["read_outside_data_path"] == [str(labels)]


TRACED = '''\
import tensorflow as tf


def curve(x):
    return tf.nn.relu6(x)


@tf.function
def traced(x):
    if tf.constant(1).shape.ndims == 0:
        return tf.nn.relu6(x)
    return x


class Block(tf.keras.layers.Layer):
    def call(self, x):
        return tf.nn.relu6(x)


class Net(tf.keras.Model):
    def __init__(self, classes):
        super().__init__()
        self.first = tf.keras.layers.Conv2D(4, 3)
        self.block = Block()
        self.second = tf.keras.layers.Conv2D(4, 3)
        self.third = tf.keras.layers.Conv2D(4, 3)
        self.flatten = tf.keras.layers.Flatten()
        self.dense = tf.keras.layers.Dense(classes)

    def call(self, x):
        x = self.block(self.first(x))
        x = traced(self.second(x))
        x = curve(self.third(x))
        return tf.nn.relu6(self.dense(self.flatten(x)))


def build(input_shape, classes):
    return Net(classes)


# What an editor does between this import and the trace.
with open(__file__) as now:
    text = now.read()
with open({net!r}, "w") as edited:
    edited.write("# one line more\\n" + text.replace("relu6", "relu"))
'''


def test_code_edited_between_import_and_tracing_is_not_run(tmp_path):
    """A function, a tf.function and the `call` of a layer and a model: AutoGraph reads them from disk while it
    traces."""
    project = Project(tmp_path)
    net = tmp_path / "net.py"
    net.write_text(TRACED.format(net=str(net)))
    project.recipe.write_text("data: {dataset: digits}\nmodel: {build: ./net.py}\n")
    done = subprocess.run([str(BIN / "octet"), "check", str(project.recipe), "--json"], cwd="/", env=project.env,
                          capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    operations = [item["op"] for item in json.loads(done.stdout)["ranges"]]
    assert operations.count("Relu6") == 4 and "Relu" not in operations
    assert "one line more" in net.read_text()
