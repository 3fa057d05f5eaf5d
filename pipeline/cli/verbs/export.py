"""Copies the exported folder for users of the model: files, card, C sources, examples, samples.

    octet export RECIPE DIR     copies what `luigi --module pipeline Export` has made to the new folder DIR
    octet export digits:3 DIR   the export of an earlier run, of a file, or of a key

DIR also gets origin.json, with the recipe, commit, data, seed and versions. The copy of card.md ends with the same
information in words.
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
from pipeline.cli import past_model
from pipeline.files import new_files
from pipeline.inputs import snapshot as snapshots
from pipeline.provenance import artifact_reference
from pipeline.provenance.lineage import Lineage
from pipeline.stage_specs import PREPARE_DATA
from pipeline.staleness.plan import Plan
from pipeline.store.artifacts import Store
from pipeline.store.runs import Runs

if TYPE_CHECKING:
    from pipeline.store.record_types import Manifest

STAGE, ORIGIN, CARD = "Export", "origin.json", "card.md"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("recipe", help="a recipe, a run, an artifact, or a file of one")
    parser.add_argument("folder", metavar="DIR", type=Path, help="the new folder")


def run(arguments: argparse.Namespace) -> None:
    """Creates the folder. Raises UsageError if it exists, StoreError if there is no export of the present recipe, no
    verdict by its present gates, or no export in the run that is named."""
    config = settings.load()
    store = Store(config.store)
    recipe = artifact_reference.present_recipe(arguments.recipe, config, Runs(store.root))
    manifest = _made_now(recipe, arguments.recipe, store) if recipe else past_model.made(
        arguments.recipe, STAGE, Lineage(store), config)[STAGE]
    files = _files(store, manifest)
    origin = _origin(Lineage(store), manifest)
    files[ORIGIN] = (json.dumps(origin, indent=1, sort_keys=True) + "\n").encode("ascii")
    if CARD in files:
        files[CARD] += _origin_section(origin).encode("utf-8", "backslashreplace")
    target = arguments.folder.expanduser().absolute()
    with new_files.folder(target, "octet export") as folder:
        for path, content in files.items():
            (folder / path).parent.mkdir(exist_ok=True)
            (folder / path).write_bytes(content)  # a copy, no hard link: edits must not change the store
    print("{}: {} files; card.md describes them".format(target, len(files)))


def _made_now(recipe: Path, named: str, store: Store) -> Manifest:
    """The export of the recipe as it is now."""
    plan = Plan(snapshots.take(recipe), store)
    manifest = plan.manifest(STAGE)
    if manifest is None:
        raise StoreError("there is no complete export of the recipe as it is now", where=str(recipe),
                         why="; ".join(plan.status(STAGE).damage) or _missing(plan),
                         next_step="run `luigi --module pipeline {} --recipe {}`; `octet why {}` names what "
                                   "changed".format(STAGE, shlex.quote(named), shlex.quote(named)))
    return manifest


def _missing(plan: Plan) -> str:
    """Why there is no export; empty if its upstream stages are complete."""
    if plan.intact("Measure") and not plan.intact("ValidateInterpreter"):
        return "the model was measured, but there is no verdict on it by the present gates of the recipe"
    return ""


def _files(store: Store, manifest: Manifest) -> Dict[str, bytes]:
    """{path: bytes} of the artifact. Raises StoreError if they are not the bytes that were published."""
    files = {output["path"]: store.read(STAGE, manifest["key"], output["path"]) for output in manifest["outputs"]}
    damaged = [output["path"] for output in manifest["outputs"]
               if digest.of_bytes(files[output["path"]]) != output["sha256"]]
    if damaged:
        raise StoreError("the export in the store is damaged", where=", ".join(damaged),
                         why="its files have changed since they were published",
                         next_step="run `octet verify`, which removes it from the store; then make it again: "
                                   "luigi --module pipeline {}".format(STAGE))
    return files


def _origin(lineage: Lineage, manifest: Manifest) -> Dict[str, Any]:
    """The recipe, data, code and versions that made the model, from its manifests. Artifacts do not contain them, since
    they may differ between artifacts with the same bytes."""
    chain = list({made["stage"]: made for made in lineage.chain(manifest)}.values())
    sections = {name: section for made in chain for name, section in made["inputs"]["recipe"].items()}
    parts = {part: sha256 for made in chain for part, sha256 in made["inputs"]["data"].items()}
    recipe = manifest["recipe"]
    places = {name: place for made in chain for name, place in made["places"].items()}
    samples = {made["stage"].partition(".")[2]: made["metrics"]["samples"] for made in chain
               if made["stage"].startswith(PREPARE_DATA) and "samples" in made["metrics"]}
    return {"recipe": {"name": Path(recipe["path"]).stem if recipe else None, "sections": sections}, "data": parts,
            "data_name": Path(places["data"]).name if "data" in places else None,  # the path is private
            "samples": samples, "seed": manifest["seed"],
            "stages": {made["stage"]: _circumstances(made) for made in chain},
            "versions": {name: version for made in chain for name, version in made["inputs"]["versions"].items()}}


def _origin_section(origin: Dict[str, Any]) -> str:
    """The last section of the card: the origin in words."""
    sections, data, made = origin["recipe"]["sections"], origin["data"], origin["stages"]
    dataset = dict(sections.get("data") or {})
    arguments = ", ".join("{}: {}".format(key, json.dumps(value)) for key, value in sorted(
        (dataset.get("args") or {}).items()))
    commits = sorted({"{}{}".format(each["commit"], ", with uncommitted changes" if each["dirty"] else "")
                      for each in made.values() if each["commit"]})
    trained = (made.get("TrainQAT") or {}).get("finished")
    rows = [("recipe", origin["recipe"]["name"]), ("dataset", dataset.get("dataset")),
            ("folder or file of the dataset", origin["data_name"]), ("arguments of the dataset", arguments),
            ("network", (sections.get("model") or {}).get("build"))]
    rows += [("data, {}".format(part), "sha256 {}".format(sha256)) for part, sha256 in sorted(data.items())]
    rows += [("samples", ", ".join("{:,} in the {} part".format(count, part)
                                   for part, count in sorted(origin["samples"].items(), key=lambda item: -item[1])))]
    rows += [("training ended", trained), ("commit of the code", "; ".join(commits) or "not known"),
             ("seed", str(origin["seed"])), ("TensorFlow", origin["versions"].get("tensorflow"))]
    return "\n## Where it came from\n\n" + "".join(
        "- {}: {}\n".format(name, value) for name, value in rows if value) + \
        "\n`origin.json` has every value of the recipe, and the key of each stage.\n"


def _circumstances(manifest: Manifest) -> Dict[str, Any]:
    git = manifest.get("git")
    return {"key": manifest["key"], "finished": manifest["finished"], "commit": git.get("commit") if git else None,
            "dirty": git.get("dirty") if git else None}
