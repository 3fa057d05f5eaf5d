"""Runs every network that should become uint8 through the stages: `make compat` writes docs/compatibility.md.

Results are kept in .octet/compat, so an interrupted run resumes, and a row is made again only if its code has changed.
The page is written again after each row. `python -m tests.compat page` writes the page from the present results."""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Dict, Optional, Sequence

from octet import digest
from octet.datasets import digits, npz
from octet.errors import OctetError
from pipeline import settings
from pipeline.inputs import snapshot
from pipeline.stage_specs import upward
from pipeline.staleness.plan import Plan
from pipeline.store.artifacts import Store
from tasks.tflite import model_file
from tests.compat import newer, page, recipes, small
from tests.tasks.catalogue import CONVERTED, FARTHER
from tests.tasks.tflite import int8_operators

FOLDER = settings.ROOT / ".octet" / "compat"
RESULTS = FOLDER / "results"
BIN = Path(sys.executable).parent
CONFIG = "[octet]\nrecipe = ./digits.yaml\nstore = store\nrecipes = .\n"
ENVIRONMENT = {**os.environ, "LUIGI_CONFIG_PATH": str(FOLDER / "luigi.cfg"), "TF_CPP_MIN_LOG_LEVEL": "3",
               "PATH": str(BIN) + os.pathsep + os.environ.get("PATH", "")}


def main() -> int:
    run = not _arguments().what
    rows = recipes.written(FOLDER)
    (FOLDER / "luigi.cfg").write_text(CONFIG)
    RESULTS.mkdir(exist_ok=True)
    if run:
        _python("tests.compat.small", str(RESULTS))
        _python("tests.compat.contrib_alone", str(RESULTS))
    names = sorted({**CONVERTED, **FARTHER})
    for start in range(0, len(names), recipes.TOGETHER):
        _tiny(names[start:start + recipes.TOGETHER], run)
    for row in rows:
        _page(rows)
        said = _luigi(row.path) if run else ""
        measured = _measured(row) or (run and {"error": said})
        if measured:
            _save(row.name, measured)
        if run:
            _python("tests.compat.contrib_alone", str(RESULTS), str(row.path))
    _page(rows)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.compat", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("what", nargs="?", choices=("page",), help="write the page from what there is, run nothing")
    return parser.parse_args()


def _tiny(names: Sequence[str], run: bool) -> None:
    """The results of tiny networks, which run side by side in one recipe; one by one if that fails."""
    path = recipes.tiny(FOLDER, names)
    said = _luigi(path) if run else ""
    plan = _plan(path)
    key = plan and plan.key("Measure")[0]
    if plan is not None and any(_saved(name).get("key") != key for name in names):
        for name, row in small.rows(plan, names).items():
            _save(name, {**row, "key": key})
    elif plan is None and run and len(names) > 1:
        for name in names:
            _tiny([name], run)
    elif plan is None and run:
        _save(names[0], {"error": said})


def _luigi(recipe: Path) -> str:
    """The last line that luigi printed; '' if it succeeded."""
    log = recipe.with_suffix(".log")
    with log.open("wb") as output:
        code = subprocess.run([str(BIN / "luigi"), "--module", "pipeline", "Measure", "--recipe",
                               str(recipe), "--local-scheduler"], env=ENVIRONMENT, stdin=subprocess.DEVNULL,
                              stdout=output, stderr=subprocess.STDOUT).returncode
    print("{}: exit code {}".format(recipe.stem, code), flush=True)
    return "" if code == 0 else "\n".join(log.read_text("utf-8", "replace").splitlines()[-12:])


def _python(module: str, *arguments: str) -> None:
    with (FOLDER / (module + ".log")).open("ab") as output:
        subprocess.run([sys.executable, "-m", module, *arguments], env=ENVIRONMENT, cwd=str(settings.ROOT),
                       stdout=output, stderr=subprocess.STDOUT, check=False)


def _plan(recipe: Path) -> Optional[Plan]:
    """The recipe's plan; None if not all of its stages are complete."""
    with digest.kept_open():
        plan = Plan(snapshot.take(recipe), Store(FOLDER / "store"))
        return plan if plan.intact("Measure") else None


def _measured(row: recipes.Row) -> Optional[Dict]:
    """The results of a row's stages, and of a newer runtime on its file; None if not all stages are complete."""
    plan = _plan(row.path)
    if plan is None:
        return None
    found = json.loads((plan.folder("Measure") / "measurement.json").read_text("utf-8"))
    seconds = sum(plan.manifest(stage)["seconds"] for stage in upward("Measure"))
    local = found["parity"]["local"]
    worst = max(local, key=lambda item: item["lsb"])
    differences = {}  # type: Dict[int, int]
    for output in found["outputs"].values():
        for lsb, count in output["output_difference_lsb"].items():
            differences[int(lsb)] = differences.get(int(lsb), 0) + count
    result = {"key": plan.key("Measure")[0], "local_lsb": worst["lsb"], "kernel": worst["kind"],
              "wrong": found["parity"]["wrong"], "operators": len(local), "lsb": max(differences),
              "within_2": sum(count for lsb, count in differences.items() if lsb <= 2) / sum(differences.values()),
              "size_bytes": found["size_bytes"], "seconds": seconds, "started": plan.manifest("TrainFloat")["started"]}
    known = _saved(row.name)
    if known.get("key") == result["key"]:
        return known
    content = (plan.folder("ConvertUint8") / "model.tflite").read_bytes()
    return {**result, **_newer(row, content), "int8": _int8(found, content), "runtimes": _runtimes(row)}


def _int8(found: Dict, uint8: bytes) -> Dict:
    """How far the int8 file's operators are from float arithmetic, and its outputs from the uint8 file's; {why} where
    it was not made or not run."""
    if not found["int8"]["measured"]:
        return {"why": found["int8"]["why"]}
    sides = [output["int8"] for output in found["outputs"].values()]
    return {"local": int8_operators.worst(int8_operators.of(uint8)),
            "lsb": max(side["largest_difference_lsb"] for side in sides), "size_bytes": found["size_bytes"]["int8"],
            "agreement": min((side["agreement"] for side in sides if side.get("agreement") is not None), default=None)}


def _runtimes(row: recipes.Row) -> Dict:
    """What `octet targets --run` says of the row's files; {error} where it fails."""
    done = subprocess.run([str(BIN / "octet"), "targets", str(row.path), "--run", "--json"], env=ENVIRONMENT,
                          stdin=subprocess.DEVNULL, capture_output=True)
    if done.returncode:
        return {"error": done.stderr.decode("utf-8", "replace").splitlines()[-1]}
    ran = json.loads(done.stdout.decode())["ran"]
    return {"samples": ran["samples"], "of": ran["of"], "not_installed": ran["not_installed"], "runs": ran["runs"]}


def _newer(row: recipes.Row, content: bytes) -> Dict:
    """The differences between a newer runtime and that of 1.14, on the row's first test pictures."""
    if row.table == "ours":
        part = digits.load().parts["test"]
    else:
        part = npz.load(str(FOLDER / "pictures{}.npz".format(recipes.side(row.name))), 0, 1).parts["test"]
    try:
        found = newer.of_file(content, model_file.read(content),
                              [values[:recipes.SAMPLES["test"]] for values in part.inputs.values()])
    except OctetError as error:
        return {"newer_lsb": None, "newer_died": str(error).splitlines()[0], "unlike": []}
    return {"newer_lsb": found["outputs_lsb"] and max(found["outputs_lsb"]), "newer_died": found["died"],
            "unlike": sorted(set(found["unlike"]) - {""})}


def _saved(name: str) -> Dict:
    path = RESULTS / (name + ".json")
    return json.loads(path.read_text("utf-8")) if path.exists() else {}


def _save(name: str, result: Dict) -> None:
    (RESULTS / (name + ".json")).write_text(json.dumps(result, sort_keys=True), encoding="utf-8")


def _page(rows) -> None:
    (settings.ROOT / "docs" / "compatibility.md").write_text(page.text(rows, RESULTS), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
