"""Copies the folder that is made for whoever uses the model: files, card, C sources, examples, samples.

    octet export RECIPE DIR     DIR is new; the folder is what `luigi --module pipeline Export` has made

Beside what the stage made, DIR gets origin.json: the recipe, commit, data, seed and versions. The copy of
card.md in it ends with the same in words.
"""

from __future__ import annotations

import argparse
import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict

from octet import digest
from octet.errors import StoreError
from pipeline import settings
from pipeline.files import new_files
from pipeline.inputs import snapshot as snapshots
from pipeline.provenance import artifact_reference
from pipeline.provenance.lineage import Lineage
from pipeline.staleness.plan import Plan
from pipeline.store.artifacts import Store
from pipeline.store.runs import Runs

if TYPE_CHECKING:
    from pipeline.store.records import Manifest

STAGE, ORIGIN, CARD = "Export", "origin.json", "card.md"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("recipe", help="a name in recipes/, or a path")
    parser.add_argument("folder", metavar="DIR", type=Path, help="the folder to make")


def run(arguments: argparse.Namespace) -> None:
    """Makes the folder. Raises UsageError where something is there already, StoreError where nothing was exported yet,
    or no verdict was given by the gates that the recipe sets now."""
    config = settings.load()
    store = Store(config.store)
    recipe = artifact_reference.recipe(arguments.recipe, config, Runs(store.root))
    plan = Plan(snapshots.take(recipe), store)
    command = "luigi --module pipeline {} --recipe {}".format(STAGE, shlex.quote(arguments.recipe))
    manifest, status = plan.manifest(STAGE), plan.status(STAGE)
    if manifest is None:
        raise StoreError("there is no whole export of the recipe as it is now", where=str(recipe),
                         why="; ".join(status.damage) or _missing(plan), next_step="run `{}`".format(command))
    files = _files(store, manifest)
    origin = _origin(Lineage(store), manifest)
    files[ORIGIN] = (json.dumps(origin, indent=1, sort_keys=True) + "\n").encode("ascii")
    if CARD in files:
        files[CARD] += _told(origin).encode("utf-8", "backslashreplace")
    target = arguments.folder.expanduser().absolute()
    with new_files.folder(target, "octet export") as folder:
        for path, content in files.items():
            (folder / path).parent.mkdir(exist_ok=True)
            (folder / path).write_bytes(content)  # no link: whoever edits the copy must not edit the store
    print("{}: {} files; card.md says what they are".format(target, len(files)))


def _missing(plan: Plan) -> str:
    """What an export waits for; nothing to say where the stages above it are there."""
    if plan.intact("Measure") and not plan.intact("ValidateInterpreter"):
        return "the model was measured, and there is no verdict on it by the gates that the recipe has now"
    return ""


def _files(store: Store, manifest: Manifest) -> Dict[str, bytes]:
    """{path: bytes} of the artifact. Raises StoreError where they are not the bytes that were published."""
    files = {output["path"]: store.read(STAGE, manifest["key"], output["path"]) for output in manifest["outputs"]}
    damaged = [output["path"] for output in manifest["outputs"]
               if digest.of_bytes(files[output["path"]]) != output["sha256"]]
    if damaged:
        raise StoreError("the export in the store is damaged", where=", ".join(damaged),
                         why="these bytes are not those that were made",
                         next_step="run `octet verify`, which takes it out of the store; then make it again: "
                                   "luigi --module pipeline {}".format(STAGE))
    return files


def _origin(lineage: Lineage, manifest: Manifest) -> Dict[str, Any]:
    """The recipe, data, code and versions that made the model, from its manifests. They differ between two artifacts of
    the same bytes, so they are in no artifact."""
    chain = list({made["stage"]: made for made in lineage.chain(manifest)}.values())
    sections = {name: section for made in chain for name, section in made["inputs"]["recipe"].items()}
    parts = {part: sha256 for made in chain for part, sha256 in made["inputs"]["data"].items()}
    recipe = manifest["recipe"]
    return {"recipe": {"name": Path(recipe["path"]).stem if recipe else None, "sections": sections}, "data": parts,
            "seed": manifest["seed"],
            "stages": {made["stage"]: _circumstances(made) for made in chain},
            "versions": {name: version for made in chain for name, version in made["inputs"]["versions"].items()}}


def _told(origin: Dict[str, Any]) -> str:
    """The origin as the end of the card."""
    sections, data, made = origin["recipe"]["sections"], origin["data"], origin["stages"]
    dataset = dict(sections.get("data") or {})
    arguments = ", ".join("{}: {}".format(key, json.dumps(value)) for key, value in sorted(
        (dataset.get("args") or {}).items()))
    commits = sorted({"{}{}".format(each["commit"], ", with changes" if each["dirty"] else "")
                      for each in made.values() if each["commit"]})
    trained = (made.get("TrainQAT") or {}).get("finished")
    rows = [("recipe", origin["recipe"]["name"]), ("dataset", dataset.get("dataset")), ("its arguments", arguments),
            ("network", (sections.get("model") or {}).get("build"))]
    rows += [("data, {}".format(part), "sha256 {}".format(sha256)) for part, sha256 in sorted(data.items())]
    rows += [("trained on", trained), ("commit of the code", "; ".join(commits) or "not known"),
             ("TensorFlow", origin["versions"].get("tensorflow"))]
    return "\n## Where it came from\n\n" + "".join(
        "- {}: {}\n".format(name, value) for name, value in rows if value) + \
        "\n`origin.json` has every value of the recipe, and each stage's key.\n"


def _circumstances(manifest: Manifest) -> Dict[str, Any]:
    git = manifest.get("git")
    return {"key": manifest["key"], "finished": manifest["finished"], "commit": git.get("commit") if git else None,
            "dirty": git.get("dirty") if git else None}
