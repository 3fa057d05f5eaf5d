"""A checkout with an environment of its own, in which source can be edited and run.

`pipeline`, `octet`, Luigi, processes and files are real. `tasks` is either the light substitute (`light/`), with which
a whole run takes seconds, or the real one with TensorFlow and toco, with which it takes twenty. The user's folder
`mine` has a recipe, a model and pictures; edits of it are the same for both."""

import configparser
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Dict, List, NamedTuple

from PIL import Image

from pipeline.stage_specs import CHECKS, DIGEST, STAGES

ROOT = Path(__file__).resolve().parents[2]
LIGHT = Path(__file__).resolve().parent / "light"

RECIPE = """\
data: {dataset: image_folder, args: {path: photos, size: [4, 4], channels: 1, split: {validation: 0.2}}}
model: {build: "nets.net:build", args: {width: 8}}
train: {epochs: 1}
quantize: {epochs: 1}
validate: {max_accuracy_drop: 0.95}
"""
NET = '''\
"""A user's model."""

import os

from nets import blocks

CHANCE = {!r}  # what no key knows: a test writes it to get other bytes


def build(input_shape, classes, width, sleep_s=0):
    blocks.wait(sleep_s)
    return blocks.network(input_shape, [width], classes, 0.2 if os.path.exists(CHANCE) else 0.1)
'''
BLOCKS = '''\
import time
{imports}
try:
    from nets import fast
except ImportError:
    fast = None


def wait(seconds):
    time.sleep(seconds)


def network(input_shape, widths, classes, bias):
    return stacked(input_shape, [layer(width, bias + (fast.STEP if fast else 0)) for width in widths], classes)
{rest}'''
LIGHT_BLOCKS = BLOCKS.format(imports="", rest='''

def layer(width, bias):
    return dict(width=width, bias=bias, scale=1.0)


def stacked(input_shape, layers, classes):
    return [layers, classes]
''')
REAL_BLOCKS = BLOCKS.format(imports="\nimport tensorflow as tf\n", rest='''

def layer(width, bias):
    return tf.keras.layers.Dense(
        width, "relu", bias_initializer=tf.keras.initializers.Constant(bias),
        kernel_initializer=tf.keras.initializers.VarianceScaling(scale=1.0))


def stacked(input_shape, layers, classes):
    return tf.keras.Sequential([tf.keras.layers.Flatten(input_shape=input_shape)] + layers + [
        tf.keras.layers.Dense(classes, "softmax")])
''')


LOSSES = '''\
{imports}SHARE = 1.0


def own(outputs, targets, extras):
    return SHARE * {loss}
'''
METRICS = '''\
class Share:
    """The share of the samples that are answered as they should be."""

    def __init__(self):
        self.right = self.all = 0

    def update(self, answers, targets, extras):
        self.right += int((answers["label"].argmax(-1) == targets["label"]).sum())
        self.all += len(targets["label"])

    def result(self):
        return self.right / self.all
'''
OWN = "extends: faces.yaml\nloss: ./losses.py:own\nmetrics: {share: ./metrics.py:Share}\n"


class Run(NamedTuple):
    """The result of a `luigi` run: its exit code, the stages that it made, and its output."""

    code: int
    made: List[str]
    said: str


class Checkout:
    """root: the checkout. mine: the user's folder. store: its store, made by the first run."""

    def __init__(self, folder: Path, real: bool = False) -> None:
        """real: whether the stages are the real ones."""
        self.real = real
        self.folder, self.root, self.mine = folder, folder / "checkout", folder / "mine"
        self.store, self.timeout_s = folder / "store", 600 if real else 120
        for name in ("pipeline", "octet", "models"):
            shutil.copytree(str(ROOT / name), str(self.root / name), ignore=_not_needed)
        if real:
            shutil.copytree(str(ROOT / "tasks"), str(self.root / "tasks"), ignore=_not_needed)
        else:
            self._put_light_stages()
        self._make_environment()
        self.furnish()
        self.use_store(self.store)

    def _put_light_stages(self) -> None:
        shutil.copytree(str(LIGHT / "tasks"), str(self.root / "tasks"), ignore=_not_needed)
        for name in ("__main__.py", "log.py", "process", "source_guard", "checks/__init__.py",
                     "checks/user_data_digest.py", "prepared_data.py", "data_source.py", "stages/prepare_data.py",
                     "stages/summarize_data.py", "stages/validate_interpreter.py",
                     "training/learning_rate_schedule.py", "report/page.css"):
            _copy(ROOT / "tasks" / name, self.root / "tasks" / name)
        for name in set(CHECKS) - {DIGEST}:
            path = self.root / "tasks" / (name.replace(".", "/") + ".py")
            path.write_text("def run(job, progress):\n    return {}\n")
        # The light stages import TensorFlow in their source, for the key, but never load it: no fork server is needed.
        self.change(self.root / "pipeline/process/fork_client.py", 'MODULE = "tensorflow"', 'MODULE = "not imported"')
        # The products of the light stages follow the real `stage_specs.py`, so that another product breaks no test.
        (self.root / "tasks" / "promised.py").write_text("PRODUCTS = {!r}\n".format(
            {spec.module: list(spec.products) for spec in STAGES.values()}))

    def furnish(self) -> None:
        """Fills the user's folder."""
        shutil.rmtree(str(self.mine), ignore_errors=True)
        self.put("faces.yaml", RECIPE)
        self.put("nets/__init__.py", "")
        self.put("nets/net.py", NET.format(str(self.mine / "chance")))
        self.put("nets/blocks.py", REAL_BLOCKS if self.real else LIGHT_BLOCKS)
        self.put("losses.py", LOSSES.format(imports="import tensorflow as tf\n\n", loss=(
            "tf.reduce_mean(-tf.log(tf.reduce_sum(outputs['label'] * tf.one_hot(targets['label'], 2), -1)))"))
            if self.real else LOSSES.format(imports="", loss="1.0"))
        self.put("metrics.py", METRICS)
        self.put("own.yaml", OWN)
        for part, count in (("train", 5), ("test", 2)):
            for shade, name in enumerate(("cat", "dog")):
                for index in range(count):
                    self.picture("photos/{}/{}/{}.png".format(part, name, index),
                                 100 * shade + 10 * index + (part == "test"))

    def use_store(self, store: Path) -> None:
        """Makes later runs use this store."""
        self.store = store
        config = configparser.RawConfigParser()
        config.read(str(ROOT / "luigi.cfg"))
        for name, value in (("recipe", self.mine / "faces.yaml"), ("store", store), ("recipes", self.mine)):
            config.set("octet", name, str(value))
        with (self.root / "luigi.cfg").open("w") as out:
            config.write(out)

    def put(self, name: str, text: str) -> Path:
        """A file in the user's folder."""
        path = self.mine / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def picture(self, name: str, shade: int) -> Path:
        """Writes a picture of one shade into the user's folder."""
        path = self.mine / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (4, 4), shade).save(str(path))
        return path

    def change(self, path: Path, old: str, new: str) -> None:
        """Replaces `old` in the text of a file."""
        text = path.read_text()
        assert old in text, "{} has no {!r}".format(path, old)
        path.write_text(text.replace(old, new))

    @property
    def environment(self) -> Dict[str, str]:
        ours = {name: value for name, value in os.environ.items() if name == "TMPDIR"}
        return {**ours, "PATH": "/usr/bin:/bin", "LUIGI_CONFIG_PATH": str(self.root / "luigi.cfg"),
                "OCTET_CACHE": str(self.folder / "cache"), "HOME": str(self.folder)}

    def command(self, *words: str, stage: str = "ValidateInterpreter", recipe: str = "faces") -> List[str]:
        """Runs `luigi` with the local scheduler, unless `words` say otherwise."""
        scheduler = [] if any("scheduler" in word for word in words) else ["--local-scheduler"]
        return [str(self.python), "-m", "luigi", "--module", "pipeline", stage, "--recipe",
                str(self.mine / (recipe + ".yaml"))] + scheduler + list(words)

    def luigi(self, *words: str, **which: str) -> Run:
        done = subprocess.run(self.command(*words, **which), cwd="/", env=self.environment, timeout=self.timeout_s,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return run_of(done.returncode, done.stdout.decode())

    def start(self, *words: str, **which: str) -> subprocess.Popen:
        """Starts a run in the background; `finish` waits for it."""
        return subprocess.Popen(self.command(*words, **which), cwd="/", env=self.environment,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)

    def octet(self, *words: str) -> "subprocess.CompletedProcess":
        return subprocess.run([str(self.python), "-m", "pipeline.cli.main"] + [str(word) for word in words],
                              cwd="/", env=self.environment, timeout=self.timeout_s, capture_output=True,
                              text=True)

    def why(self, recipe: str = "faces") -> Dict[str, List[str]]:
        """{stage: [state, reason, ...]} from `octet why`."""
        done = self.octet("why", self.mine / (recipe + ".yaml"), "--json")
        assert done.returncode == 0, done.stderr
        return {stage: [said["state"]] + said["reasons"] for stage, said in json.loads(done.stdout).items()}

    def artifact(self, stage: str) -> Path:
        """The folder of a stage's only artifact."""
        folder, = [path for path in (self.store / "artifacts" / stage).iterdir()
                   if not path.name.startswith(".")]
        return folder

    def _make_environment(self) -> None:
        environment = self.folder / "environment"
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True)
        self.python = environment / "bin" / "python"
        self.packages, = environment.glob("lib/python*/site-packages")
        (self.packages / "checkout.pth").write_text("{}\n{}\n".format(
            self.root, sysconfig.get_path("purelib")))


def finish(process: subprocess.Popen, timeout_s: float = 60) -> Run:
    """Waits for a started run. Returns its result."""
    said, _ = process.communicate(timeout=timeout_s)
    return run_of(process.returncode, said.decode())


def run_of(code: int, said: str) -> Run:
    """The stages in the order of the pipeline, since Luigi runs two independent stages in either order."""
    made = re.findall(r"^([\w.]+): started$", said, re.MULTILINE)
    return Run(code, sorted(made, key=(list(STAGES) + made).index), said)


def damage(path: Path, content: bytes) -> None:
    """Writes `content` into the file, even if it is read-only, and restores its mtime."""
    before = path.stat()
    path.chmod(0o644)
    path.write_bytes(content)
    path.chmod(before.st_mode)
    os.utime(str(path), ns=(before.st_atime_ns, before.st_mtime_ns))


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(exist_ok=True)
    if source.is_dir():
        shutil.copytree(str(source), str(target), ignore=_not_needed)
    else:
        shutil.copy2(str(source), str(target))


def _not_needed(folder: str, names: List[str]) -> List[str]:
    """Copies bytecode together with its source, otherwise each checkout would compile everything again. Leaves out
    temporary files, which another process may rename at any moment."""
    if folder.endswith("__pycache__"):
        return [name for name in names if not name.endswith(".pyc")]
    return [name for name in names if name == "mnist.npz"]
