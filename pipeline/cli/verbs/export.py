"""Copies the folder that is made for whoever uses the model: files, card, C sources, examples, samples.

    octet export RECIPE DIR     DIR is new; the folder is what `luigi --module pipeline Export` has made

Beside what the stage made, DIR gets origin.json: the recipe, the commit, the data and the day.
"""

import argparse
import json
import shlex
from pathlib import Path
from typing import Any, Dict

from octet import digest
from octet.errors import StoreError, UsageError
from pipeline import settings
from pipeline.files.durable_files import explained
from pipeline.inputs import snapshot
from pipeline.provenance import artifact_reference
from pipeline.provenance.lineage import Lineage
from pipeline.staleness.plan import Plan
from pipeline.store.artifacts import Store
from pipeline.store.runs import Runs

STAGE, ORIGIN = "Export", "origin.json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("recipe", help="a name in recipes/, or a path")
    parser.add_argument("folder", metavar="DIR", type=Path, help="the folder to make")


def run(arguments: argparse.Namespace) -> None:
    """Makes the folder. Raises UsageError where something is there already, StoreError where nothing was exported yet,
    or no verdict was given by the gates that the recipe sets now."""
    found = settings.load()
    store = Store(found.store)
    recipe = artifact_reference.recipe(arguments.recipe, found, Runs(store.root))
    plan = Plan(snapshot.take(recipe), store)
    command = "luigi --module pipeline {} --recipe {}".format(STAGE, shlex.quote(arguments.recipe))
    record, look = plan.manifest(STAGE), plan.look(STAGE)
    if record is None:
        raise StoreError("there is no whole export of the recipe as it is now", where=str(recipe),
                         why="; ".join(look.damage) or _missing(plan), next_step="run `{}`".format(command))
    files = _files(store, record)
    origin = json.dumps(_origin(Lineage(store), record), indent=1, sort_keys=True)
    files[ORIGIN] = (origin + "\n").encode("ascii")
    target = arguments.folder.expanduser().absolute()
    try:
        target.mkdir()
    except FileExistsError:
        raise UsageError("{} is there already".format(target), where="octet export", why="nothing is written over",
                         next_step="name a folder that is not there") from None
    except FileNotFoundError:
        raise UsageError("there is no folder {}".format(target.parent), where="octet export",
                         why="the new folder goes there", next_step="make it, or name another folder") from None
    with explained("write the export", target):
        for path, content in files.items():
            (target / path).parent.mkdir(exist_ok=True)
            (target / path).write_bytes(content)  # no link: whoever edits the copy must not edit the store
    print("{}: {} files; card.md says what they are".format(target, len(files)))


def _missing(plan: Plan) -> str:
    """What an export waits for; nothing to say where the stages above it are there."""
    if plan.intact("Measure") and not plan.intact("ValidateInterpreter"):
        return "the model was measured, and there is no verdict on it by the gates that the recipe has now"
    return ""


def _files(store: Store, record: dict) -> Dict[str, bytes]:
    """{path: bytes} of the artifact. Raises StoreError for bytes that are not those that were made."""
    files = {output["path"]: store.read(STAGE, record["key"], output["path"]) for output in record["outputs"]}
    damaged = [output["path"] for output in record["outputs"]
               if digest.of_bytes(files[output["path"]]) != output["sha256"]]
    if damaged:
        raise StoreError("the export in the store is damaged", where=", ".join(damaged),
                         why="these bytes are not those that were made",
                         next_step="run `octet verify`, which takes it out of the store; then make it again: "
                                   "luigi --module pipeline {}".format(STAGE))
    return files


def _origin(lineage: Lineage, record: dict) -> Dict[str, Any]:
    """What made the model, as its manifests say. It depends on history, so it is in no artifact."""
    chain = {each["stage"]: each for each in lineage.chain(record)}
    read = {name: section for each in chain.values() for name, section in each["inputs"]["recipe"].items()}
    parts = {part: sha256 for each in chain.values() for part, sha256 in each["inputs"]["data"].items()}
    return {"recipe": {"name": Path(record["recipe"]["path"]).stem, "sections": read}, "data": parts,
            "seed": record["seed"],
            "stages": {stage: {"key": each["key"], "finished": each["finished"],
                               "commit": (each.get("git") or {}).get("commit"),
                               "dirty": (each.get("git") or {}).get("dirty")} for stage, each in chain.items()},
            "versions": {name: version for each in chain.values()
                         for name, version in each["inputs"]["versions"].items()}}
