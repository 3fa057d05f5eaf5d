"""Makes the folder from which all situations are copied: a checkout with light stages, and a template."""

import hashlib
import json
import re
import shutil
from pathlib import Path
from typing import Dict

from pipeline.stage_specs import upward
from tests.attacks.situation_folder import Place
from tests.pipeline.checkout import ROOT, Checkout

OF_DATA = ("PrepareData.", "SummarizeData")
OTHER = "extends: faces.yaml\nmodel: {args: {width: 9}}\n"
CHECK = '''\
"""Check, light: the model is built, and the data read."""

from pathlib import Path

from octet.lookup import load_attribute
from tasks import data_source


def run(job, progress):
    dataset = data_source.load(job)
    section = job.settings["model"]
    build = load_attribute(section["build"], "models", "build", Path(job.recipe_folder))
    build(input_shape=(4, 4, 1), classes=len(dataset.parts), **section["args"])
    return {"ranges": [], "rewrites": [], "approximated": {}, "warnings": [], "notes": []}
'''

SCRIPT = "import sys\nfrom {0} import {1}\nsys.exit({1}())\n"
"""Writes a script for an entry point, as an installer does."""


def make(folder: Path) -> None:
    """Fills the folder: checkout/, environment/, template/, keys.json, and products.json of an undisturbed run."""
    checkout = Checkout(folder)
    (checkout.root / "tasks" / "checks" / "convertible.py").write_text(CHECK)
    for name, module, function in re.findall(
        r'^(octet|luigi) = "([\w.]+):(\w+)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE
    ):
        (folder / "environment" / "bin" / name).write_text(SCRIPT.format(module, function))
    checkout.put("other.yaml", OTHER)
    shutil.copytree(str(ROOT / "tests"), str(checkout.root / "tests"), ignore=shutil.ignore_patterns("__pycache__"))
    keys = {}  # type: Dict[str, Dict[str, str]]
    for recipe in ("faces", "other"):
        run = checkout.luigi(recipe=recipe)
        assert run.code == 0, run.said
        shown = json.loads(checkout.octet("ls", "--artifacts", "--json").stdout)
        # The recipes differ in the model alone, so both are made from the same prepared data.
        known = {key for stages in keys.values() for stage, key in stages.items() if not stage.startswith(OF_DATA)}
        keys[recipe] = {item["stage"]: item["key"] for item in shown if item["key"] not in known}
        assert set(keys[recipe]) == set(upward("ValidateInterpreter")), keys
    pinned = checkout.octet("pin", keys["faces"]["Freeze"])
    assert pinned.returncode == 0, pinned.stderr
    (folder / "keys.json").write_text(json.dumps(keys))
    (folder / "products.json").write_text(json.dumps(_products(checkout, keys)))
    template = folder / "template"
    template.mkdir()
    shutil.move(str(checkout.mine), str(template / "mine"))
    shutil.move(str(checkout.store), str(template / "store"))
    _litter(Place(folder, template))


def _products(checkout: Checkout, keys: Dict[str, Dict[str, str]]) -> Dict[str, Dict[str, Dict[str, str]]]:
    """{recipe: {stage: {file: sha256}}} of the bytes in the store."""
    found = {}
    for recipe, stages in keys.items():
        found[recipe] = {}
        for stage, key in stages.items():
            folder = checkout.store / "artifacts" / stage / key
            outputs = json.loads((folder / "manifest.json").read_text())["outputs"]
            found[recipe][stage] = {
                output["path"]: hashlib.sha256((folder / output["path"]).read_bytes()).hexdigest()
                for output in outputs
                if output["product"]
            }
    return found


def _litter(place: Place) -> None:
    """Adds what a used store has: an entry in quarantine, and a workspace of a killed run."""
    artifact = place.artifact("Freeze")
    shutil.copytree(str(artifact), str(place.store / "quarantine" / "Freeze-{}-aaaaaaaa".format(artifact.name)))
    leftover = artifact.parent / ".{}.bbbbbbbb.tmp".format(artifact.name)
    leftover.mkdir()
    (leftover / "frozen.pb").write_text("half")
