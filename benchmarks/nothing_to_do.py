"""Compares a run with nothing to do with plain Luigi, which has as many trivial tasks and nothing to do, too.

    python -m benchmarks.nothing_to_do [TURNS]
"""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Dict, List

from pipeline.stage_specs import upward

BIN = Path(sys.executable).parent
RECIPE = """\
data: {dataset: mnist}
model: {build: lenet, args: {filters: [2, 2, 2], dense: 4}}
train: {epochs: 1, batch_size: 500}
quantize: {epochs: 1, batch_size: 500}
validate: {max_accuracy_drop: null}
"""
TRIVIAL = """\
import luigi


class Step(luigi.Task):
    number = luigi.IntParameter()

    def requires(self):
        return [Step(self.number - 1)] if self.number else []

    def output(self):
        return luigi.LocalTarget("{{}}/step-{{}}".format({folder!r}, self.number))

    def run(self):
        with self.output().open("w") as out:
            out.write("done")
"""


def measure(folder: Path, turns: int) -> Dict[str, List[float]]:
    """{'octet', 'luigi': the seconds of each turn, from the start of the process to its end}. The two take turns."""
    (folder / "recipe.yaml").write_text(RECIPE)
    (folder / "luigi.cfg").write_text("[octet]\nrecipe = ./recipe.yaml\nstore = store\nrecipes = .\n")
    (folder / "trivial.py").write_text(TRIVIAL.format(folder=str(folder)))
    environment = {"PATH": "/usr/bin:/bin", "LUIGI_CONFIG_PATH": str(folder / "luigi.cfg"),
                   "OCTET_CACHE": str(folder / "cache"), "PYTHONPATH": str(folder)}
    commands = {
        "octet": [str(BIN / "luigi"), "--module", "pipeline", "ValidateInterpreter", "--local-scheduler"],
        "luigi": [str(BIN / "luigi"), "--module", "trivial", "Step", "--number",
                  str(len(upward("ValidateInterpreter")) - 1),
                  "--local-scheduler", "--no-lock"]}
    found = {name: [] for name in commands}  # type: Dict[str, List[float]]
    for turn in range(turns + 2):  # the first turn makes everything, the second fills the digest cache
        for name, command in commands.items():
            started = time.perf_counter()
            subprocess.run(command, env=environment, cwd="/", check=True, stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL)
            if turn > 1:
                found[name].append(time.perf_counter() - started)
        if turn == 0:
            time.sleep(3)  # the digests of files younger than two seconds are not cached
    return found


def main(turns: int = 15) -> int:
    """Prints both medians and their ratio. The exit code is 1 if the ratio is 2 or more."""
    with tempfile.TemporaryDirectory(prefix="octet-bench-") as folder:
        found = measure(Path(folder), turns)
    medians = {name: statistics.median(seconds) for name, seconds in found.items()}
    for name, seconds in found.items():
        print("{:<6} median {:.3f} s  minimum {:.3f} s  of {} turns".format(
            name, medians[name], min(seconds), len(seconds)))
    ratio = medians["octet"] / medians["luigi"]
    print("a pipeline of {} stages with nothing to do takes {:.2f} times plain Luigi's time".format(
        len(upward("ValidateInterpreter")), ratio))
    return int(ratio >= 2)


if __name__ == "__main__":
    sys.exit(main(*[int(word) for word in sys.argv[1:]]))
