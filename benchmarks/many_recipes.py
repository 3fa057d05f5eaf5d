"""CPU seconds of `octet ls`, `why --all` and `gc --dry-run` for stores with a growing number of complete recipes.

    python -m benchmarks.many_recipes [NUMBER ...]      by default 10 100 1000 10000, which takes half an hour

The recipes differ in their seed. Keys, manifests and run records are as in real runs; the products are a few bytes that
no stage has made.
"""

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Dict, List

from pipeline import formatting, settings
from pipeline.inputs import snapshot
from pipeline.stage_specs import STAGES, upward
from pipeline.staleness.plan import Plan
from pipeline.store.artifacts import Store
from pipeline.store.runs import Runs

RECIPE = "seed: {}\ndata: {{dataset: digits}}\nmodel: {{build: lenet}}\n"
COMMANDS = {"ls": ["ls"], "why --all": ["why", "--all"], "gc --dry-run": ["gc", "--dry-run"]}


def write_recipes(folder: Path, first: int, last: int) -> None:
    """Writes the recipes `first` to `last - 1`, and their artifacts and runs into the store in `folder`."""
    (folder / "luigi.cfg").write_text("[octet]\nrecipe = r0\nstore = store\nrecipes = recipes\n")
    (folder / "recipes").mkdir(exist_ok=True)
    store, moment = Store(folder / "store"), snapshot.Moment()
    runs = Runs(store.root)
    for number in range(first, last):
        path = folder / "recipes" / "r{}.yaml".format(number)
        path.write_text(RECIPE.format(number))
        taken = snapshot.take(path, moment=moment)
        plan = Plan(taken, store)
        for stage, spec in ((stage, STAGES[stage]) for stage in upward("ValidateInterpreter")):
            key, preimage = plan.key(stage)
            work = store.workspace(stage, key)
            for pattern in spec.products:
                (work / pattern.replace("*", "0")).write_text("{} {}".format(stage, number))
            files = taken.closures[stage].files
            store.publish(work, stage, key, {
                "inputs": preimage, "metrics": {"accuracy": 0.5}, "git": {"commit": None, "dirty": None},
                "recipe": {"name": path.stem, "path": str(path)}, "snapshot": taken.digest, "seed": number,
                "run": None, "why": [], "sources": {name: file.sha256 for name, file in files.items()},
                "listings": {}, "places": {}, "upstream": {need: plan.key(need)[0] for need in spec.needs},
                "host": "bench", "started": formatting.utc(0), "finished": formatting.utc(0), "seconds": 0.0})
        runs.begin(path, {
            "recipe": {"name": path.stem, "path": str(path)}, "snapshot": taken.digest,
            "target": "ValidateInterpreter", "started": formatting.utc(0), "finished": formatting.utc(0), "exit": 0,
            "host": "bench", "pid": 0, "by": "bench", "argv": [],
            "stages": {stage: {"key": plan.key(stage)[0], "made": True, "why": []}
                       for stage in upward("ValidateInterpreter")}})


def measure(folder: Path) -> Dict[str, float]:
    """{command: its CPU seconds, with the digest cache filled}."""
    environment = dict(os.environ, LUIGI_CONFIG_PATH=str(folder / "luigi.cfg"),
                       OCTET_CACHE=str(folder / "cache"))
    found = {}
    for name, command in COMMANDS.items():
        for _ in range(2):
            before = _cpu_s()
            subprocess.run([sys.executable, "-m", "pipeline.cli.main"] + command, env=environment, check=True,
                           cwd=str(settings.ROOT), stdout=subprocess.DEVNULL)
            found[name] = _cpu_s() - before
    return found


def _cpu_s() -> float:
    """The CPU seconds of all children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _times(now: float, before: float) -> str:
    return "x {:.1f}".format(now / before) if before else ""


def main(numbers: List[int]) -> int:
    """Prints a line for each number of recipes: the CPU seconds of each command, and the factor to the line above. If a
    command grows linearly, the factor equals that of the numbers of recipes."""
    os.fsync = lambda handle: None  # the store need not survive a power failure
    print("{:>7} {:>8}".format("recipes", "") + "".join("  {:>20}".format(name) for name in COMMANDS))
    with tempfile.TemporaryDirectory(prefix="octet-bench-") as folder:
        done, before = 0, {}  # type: int, Dict[str, float]
        for number in sorted(numbers):
            write_recipes(Path(folder), done, number)
            time.sleep(3)  # the digests of files younger than two seconds are not cached
            found = measure(Path(folder))
            print("{:>7} {:>8}".format(number, _times(number, done)) + "".join("  {:>10.2f} s {:>8}".format(
                found[name], _times(found[name], before.get(name, 0))) for name in COMMANDS), flush=True)
            done, before = number, found
    return 0


if __name__ == "__main__":
    sys.exit(main([int(word) for word in sys.argv[1:]] or [10, 100, 1000, 10000]))
