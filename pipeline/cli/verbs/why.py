"""Shows which stages of a recipe would run and why, or that they are fresh.

It compares each stage with the newest run of the recipe and names every difference:
`train.learning_rate 0.001 -> 0.002`, `tasks/training/learning_rate_schedule.py: cosine() changed`.

    octet why digits:3      what an earlier run made, and why; also for a file, or a key
"""

import argparse
import json
from pathlib import Path
from typing import Dict, Iterator, List, Optional, Tuple, Union

from octet import digest
from octet.errors import OctetError, UsageError
from pipeline import settings
from pipeline.cli import recipe_arguments, run_history
from pipeline.inputs import snapshot as snapshots
from pipeline.provenance import artifact_reference
from pipeline.provenance.lineage import Lineage
from pipeline.stage_specs import STAGES
from pipeline.staleness.freshness import FRESH, STALE, Freshness, Staleness
from pipeline.staleness.plan import Plan
from pipeline.store.artifacts import Store
from pipeline.store.runs import Runs

MADE = "made"
"""The state of a stage that a run made."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("recipe", nargs="?", help="a recipe (luigi.cfg has the default), a run, an artifact, or a file "
                        "of one")
    parser.add_argument("stage", nargs="?", help="one stage; all of them by default")
    recipe_arguments.add_set(parser)
    parser.add_argument("--json", action="store_true", help="the same as JSON")
    parser.add_argument("--all", action="store_true", help="the stale stages of every recipe in recipes/")


def run(arguments: argparse.Namespace) -> Optional[int]:
    config = settings.load()
    if arguments.all:
        return _all(config)
    stage = artifact_reference.check_stage(arguments.stage) if arguments.stage else None
    stages = _of_recipe(arguments, stage, config)
    if arguments.json:
        print(json.dumps({name: freshness._asdict() for name, freshness in stages.items()}, indent=1))
        return None
    for name, freshness in stages.items():
        for line in _lines(name, freshness):
            print(line)
    return None


def _of_recipe(arguments: argparse.Namespace, stage: Optional[str], config: settings.Settings) -> Dict[str, Freshness]:
    """{stage: its freshness}, of one stage or of all."""
    store = Store(config.store)
    runs = Runs(store.root)
    if arguments.recipe and artifact_reference.present_recipe(arguments.recipe, config, runs) is None:
        recorded = _recorded(arguments, store, config)
        if stage and stage not in recorded:
            raise UsageError("{} has no part in it".format(stage), where=arguments.recipe,
                             why="its stages are {}".format(", ".join(recorded)), next_step="name one of these")
        return {stage: recorded[stage]} if stage else recorded
    snapshot = snapshots.take(recipe_arguments.path(arguments.recipe, arguments, config))
    staleness = Staleness(Plan(snapshot, store), runs)
    return {stage: staleness.of(stage)} if stage else staleness.asked_for()


def _recorded(arguments: argparse.Namespace, store: Store, config: settings.Settings) -> Dict[str, Freshness]:
    """What the record of a run, or the manifest of an artifact, says."""
    if arguments.set:
        raise UsageError("--set changes a recipe", where=arguments.recipe, why="this is a run or an artifact",
                         next_step="name the recipe")
    run = artifact_reference.run(arguments.recipe, config, Runs(store.root))
    if run is None:
        manifest = artifact_reference.artifact(arguments.recipe, Lineage(store), config)
        return {manifest["stage"]: Freshness(MADE, manifest["why"])}
    recorded = {}
    for name in [name for name in STAGES if name in run["stages"]]:
        in_run = run["stages"][name]
        # What was expected before the run says nothing after it.
        reasons = [reason for reason in in_run["why"] if not reason.startswith(run_history.EXPECTED)]
        used = not in_run["made"] and (run["exit"] == 0 or not in_run["why"])
        recorded[name] = Freshness(MADE if in_run["made"] else FRESH if used else STALE, [] if used else reasons)
    return recorded


def _all(config: settings.Settings) -> int:
    """Prints the stale stages of every recipe in the folder of recipes. Returns the exit code: that of the first
    recipe that cannot be read, else 0."""
    code, stale, fresh = 0, 0, 0
    with digest.kept_open():
        for path, stages in _of_recipes(config):
            if isinstance(stages, OctetError):
                print("{}: {}".format(path.stem, stages))
                code = code or stages.exit_code
                continue
            not_fresh = [(name, freshness) for name, freshness in stages if freshness.state != FRESH]
            fresh += not not_fresh
            stale += bool(not_fresh)
            for name, freshness in not_fresh:
                for line in _lines(name, freshness):
                    print("{}: {}".format(path.stem, line))
    print("{} recipes are fresh, {} are not".format(fresh, stale))
    return code


def _of_recipes(config: settings.Settings) -> Iterator[Tuple[Path, Union[List[Tuple[str, Freshness]], OctetError]]]:
    """(recipe, its (stage, freshness) pairs, or the error for a recipe that cannot be read)."""
    store = Store(config.store)
    moment = snapshots.Moment()
    for path in sorted(config.recipes.glob("*.yaml")):
        try:
            snapshot = snapshots.take(path, moment=moment)
            yield path, list(Staleness(Plan(snapshot, store), Runs(store.root)).asked_for().items())
        except OctetError as error:
            yield path, error


def _lines(stage: str, freshness: Freshness) -> List[str]:
    head = "{:<22} {}".format(stage, freshness.state)
    if not freshness.reasons:
        return [head]
    return ["{}  {}".format(head if not index else " " * len(head), reason)
            for index, reason in enumerate(freshness.reasons)]
