"""What a model's function may read: real ways to open files, in a process that runs a private copy of the source, like
a stage's process."""

import json
import subprocess
import sys

import pytest

from octet.job import Job
from pipeline.inputs import snapshot
from pipeline.stage_specs import CONVERTIBLE

NET = '''\
import io
import os
import tarfile
from pathlib import Path

import h5py
import numpy as np
import tensorflow as tf

HERE = Path(__file__).parent
OUTSIDE = Path({elsewhere!r})


def build(input_shape, classes):
    raise AssertionError("only read")


def caught():
    try:
        open(OUTSIDE / "labels.txt")
    except BaseException:
        pass


def restored():
    with tf.Graph().as_default(), tf.Session() as session:
        tf.get_variable("a", [1])
        tf.train.Saver().restore(session, str(HERE / "saved"))


def operation(make):
    with tf.Graph().as_default():
        graph_files.check([tf.identity(make())], see)


def table():
    initializer = tf.lookup.TextFileInitializer(
        str(OUTSIDE / "labels.txt"), tf.string, 0, tf.int64, tf.lookup.TextFileIndex.LINE_NUMBER)
    return tf.lookup.StaticHashTable(initializer, -1).lookup(tf.constant(["cat"]))


REFUSED = dict(
    builtin=lambda: open(OUTSIDE / "labels.txt"),
    keyword=lambda: open(file=str(OUTSIDE / "labels.txt"), mode="rb"),
    both_ways=lambda: open(OUTSIDE / "labels.txt", "r+"),
    library=lambda: tarfile.open(OUTSIDE / "labels.txt"),
    io=lambda: io.open(OUTSIDE / "labels.txt"),
    pathlib=lambda: (OUTSIDE / "labels.txt").read_text(),
    descriptor=lambda: os.open(str(OUTSIDE / "labels.txt"), os.O_RDONLY),
    numpy=lambda: np.load(OUTSIDE / "codes.npy"),
    text=lambda: np.loadtxt(OUTSIDE / "labels.txt"),
    raw=lambda: np.fromfile(str(OUTSIDE / "codes.npy")),
    h5py=lambda: h5py.File(str(OUTSIDE / "net.h5"), "r"),
    beside=lambda: open(HERE / "labels.txt"),
    beside_as_text=lambda: open(os.path.join(HERE, "labels.txt")),
    asked_for_beside=lambda: (HERE / "labels.txt").exists(),
    asked_for_beside_by_os=lambda: os.path.exists(os.path.join(HERE, "labels.txt")),
    listed_beside=lambda: open(next(HERE.glob("lab*.txt"))),
    linked=lambda: open(HERE / "link.txt"),
    caught=caught,
    load_model=lambda: tf.keras.models.load_model(str(HERE / "net.h5")),
    load_model_elsewhere=lambda: tf.keras.models.load_model(str(OUTSIDE / "net.h5")),
    gfile=lambda: tf.io.gfile.GFile(str(OUTSIDE / "labels.txt")).read(),
    gfile_beside=lambda: tf.io.gfile.exists(str(HERE / "labels.txt")),
    checkpoint=lambda: tf.train.load_checkpoint(str(HERE / "saved")),
    reader=lambda: tf.train.NewCheckpointReader(str(HERE / "saved")),
    saver=restored,
    read_file=lambda: operation(lambda: tf.io.read_file(str(OUTSIDE / "labels.txt"))),
    computed=lambda: operation(lambda: tf.io.read_file(tf.placeholder(tf.string))),
    table=lambda: operation(table),
    in_function=lambda: operation(lambda: tf.function(lambda: tf.io.read_file(str(OUTSIDE / "labels.txt")))()),
)
ALLOWED = dict(
    named=lambda: open(HERE / "named.txt").read(),
    named_elsewhere=lambda: (OUTSIDE / "named.txt").read_text(),
    folder=lambda: (HERE / "folder" / "inside.txt").read_text(),
    weights=lambda: h5py.File(str(HERE / "weights.h5"), "r"),
    source=lambda: open(__file__).read(),
    python=lambda: open(os.__file__).read(),
    installed=lambda: open(np.__file__).read(),
    processors=lambda: open("/proc/cpuinfo").read(),
    random=lambda: open("/dev/urandom", "rb").read(1),
    scratch=lambda: (open(os.environ["TMPDIR"] + "/x", "w").close(), open(os.environ["TMPDIR"] + "/x").read()),
    written=lambda: open(OUTSIDE / "written.txt", "w").close(),
    nothing=lambda: os.path.exists(HERE / "nothing.txt"),
    constant=lambda: operation(lambda: tf.io.read_file(str(OUTSIDE / "named.txt"))),
)
'''
SCRIPT = '''\
import json, os, sys
if sys.argv[3] == "TensorFlow is there":
    import tensorflow
tree, job = sys.argv[1], sys.argv[2]
sys.path.insert(0, os.path.join(tree, "octet"))
from octet import lookup
from octet.errors import OctetError
from octet.job import Job
from tasks.source_guard import file_guard, private_source, watched_functions
job = Job.from_json(job)
private_source.install(job.origin)
watched_functions.install()
build = lookup.load_attribute("./net.py", lookup.MODELS, "build", job.recipe_folder)
from tasks.source_guard import graph_files
found = {}
for name, case in list(build.__globals__["REFUSED"].items()) + list(build.__globals__["ALLOWED"].items()):
    try:
        with file_guard.building(job) as see:
            build.__globals__.update(see=see, graph_files=graph_files)
            case()
        found[name] = ""
    except BaseException as error:
        found[name] = type(error).__name__ + ": " + str(error)
print("\\n" + json.dumps(found))
'''


@pytest.fixture(scope="module", params=["TensorFlow comes later", "TensorFlow is there"])
def found(tmp_path_factory, request):
    """({case: the error, '' if it was allowed}, the recipe's folder, another folder)."""
    folder, elsewhere = tmp_path_factory.mktemp("mine"), tmp_path_factory.mktemp("elsewhere")
    scratch = tmp_path_factory.mktemp("scratch")
    for place in (folder, elsewhere):
        for name in ("labels.txt", "named.txt", "folder/inside.txt", "codes.npy", "saved.index"):
            (place / name).parent.mkdir(exist_ok=True)
            (place / name).write_text("cat\ndog\n")
        for name in ("net.h5", "weights.h5"):
            (place / name).write_bytes(b"\x89HDF\r\n\x1a\n")
    (folder / "link.txt").symlink_to(elsewhere / "labels.txt")
    (folder / "net.py").write_text(NET.format(elsewhere=str(elsewhere)))
    recipe = folder / "recipe.yaml"
    recipe.write_text("data: {dataset: digits}\nmodel: {build: ./net.py, weights: weights.h5, files: "
                      "[named.txt, folder, " + str(elsewhere / "named.txt") + "]}\n")
    taken = snapshot.with_source(snapshot.take(recipe))
    tree = taken.trees[CONVERTIBLE]
    tree.write(scratch / "source")
    job = Job(CONVERTIBLE, taken.sections, {}, str(scratch), str(folder), origin=tree.origin)
    done = subprocess.run([sys.executable, "-I", "-c", SCRIPT, str(scratch / "source"), job.to_json(),
                           request.param], cwd="/",
                          capture_output=True, text=True, env={"TMPDIR": str(scratch), "PATH": "/usr/bin:/bin"})
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1]), folder, elsewhere


def cases(kind):
    text = NET.split(kind + " = dict(\n")[1].split("\n)\n")[0]
    return [line.strip().split("=")[0] for line in text.splitlines()]


@pytest.mark.parametrize("case", [case for case in cases("REFUSED") if case != "computed"])
def test_a_file_that_is_in_no_key_is_refused_with_two_ways_out(found, case):
    said, folder, elsewhere = found[0][case], found[1], found[2]
    assert said.startswith("ModelError") and "opens a file that is in no key: {}/".format(
        folder if "HERE" in case_text(case) and case != "linked" else elsewhere) in said
    assert "weights: " in said and "files: [" in said and "source/" not in said


def case_text(case):
    return NET.split("    {}=".format(case))[1].split("\n")[0].replace("restored", "HERE")


def test_an_operation_that_reads_a_file_named_at_run_time_is_refused(found):
    assert found[0]["computed"].startswith("ModelError") and "(ReadFile)" in found[0]["computed"]


@pytest.mark.parametrize("case", cases("ALLOWED"))
def test_files_in_the_key_and_files_that_are_no_input_may_be_opened(found, case):
    said = found[0][case]
    assert said == "" or case == "weights" and said.startswith("OSError")  # it is no whole file


def test_the_line_that_opens_it_is_named(found):
    lines = (found[1] / "net.py").read_text().splitlines()
    number = next(index for index, line in enumerate(lines, 1) if "pathlib=" in line)
    assert "opened at {}:{}".format(found[1] / "net.py", number) in found[0]["pathlib"]
