"""What Octet costs beside the tutorial's way, and what its parts cost: the table in docs/speed.md.

    python -m benchmarks.speed [FOLDER]     ten minutes on two idle cores; goes on with the rows that FOLDER has not

All figures are CPU seconds, user and system, of a command with all its processes: what else the machine does counts
for little. Both ways have the same network and the same data, and run in turns; of several turns the median counts.
"""

import hashlib
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Callable, Dict, List, Tuple

from benchmarks import parity
from pipeline import settings
from pipeline.inputs import snapshot
from pipeline.staleness.plan import Plan
from pipeline.store.artifacts import Store

PAGE = settings.ROOT / "docs" / "speed.md"
MARKS = "<!-- table -->\n", "<!-- end of table -->\n"
BIN = Path(sys.executable).parent
NETWORK = '''\
import tensorflow as tf


def build(input_shape, classes, filters, dense):
    """As models/lenet.py, without the biases that a batch norm takes out again: the tutorial's way folds no batch norm
    behind a bias."""
    layers = tf.keras.layers
    image = x = layers.Input(input_shape, name="image")
    for number, width in enumerate(filters, 1):
        x = layers.Conv2D(width, 3, padding="same", use_bias=False, name="conv{}".format(number))(x)
        x = layers.BatchNormalization(name="conv{}_norm".format(number))(x)
        x = layers.ReLU(name="conv{}_relu".format(number))(x)
        x = layers.MaxPooling2D(2, padding="same", name="pool{}".format(number))(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.ReLU(name="dense_relu")(layers.Dense(dense, name="dense")(x))
    return tf.keras.Model(image, layers.Softmax(name="probabilities")(layers.Dense(classes, name="logits")(x)))
'''
RECIPES = {
    "mnist": """\
data: {dataset: mnist}
model: {build: ./network.py, args: {filters: [32, 64, 64], dense: 128}}
train: {epochs: 1, optimizer: adam, learning_rate: 0.003}
quantize: {epochs: 1, learning_rate: 0.0003}
""",
    "digits": """\
data: {dataset: digits}
model: {build: ./network.py, args: {filters: [16, 32, 32], dense: 64}}
train: {epochs: 8, batch_size: 32, optimizer: adam, schedule: constant}
quantize: {epochs: 1, batch_size: 32, schedule: constant}
"""}
RECIPES["calibrated"] = RECIPES["mnist"].partition("quantize:")[0] + "quantize: {epochs: 0}\n"
TUTORIAL = {"mnist": (2, 1100), "digits": (20, 200)}
"""{data: (epochs, the step from which fake-quants work)}: for MNIST as the tutorial has it."""
TURNS = {"mnist": 1, "digits": 3}
HALF = 20  # epochs of a training that is killed
CHECKED = {"MobileNetV2": "4.1", "ResNet50": "5.1", "DenseNet201": "15"}
"""{network of keras.applications: the target, in CPU seconds}: half of what the check took without its trial."""
KERAS = """\
import tensorflow as tf


def build(input_shape, classes):
    return tf.keras.applications.{}(input_shape=input_shape, weights=None, classes=classes)
"""


def run(command: List[str], folder: Path) -> Tuple[float, int, str]:
    """(CPU seconds of a command with all its processes, the peak of one process in MB, what it said on stdout)."""
    with tempfile.TemporaryFile("w+") as said, tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(command, env=_environment(folder), cwd=str(folder), stdout=said, stderr=log,
                                   stdin=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = status
        if status:
            log.seek(0)
            raise RuntimeError("{} ended with status {}: {}".format(" ".join(command), status, log.read()[-2000:]))
        said.seek(0)
        return round(usage.ru_utime + usage.ru_stime, 2), usage.ru_maxrss // 1024, said.read()


def _environment(folder: Path) -> Dict[str, str]:
    return {**os.environ, "PATH": str(BIN) + os.pathsep + os.environ.get("PATH", ""),
            "PYTHONPATH": str(settings.ROOT), "LUIGI_CONFIG_PATH": str(folder / "luigi.cfg"),
            "OCTET_CACHE": str(folder / "cache")}


def configure(folder: Path, recipe: str, store: str) -> None:
    """Writes the luigi.cfg of the folder, which all its commands read."""
    (folder / "luigi.cfg").write_text("[octet]\nrecipe = {}\nstore = {}\nrecipes = .\n".format(recipe, store))


def luigi(folder: Path, name: str, target: str) -> List[str]:
    return [str(BIN / "luigi"), "--module", "pipeline", target, "--recipe", str(folder / (name + ".yaml")),
            "--local-scheduler"]


def compared(folder: Path, name: str) -> Dict[str, Any]:
    """The two ways from data to a uint8 file, in turns."""
    tutorial, octet = [], []  # type: List[Tuple[float, float]], List[Tuple[float, float]]
    for turn in range(TURNS[name]):
        cpu, _, said = run([sys.executable, "-m", "benchmarks.tutorial", str(folder / (name + ".yaml")),
                            *map(str, TUTORIAL[name])], folder)
        tutorial.append((cpu, json.loads(said.splitlines()[-1])["accuracy"]))
        octet.append(validated(folder, name, turn))
    sides = [(statistics.median(cpu for cpu, _ in side), min(accuracy for _, accuracy in side))
             for side in (tutorial, octet)]
    return {"tutorial": sides[0], "octet": sides[1], "turns": {"tutorial": tutorial, "octet": octet}}


def validated(folder: Path, name: str, turn: int = 0) -> Tuple[float, float]:
    """(CPU seconds, accuracy) of Octet's way, with an empty store."""
    store = "store-{}-{}".format(name, turn)
    configure(folder, name, store)
    cpu, _, _ = run(luigi(folder, name, "ValidateInterpreter"), folder)
    plan = Plan(snapshot.take(folder / (name + ".yaml")), Store(folder / store))
    (output,) = json.loads((plan.folder("Measure") / "measurement.json").read_text("utf-8"))["outputs"].values()
    return cpu, output["accuracy"]["uint8"]


def resumed(folder: Path) -> Dict[str, Any]:
    """A training of digits; and one that is killed after half of its epochs, with the run that resumes it."""
    (folder / "long.yaml").write_text(RECIPES["digits"].replace("epochs: 8", "epochs: {}".format(2 * HALF)))
    found: Dict[str, Any] = {}
    for side in ("whole", "rest"):
        store = folder / ("store-" + side)
        configure(folder, "long", store.name)
        run(luigi(folder, "long", "SummarizeData"), folder)
        if side == "rest":
            _kill_after_half(folder, store)
        found[side] = run(luigi(folder, "long", "TrainFloat"), folder)[0]
        made = Plan(snapshot.take(folder / "long.yaml"), Store(store)).folder("TrainFloat")
        found["digest of " + side] = hashlib.sha256((made / "float.pb").read_bytes()).hexdigest()
    return found


def _kill_after_half(folder: Path, store: Path) -> None:
    process = subprocess.Popen(luigi(folder, "long", "TrainFloat"), cwd=str(folder), stdin=subprocess.DEVNULL,
                               env=_environment(folder), stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    while process.poll() is None:
        if any(training.epochs_done >= HALF for training in Store(store).checkpoints.unfinished()):
            process.kill()
        time.sleep(0.05)
    if process.returncode == 0:
        raise RuntimeError("the training ended before it was killed")


def checked(folder: Path) -> Dict[str, Any]:
    """{network: (CPU seconds of `octet check`, peak MB)} of networks of keras.applications."""
    (folder / "noise.py").write_text(parity.DATASET)
    configure(folder, "keras", "store-check")
    found = {}
    for name in CHECKED:
        (folder / "keras.py").write_text(KERAS.format(name))
        (folder / "keras.yaml").write_text("data: {dataset: ./noise.py}\nmodel: {build: ./keras.py}\n")
        found[name] = run([str(BIN / "octet"), "check", str(folder / "keras.yaml")], folder)[:2]
    return found


def measurement(folder: Path) -> Dict[str, Any]:
    said = run([sys.executable, "-m", "benchmarks.parity", str(folder / "parity")], folder)[2]
    return json.loads(said.splitlines()[-1])


def one_run(folder: Path) -> Dict[str, float]:
    """{process of a whole run of digits: CPU seconds}, with those of a fork of the server before its work."""
    said = run([sys.executable, "-m", "benchmarks.fixed_cost"], folder)[2]
    return {name: float(cpu) for name, cpu in re.findall(r"^\| (.+?) \| ([\d.]+) \|$", said, re.M)}


def steps(folder: Path) -> Dict[str, float]:
    return json.loads(run([sys.executable, "-m", "benchmarks.steps"], folder)[2].splitlines()[-1])


ROWS: Dict[str, Callable[[Path], Dict[str, Any]]] = {  # the longest last
    "steps": steps, "check": checked, "run": one_run, "resume": resumed, "measurement": measurement,
    "digits": lambda folder: compared(folder, "digits"),
    "calibrated": lambda folder: {"octet": validated(folder, "calibrated")},
    "mnist": lambda folder: compared(folder, "mnist")}


def table(found: Dict[str, Dict[str, Any]]) -> str:
    """The rows that there are, in Markdown."""
    lines = ["| what | CPU s | beside | ratio | target |\n|---|---|---|---|---|\n"]

    def add(*cells: Any) -> None:
        lines.append("| {} |\n".format(" | ".join(str(cell) for cell in cells)))

    for name, beside, words, target in (("mnist", "mnist", "mnist", 0.50),
                                        ("calibrated", "mnist", "mnist with `quantize: {epochs: 0}`", 0.50),
                                        ("digits", "digits", "digits", 1.0)):
        if name in found and beside in found:
            (theirs, their_accuracy), (ours, our_accuracy) = found[beside]["tutorial"], found[name]["octet"]
            add("{}: a uint8 file whose accuracy is known, {:.2f} %".format(words, 100 * our_accuracy),
                "{:.1f}".format(ours), "the tutorial's way, {:.2f} %: {:.1f}".format(100 * their_accuracy, theirs),
                "{:.2f}".format(ours / theirs), "{:.2f}".format(target))
    if "steps" in found:
        ms = found["steps"]
        add("a quantized step, ResNet8", "{:.4f}".format(ms["quantized"] / 1000),
            "folded, without fake-quants: {:.4f}".format(ms["folded"] / 1000),
            "{:.2f}".format(ms["quantized"] / ms["folded"]), "1.10")
        add("the same", "{:.4f}".format(ms["quantized"] / 1000), "Keras' float step: {:.4f}".format(ms["float"] / 1000),
            "{:.2f}".format(ms["quantized"] / ms["float"]), "")
    for name, (cpu, peak) in found.get("check", {}).items():
        add("`octet check`, {} at 224".format(name), "{:.1f}".format(cpu), "{} MB".format(peak), "", CHECKED[name])
    if "measurement" in found:
        told = found["measurement"]
        add("Measure, MobileNetV2 at 224, 16 samples", "{:.1f}".format(told["cpu_s"] + told["interpreters_cpu_s"]),
            "{} MB".format(told["peak_mb"]), "", "800 MB")
    if "run" in found:
        cpu_s = found["run"]
        add("a stage of a run before its work, after the first", "{:.2f}".format(cpu_s["a fork of the server"]),
            "a process that imports TensorFlow: {:.2f}".format(cpu_s["and TensorFlow"]), "", "0.30")
        for stage, name in (("Freeze", "stages.freeze"), ("ConvertUint8", "stages.convert_uint8")):
            add("{} of digits, all of it".format(stage), "{:.2f}".format(cpu_s[name]), "", "", "")
    if "resume" in found:
        told = found["resume"]
        same = told["digest of whole"] == told["digest of rest"]
        add("a training that was killed half way: the resumed run", "{:.1f}".format(told["rest"]),
            "undisturbed: {:.1f}; {}".format(told["whole"], "the same bytes" if same else "OTHER BYTES"),
            "{:.2f}".format(told["rest"] / told["whole"]), "")
    return "".join(lines)


def main(folder: str = "") -> int:
    if not folder:
        with tempfile.TemporaryDirectory(prefix="octet-bench-") as temporary:
            return main(temporary)
    place = Path(folder).resolve()
    place.mkdir(exist_ok=True)
    (place / "network.py").write_text(NETWORK)
    for name, text in RECIPES.items():
        (place / (name + ".yaml")).write_text(text)
    kept = place / "results.json"
    found = json.loads(kept.read_text()) if kept.exists() else {}
    for name, measure in ROWS.items():
        if name not in found:
            found[name] = measure(place)
            kept.write_text(json.dumps(found, indent=1))
            print(name, json.dumps(found[name]), flush=True)
    text, page = table(found), PAGE.read_text("utf-8")
    PAGE.write_text(page.split(MARKS[0])[0] + MARKS[0] + text + MARKS[1] + page.split(MARKS[1])[1], encoding="utf-8")
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
