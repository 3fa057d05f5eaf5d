"""A table of edits, with the stages that each makes run and the reason that `octet why` gives."""

import os
import shutil
from pathlib import Path
from typing import Callable, List, NamedTuple

from pipeline.stage_specs import upward
from tests.pipeline.checkout import Checkout, damage

ALL = list(upward("ValidateInterpreter"))
RATE = "learning_rate: 0.002"


class Edit(NamedTuple):
    """what: the edit, in words. do: a function that makes it. runs: the stages that run because of it. first: the first
    of them, and its reason. recipe: the recipe that runs."""

    what: str
    do: Callable[[Checkout], object]
    runs: List[str]
    why: str = ""
    recipe: str = "faces"


def recipe(old: str, new: str) -> Callable[[Checkout], None]:
    return lambda checkout: checkout.change(checkout.mine / "faces.yaml", old, new)


def source(name: str, old: str, new: str) -> Callable[[Checkout], None]:
    return lambda checkout: checkout.change(checkout.root / name, old, new)


def user(name: str, old: str, new: str) -> Callable[[Checkout], None]:
    return lambda checkout: checkout.change(checkout.mine / name, old, new)


def picture(name: str, shade: int) -> Callable[[Checkout], Path]:
    return lambda checkout: checkout.picture("photos/" + name, shade)


def octet(*words: str) -> Callable[[Checkout], None]:
    def do(checkout: Checkout) -> None:
        done = checkout.octet(*[word.format(mine=checkout.mine) for word in words])
        assert done.returncode == 0, done.stderr
    return do


def both(*edits: Callable[[Checkout], object]) -> Callable[[Checkout], None]:
    def do(checkout: Checkout) -> None:
        for edit in edits:
            edit(checkout)
    return do


def move(old: str, new: str) -> Callable[[Checkout], None]:
    def do(checkout: Checkout) -> None:
        (checkout.mine / new).parent.mkdir(exist_ok=True)
        (checkout.mine / old).rename(checkout.mine / new)
    return do


def product(stage: str, name: str, spoil: Callable[[Path], object]) -> Callable[[Checkout], None]:
    return lambda checkout: spoil(checkout.artifact(stage) / name)


def truncate(path: Path) -> None:
    path.chmod(0o644)
    os.truncate(str(path), 3)


def remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(str(path))
    else:
        path.unlink()


def flip(path: Path) -> None:
    content = path.read_bytes()
    damage(path, bytes([content[0] ^ 1]) + content[1:])


def change_picture_and_put_its_time_back(checkout: Checkout) -> None:
    path = checkout.mine / "photos/train/cat/0.png"
    other = checkout.picture("other.png", 200).read_bytes()
    damage(path, other)


def change_helper_and_put_its_time_back(checkout: Checkout) -> None:
    """For Python's own cache, such a file is unchanged."""
    path = checkout.root / "tasks/training/learning_rate_schedule.py"
    damage(path, path.read_bytes().replace(b"rate * min(", b"rate/9*min("))


def run_then(edit: Callable[[Checkout], object], **which: str) -> Callable[[Checkout], None]:
    """Makes the edit, runs, and undoes the edit."""
    def do(checkout: Checkout) -> None:
        before = (checkout.mine / "faces.yaml").read_text()
        edit(checkout)
        assert checkout.luigi(**which).code == 0
        (checkout.mine / "faces.yaml").write_text(before)
    return do


def install(name: str, version: str) -> Callable[[Checkout], None]:
    def do(checkout: Checkout) -> None:
        folder = checkout.packages / "{}-{}.dist-info".format(name, version)
        folder.mkdir()
        (folder / "top_level.txt").write_text(name + "\n")
    return do


def drop(*stages: str) -> Callable[[Checkout], None]:
    def do(checkout: Checkout) -> None:
        from pipeline.store.artifacts import Store
        store = Store(checkout.store)
        for stage in stages:
            store.drop(stage, checkout.artifact(stage).name, "a test")
    return do


PREPARED = ["PrepareData.train", "PrepareData.validation", "PrepareData.test"]
OF_TEST = ["PrepareData.test", "SummarizeData", "EvalGraph", "Measure", "Report", "ValidateInterpreter"]
RENAMED = ["PrepareData.train", "PrepareData.validation"] + OF_TEST
FLOAT = ALL[ALL.index("TrainFloat"):]
BELOW_FLOAT = FLOAT[1:]
NO_VERDICT = [stage for stage in ALL if stage != "ValidateInterpreter"]  # it needs no TensorFlow and no numpy
FREEZE = source("tasks/stages/freeze.py", 'return {"nodes"', 'return {"count": 1, "nodes"')
EDITS = [
    Edit("nothing", lambda checkout: None, []),
    # the recipe
    Edit("`train.epochs`", recipe("train: {epochs: 1}", "train: {epochs: 2}"), FLOAT,
         "TrainFloat: train.epochs 1 -> 2"),
    Edit("`quantize.learning_rate`", recipe("quantize: {epochs: 1}", "quantize: {epochs: 1, " + RATE + "}"),
         BELOW_FLOAT, "TrainQAT: quantize.learning_rate 0.0001 -> 0.002"),
    Edit("`model.args`", recipe("width: 8", "width: 16"), FLOAT, "TrainFloat: model.args.width 8 -> 16"),
    Edit("`data.args`", recipe("validation: 0.2", "validation: 0.4"), ALL,
         "PrepareData.train: data.args.split.validation 0.2 -> 0.4"),
    Edit("`seed`", recipe("train:", "seed: 7\ntrain:"), FLOAT, "TrainFloat: seed 1 -> 7"),
    Edit("a threshold in `validate`", recipe("0.95", "0.96"), ["Report", "ValidateInterpreter"],
         "Report: validate.max_accuracy_drop 0.95 -> 0.96"),
    Edit("a default written out", recipe("train: {epochs: 1}", "train: {epochs: 1, schedule: cosine}"), []),
    Edit("a section of defaults written out", recipe("train:", "convert: {}\ntrain:"), []),
    Edit("another default of a setting", source(
        "octet/recipe/schema_training.py", "batch_size: Count = 64", "batch_size: Count = 4"), FLOAT,
        "TrainFloat: train.batch_size 64 -> 4"),
    Edit("a comment and another order in the recipe", recipe(
        "train: {epochs: 1}\nquantize: {epochs: 1}\n", "# why\nquantize: {epochs: 1}\ntrain: {epochs: 1}\n"), []),
    Edit("a value changed, run, and changed back", run_then(recipe("epochs: 1}\nq", "epochs: 3}\nq")), []),
    Edit("the recipe renamed", lambda checkout: shutil.copy(
        str(checkout.mine / "faces.yaml"), str(checkout.mine / "renamed.yaml")), [], recipe="renamed"),
    Edit("a second recipe with the same training", lambda checkout: checkout.put(
        "second.yaml", "extends: faces.yaml\nquantize: {" + RATE + "}\n"), BELOW_FLOAT,
        "TrainQAT: never made for this recipe", recipe="second"),
    # source
    Edit("a comment", source("tasks/training/learning_rate_schedule.py", "def rate", "# why\ndef rate"), []),
    Edit("a docstring", source(
        "tasks/training/learning_rate_schedule.py", '"""The learning rate', '"""How fast it learns'), []),
    Edit("formatting", source(
        "tasks/training/learning_rate_schedule.py", "_decay(settings, step", "_decay(\n        settings, step"), []),
    Edit("a helper function, other numbers", source(
        "tasks/training/learning_rate_schedule.py", "rate * min(", "rate * 0.5 * min("), FLOAT,
        "TrainFloat: tasks/training/learning_rate_schedule.py: rate() changed"),
    Edit("a helper function three imports away", source(
        "octet/quantization.py", "return of_range(low, high)", "return of_range(low, high * 1.002)"), ALL,
        "PrepareData.train: octet/quantization.py: quantization() changed"),
    Edit("a helper function edited, its size and mtime kept", change_helper_and_put_its_time_back, FLOAT,
         "TrainFloat: tasks/training/learning_rate_schedule.py: rate() changed"),
    Edit("a helper function, the same numbers", source(
        "tasks/training/learning_rate_schedule.py", "def rate", "def unused():\n    pass\n\n\ndef rate"),
        ["TrainFloat", "TrainQAT"], "TrainFloat: tasks/training/learning_rate_schedule.py: unused() added"),
    Edit("what a conditional import finds", lambda checkout: checkout.put("nets/fast.py", "STEP = 0.5\n"), FLOAT,
         "TrainFloat: fast.py: now imported"),
    Edit("a stage's own file", FREEZE, ["Freeze"], "Freeze: tasks/stages/freeze.py: run() changed"),
    Edit("a file of `pipeline/`",
         source("pipeline/staleness/plan.py", "class Plan:", "LIMIT = 1\n\n\nclass Plan:"), []),
    Edit("what a stage's process says at its end",
         source("tasks/process/failure_message.py", "import errno", "import errno as number\nimport errno"), []),
    Edit("what is said of the data", source(
        "octet/data/summary.py", "FEW_CODES = 32", "FEW_CODES = 16"), ["SummarizeData"],
         "SummarizeData: octet/data/summary.py: FEW_CODES changed"),
    Edit("how pictures are decoded, the same pixels", source(
        "octet/data/pictures.py", "AT_ONCE = 256", "AT_ONCE = 255"), PREPARED,
         "PrepareData.train: octet/data/pictures.py: AT_ONCE changed"),
    Edit("the wording of an error", source("octet/errors.py", "class OctetError", "x = 1\n\n\nclass OctetError"), []),
    Edit("the user's model", user("nets/net.py", "[width]", "[width, width]"), FLOAT,
         "TrainFloat: net.py: build() changed"),
    Edit("a module that the user's model imports", user("nets/blocks.py", "scale=1.0", "scale=0.5"), FLOAT,
         "TrainFloat: blocks.py: layer() changed"),
    Edit("the user's loss", user("losses.py", "SHARE = 1.0", "SHARE = 0.5"), FLOAT,
         "TrainFloat: losses.py: SHARE changed", recipe="own"),
    Edit("a docstring of the user's loss", user(
        "losses.py", "extras):", 'extras):\n    """The loss of a batch."""'), [], recipe="own"),
    Edit("the user's metric", user("metrics.py", "/ self.all", "/ max(1, self.all)"),
         ["EvalGraph", "Measure"], "EvalGraph: metrics.py: Share.result() changed", recipe="own"),
    Edit("a gate over the user's metric", lambda checkout: checkout.change(
        checkout.mine / "own.yaml", "metrics:", "validate: {metrics: {share: {min: 0.0}}}\nmetrics:"),
        ["Report", "ValidateInterpreter"], "ValidateInterpreter: validate.metrics", recipe="own"),
    Edit("the user's folder moved", lambda checkout: shutil.copytree(str(checkout.mine), str(checkout.mine / "copy")),
         [], recipe="copy/faces"),
    # data
    Edit("one training image", picture("train/cat/0.png", 200), [ALL[0], "SummarizeData"] + FLOAT,
         "PrepareData.train: data: train: 1 file changed (cat/0.png)"),
    Edit("three training images added", both(*(picture("train/cat/z{}.png".format(index), 150 + index)
                                               for index in range(3))), ALL[:2] + ["SummarizeData"] + FLOAT,
         "PrepareData.train: data: train: 3 files added (cat/z0.png, cat/z1.png, cat/z2.png), 1 removed"),
    Edit("a training image renamed", move("photos/train/cat/0.png", "photos/train/cat/00.png"),
         ["PrepareData.train"],
         "PrepareData.train: data: train: 1 file renamed (cat/0.png -> cat/00.png)"),
    Edit("a training image edited, its mtime put back", change_picture_and_put_its_time_back,
         [ALL[0], "SummarizeData"] + FLOAT, "PrepareData.train: data: train: 1 file changed (cat/0.png)"),
    Edit("a training image touched", lambda checkout: (checkout.mine / "photos/train/cat/0.png").touch(), []),
    Edit("one test image", picture("test/dog/1.png", 77), OF_TEST,
         "PrepareData.test: data: test: 1 file changed (dog/1.png)"),
    Edit("one test label", both(move("photos/test/cat/1.png", "photos/test/dog/9.png")),
         OF_TEST,
         "PrepareData.test: data: test: 1 file renamed (cat/1.png -> dog/9.png)"),
    Edit("a class renamed", both(*(move("photos/{}/cat".format(part), "photos/{}/cow".format(part))
                                   for part in ("train", "test"))), RENAMED,
         "PrepareData.train: data: train: 4 files renamed (cat/0.png -> cow/0.png"),
    Edit("the data moved, the recipe with it", both(
        move("photos", "pictures"), recipe("path: photos", "path: pictures")), []),
    Edit("how pictures are kept", recipe("data: {", "data: {keep: encoded, "), PREPARED,
         "PrepareData.train: data.keep decoded -> encoded"),
    Edit("a limit of the data", recipe("data: {", "data: {limits: {min_class_samples: 2}, "), []),
    # versions
    Edit("another numpy", install("numpy", "9.9"), NO_VERDICT, "PrepareData.train: numpy 1.19.5 -> 9.9"),
    Edit("another version of what TensorFlow requires", install("h5py", "9.9"), NO_VERDICT[ALL.index("TrainFloat"):],
         "TrainFloat: h5py 2.10.0 -> 9.9"),
    Edit("another version of what no stage imports", install("flask", "9.9"), []),
    # the store
    Edit("an upstream forced, the same bytes", octet("force", "{mine}/faces.yaml", "TrainFloat"), ["TrainFloat"],
         "TrainFloat: forced on"),
    Edit("an upstream forced, other bytes", both(
        lambda checkout: checkout.put("chance", "other"), octet("force", "{mine}/faces.yaml", "TrainFloat")), FLOAT,
        "TrainFloat: forced on"),
    Edit("an output truncated", product("ConvertUint8", "model.tflite", truncate), ["ConvertUint8"],
         "ConvertUint8: output model.tflite damaged: 3 bytes instead of"),
    Edit("an output edited, its mtime put back", product("ConvertUint8", "model.tflite", flip), ["ConvertUint8"],
         "ConvertUint8: output model.tflite damaged: sha256 differs"),
    Edit("an output deleted", product("ConvertUint8", "model.tflite", remove), ["ConvertUint8"],
         "ConvertUint8: output model.tflite missing"),
    Edit("a manifest deleted", product("Freeze", "manifest.json", remove), ["Freeze"],
         "Freeze: manifest.json missing"),
    Edit("a manifest with a flipped bit", product("Freeze", "manifest.json", flip), ["Freeze"],
         "Freeze: manifest.json damaged"),
    Edit("an upstream damaged below a complete root", product("TrainQAT", "network.pb", flip), ["TrainQAT"],
         "TrainQAT: output network.pb damaged: sha256 differs"),
    Edit("an artifact's folder removed", product("Freeze", "", remove), ["Freeze"],
         "Freeze: its artifact is not in the store any more"),
    Edit("a by-product deleted", product("TrainFloat", "events", remove), []),
    Edit("every upstream's bytes let go", drop(*ALL[:-1]), []),
    Edit("an upstream's bytes let go, and a stage below changed", both(
        drop("Freeze"),
        source("tasks/stages/convert_uint8.py", 'return {"size_bytes"', 'return {"count": 1, "size_bytes"')),
        ["Freeze", "ConvertUint8"], "ConvertUint8: tasks/stages/convert_uint8.py: run() changed"),
    Edit("a stage's own file, accepted", both(
        FREEZE, octet("accept", "{mine}/faces.yaml", "Freeze")), []),
]
