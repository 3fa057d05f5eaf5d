"""A user's folder with a recipe, a luigi.cfg and a store, and the real commands, run from another folder."""

import json
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
"""A recipe whose stages take a second or two each."""


class Project:
    """`folder` with the recipe SMALL, a store of its own, and these additional lines of luigi.cfg."""

    def __init__(self, folder, config="", recipe=SMALL):
        self.folder, self.store = Path(folder), Path(folder) / "store"
        self.recipe = self.folder / "recipe.yaml"
        self.recipe.write_text(recipe)
        self.config = self.folder / "luigi.cfg"
        self.config.write_text("[octet]\nrecipe = ./recipe.yaml\nstore = store\nrecipes = .\n" + config)
        self.env = {"PATH": "/usr/bin:/bin", "LUIGI_CONFIG_PATH": str(self.config)}

    def luigi(self, *arguments, cwd="/", **env):
        """Runs the command. Returns returncode, stdout and stderr."""
        return self._run([str(BIN / "luigi"), "--module", "pipeline", *arguments], cwd, env)

    def octet(self, *arguments, cwd="/", **env):
        return self._run([str(BIN / "octet"), *arguments], cwd, env)

    def _run(self, command, cwd, env):
        return subprocess.run(command, cwd=str(cwd), env=dict(self.env, **env), timeout=240,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True)

    def start(self, *arguments, log="log.txt"):
        """Starts the command's process, which writes its output to the file `log`."""
        with (self.folder / log).open("wb") as output:
            return subprocess.Popen([str(BIN / "luigi"), "--module", "pipeline", *arguments], cwd="/",
                                    env=self.env, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                                    start_new_session=True)

    def said(self, log="log.txt"):
        return (self.folder / log).read_text()

    def manifests(self, stage="*"):
        return [json.loads(path.read_text())
                for path in sorted((self.store / "artifacts").glob(stage + "/*/manifest.json"))]

    def products(self):
        """{stage/file: sha256} of all products in the store."""
        return {manifest["stage"] + "/" + output["path"]: output["sha256"]
                for manifest in self.manifests() for output in manifest["outputs"] if output["product"]}

    def half_made(self):
        """The entries in the store's artifacts that are not artifacts."""
        return [path for path in (self.store / "artifacts").glob("*/*") if path.name.startswith(".")]


def until(condition, seconds=60, pause_s=0.05):
    """Waits for the first true value of `condition`, which is called every `pause_s`. Returns it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(pause_s)
    raise AssertionError("not within {} s".format(seconds))
