"""A user's folder: a recipe, a luigi.cfg, a store; and the real commands run on them from elsewhere."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

BIN = Path(sys.executable).parent
SMALL = """\
data: {dataset: digits}
model: {build: lenet, args: {filters: [4, 8, 8], dense: 16}}
train: {epochs: 1, batch_size: 32}
quantize: {epochs: 1, batch_size: 32}
validate: {max_accuracy_drop: null}
"""
"""A recipe whose every stage takes a second or two."""


class Project:
    """`folder` with SMALL in it, its own store, and what else luigi.cfg is to say."""

    def __init__(self, folder, config="", recipe=SMALL):
        self.folder, self.store = Path(folder), Path(folder) / "store"
        self.recipe = self.folder / "recipe.yaml"
        self.recipe.write_text(recipe)
        self.config = self.folder / "luigi.cfg"
        self.config.write_text("[octet]\nrecipe = ./recipe.yaml\nstore = store\nrecipes = .\n" + config)
        self.env = {"PATH": "/usr/bin:/bin", "LUIGI_CONFIG_PATH": str(self.config)}

    def luigi(self, *arguments, cwd="/", **env):
        """What the command came to: returncode, stdout, stderr."""
        return self._run([str(BIN / "luigi"), "--module", "pipeline", *arguments], cwd, env)

    def octet(self, *arguments, cwd="/", **env):
        return self._run([str(BIN / "octet"), *arguments], cwd, env)

    def _run(self, command, cwd, env):
        return subprocess.run(command, cwd=str(cwd), env=dict(self.env, **env), timeout=240,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True)

    def start(self, *arguments, log="log.txt"):
        """The command's process; what it prints goes to the file `log`."""
        with (self.folder / log).open("wb") as output:
            return subprocess.Popen([str(BIN / "luigi"), "--module", "pipeline", *arguments], cwd="/",
                                    env=self.env, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                                    start_new_session=True, preexec_fn=_interruptible)

    def said(self, log="log.txt"):
        return (self.folder / log).read_text()

    def manifests(self, stage="*"):
        return [json.loads(path.read_text())
                for path in sorted((self.store / "artifacts").glob(stage + "/*/manifest.json"))]

    def products(self):
        """{stage/file: sha256} of every product in the store."""
        return {manifest["stage"] + "/" + output["path"]: output["sha256"]
                for manifest in self.manifests() for output in manifest["outputs"] if output["product"]}

    def half_made(self):
        """What is in the store's artifacts and no artifact."""
        return [path for path in (self.store / "artifacts").glob("*/*") if path.name.startswith(".")]


def _interruptible():
    """Ctrl-C reaches the new process although ours may have been started to ignore it, as `nohup ... &` does."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def until(condition, seconds=60, pause_s=0.05):
    """The first truth that `condition` gives, asked every `pause_s`."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(pause_s)
    raise AssertionError("not within {} s".format(seconds))
