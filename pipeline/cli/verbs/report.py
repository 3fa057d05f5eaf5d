"""Shows the report page of a recipe's model: what it is, how good it is, its mistakes, and what changed.

    octet report RECIPE            writes the page with its history, and prints its path
    octet report RECIPE --open     also opens it in the browser

The page is a copy of the stage Report's page in the user's cache, with two sections more: the changes since the last
run that made another page, and the origin of each stage's artifact.
"""

from __future__ import annotations

import argparse
import shlex
import time
import webbrowser
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional

from octet.errors import StoreError
from pipeline import formatting, settings
from pipeline.cli import model_comparison, run_history
from pipeline.cli.model_comparison import DIGITS, Compared
from pipeline.cli.pages import render
from pipeline.inputs import snapshot
from pipeline.provenance import artifact_reference
from pipeline.stage_specs import STAGES
from pipeline.staleness.plan import Plan
from pipeline.store.artifacts import Store
from pipeline.store.runs import Runs, state

STAGE = "Report"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("recipe", help="a name in recipes/, or a path")
    parser.add_argument("--open", action="store_true", help="open it in the browser")


def run(arguments: argparse.Namespace) -> None:
    """Prints the page's path. Raises StoreError if there is no page for the recipe as it is now."""
    config = settings.load()
    store = Store(config.store)
    runs = Runs(store.root)
    recipe = artifact_reference.recipe(arguments.recipe, config, runs)
    plan = Plan(snapshot.take(recipe), store)
    folder = plan.folder(STAGE)
    if folder is None or not plan.intact(STAGE):
        raise StoreError("there is no complete page of the recipe as it is now", where=str(recipe),
                         why="; ".join(plan.status(STAGE).damage),
                         next_step="run `luigi --module pipeline {} --recipe {}`".format(
                             STAGE, shlex.quote(arguments.recipe)))
    artifact = folder / STAGES[STAGE].products[0]
    name = artifact_reference.name_of(recipe, config, runs)
    page = render.write("{}-{}".format(recipe.stem, folder.name[:12]), render.with_history(
        artifact.read_text(encoding="utf-8"), recipe=name, artifact=str(artifact),
        drawn=formatting.utc(time.time()), stages=list(_origins(plan)), **_changes(plan, runs, recipe, name)))
    print(page)
    if arguments.open:
        webbrowser.open(page.as_uri())


def _changes(plan: Plan, runs: Runs, recipe: Path, name: str) -> Dict[str, Any]:
    """{before: the run that the present page is compared with, figures, inputs}; `before` is '' if there is none."""
    before = _before(plan, runs, recipe, name)
    if before is None:
        return {"before": "", "figures": [], "inputs": []}
    manifests = {stage: plan.manifest(stage) for stage in before.manifests}
    now = Compared("now", {stage: manifest for stage, manifest in manifests.items() if manifest}, "")
    items = [before._replace(state=""), now]
    return {"before": before.name, "figures": model_comparison.figures(items), "inputs": model_comparison.inputs(items)}


def _before(plan: Plan, runs: Runs, recipe: Path, name: str) -> Optional[Compared]:
    """The newest run of the recipe that made another page than the present one."""
    for run in runs.of(recipe):
        in_run = run["stages"].get(STAGE)
        if in_run is None or in_run["key"] in (None, plan.known_key(STAGE)):
            continue
        manifests, = run_history.manifests(plan.store, [run])
        if STAGE in manifests:
            return Compared("{}:{}".format(name, run["number"]), manifests, state(run))
    return None


def _origins(plan: Plan) -> Iterator[Dict[str, Any]]:
    """The time, commit and key of each stage's artifact."""
    for stage in STAGES:
        manifest = plan.status(stage).manifest
        if manifest is not None:
            git: Any = manifest.get("git") or {}
            commit: List[str] = [git["commit"][:DIGITS], "with changes" if git.get("dirty") else ""] \
                if git.get("commit") else ["-"]
            yield {"stage": stage, "made": manifest.get("finished") or "-", "key": manifest["key"][:12],
                   "commit": " ".join(commit).strip()}
