"""Shows the report page of a recipe's model: what it is, how good it is, its mistakes, and what changed.

    octet report RECIPE            writes the page of the recipe as it is now, with its history, and prints its path
    octet report RECIPE --open     also opens it in the browser
    octet report digits:3          the page of an earlier run, of a file, or of a key

The page is a copy of the stage Report's page in the user's cache, with two sections more: the changes since the last
run that made another page, and the origin of each stage's artifact.
"""

from __future__ import annotations

import argparse
import shlex
import time
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Optional

from octet.errors import StoreError
from pipeline import formatting, settings
from pipeline.cli import model_comparison, past_model, run_history
from pipeline.cli.model_comparison import DIGITS, Compared
from pipeline.cli.pages import render
from pipeline.inputs import snapshot
from pipeline.provenance import artifact_reference
from pipeline.provenance.lineage import Lineage
from pipeline.stage_specs import STAGES
from pipeline.staleness.plan import Plan
from pipeline.store.artifacts import Store
from pipeline.store.runs import Runs, state

if TYPE_CHECKING:
    from pipeline.store.record_types import Manifest

Manifests = Dict[str, "Manifest"]
STAGE = "Report"
PAGE = STAGES[STAGE].products[0]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("recipe", help="a recipe, a run, an artifact, or a file of one")
    parser.add_argument("--open", action="store_true", help="open it in the browser")


def run(arguments: argparse.Namespace) -> None:
    """Prints the page's path. Raises StoreError if there is no page for the recipe as it is now, or in the run that is
    named."""
    config = settings.load()
    store = Store(config.store)
    runs = Runs(store.root)
    recipe = artifact_reference.present_recipe(arguments.recipe, config, runs)
    made = _made_now(recipe, arguments.recipe, store) if recipe else past_model.made(
        arguments.recipe, STAGE, Lineage(store), config)
    key = made[STAGE]["key"]
    if recipe is None:
        named = made[STAGE]["recipe"]
        recipe = Path(named["path"] if named else arguments.recipe)
    text = store.read(STAGE, key, PAGE).decode("utf-8")
    name = artifact_reference.name_of(recipe, config, runs)
    page = render.write("{}-{}".format(recipe.stem, key[:12]), render.with_history(
        text, recipe=name, artifact=str(store.artifact(STAGE, key) / PAGE), drawn=formatting.utc(time.time()),
        stages=list(_origins(made)), **_changes(made, store, runs, recipe, name)))
    print(page)
    if arguments.open:
        webbrowser.open(page.as_uri())


def _made_now(recipe: Path, named: str, store: Store) -> Manifests:
    """The manifests of the recipe as it is now. Raises StoreError if its page is not complete."""
    plan = Plan(snapshot.take(recipe), store)
    if not plan.intact(STAGE):
        raise StoreError("there is no complete page of the recipe as it is now", where=str(recipe),
                         why="; ".join(plan.status(STAGE).damage),
                         next_step="run `luigi --module pipeline {} --recipe {}`".format(STAGE, shlex.quote(named)))
    manifests = {stage: plan.status(stage).manifest for stage in STAGES}
    return {stage: manifest for stage, manifest in manifests.items() if manifest is not None}


def _changes(made: Manifests, store: Store, runs: Runs, recipe: Path, name: str) -> Dict[str, Any]:
    """{before: the run that the page is compared with, figures, inputs}; `before` is '' if there is none."""
    before = _before(made, store, runs, recipe, name)
    if before is None:
        return {"before": "", "figures": [], "inputs": []}
    now = Compared("now", {stage: made[stage] for stage in before.manifests if stage in made}, "")
    items = [before._replace(state=""), now]
    return {"before": before.name, "figures": model_comparison.figures(items), "inputs": model_comparison.inputs(items)}


def _before(made: Manifests, store: Store, runs: Runs, recipe: Path, name: str) -> Optional[Compared]:
    """The newest run of the recipe before this page that made another page."""
    key, found = made[STAGE]["key"], False
    for run in runs.of(recipe):
        in_run = run["stages"].get(STAGE)
        if in_run is None or in_run["key"] is None:
            continue
        found = found or in_run["key"] == key
        if not found or in_run["key"] == key:
            continue
        manifests, = run_history.manifests(store, [run])
        if STAGE in manifests:
            return Compared("{}:{}".format(name, run["number"]), manifests, state(run))
    return None


def _origins(made: Manifests) -> Iterator[Dict[str, Any]]:
    """The time, commit and key of each stage's artifact."""
    for stage in STAGES:
        manifest = made.get(stage)
        if manifest is not None:
            git: Any = manifest.get("git") or {}
            commit: List[str] = [git["commit"][:DIGITS], "with uncommitted changes" if git.get("dirty") else ""] \
                if git.get("commit") else ["-"]
            yield {"stage": stage, "made": manifest.get("finished") or "-", "key": manifest["key"][:12],
                   "commit": " ".join(commit).strip()}
