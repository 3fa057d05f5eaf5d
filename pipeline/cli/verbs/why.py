"""Shows which stages of a recipe would run and why, or that they are fresh.

It compares each stage with the newest run of the recipe and names every difference:
`train.learning_rate 0.001 -> 0.002`, `tasks/training/learning_rate_schedule.py: cosine() changed`.
"""

import argparse
import json
from pathlib import Path
from typing import Iterator, List, Optional, Tuple, Union

from octet import digest
from octet.errors import OctetError
from pipeline import settings
from pipeline.cli import recipe_arguments
from pipeline.inputs import snapshot as snapshots
from pipeline.provenance import artifact_reference
from pipeline.staleness.freshness import FRESH, Freshness, Staleness
from pipeline.staleness.plan import Plan
from pipeline.store.artifacts import Store
from pipeline.store.runs import Runs


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("recipe", nargs="?", help="a name in recipes/, or a path; luigi.cfg has the default")
    parser.add_argument("stage", nargs="?", help="one stage; all of them by default")
    recipe_arguments.add_set(parser)
    parser.add_argument("--json", action="store_true", help="the same as JSON")
    parser.add_argument("--all", action="store_true", help="the stale stages of every recipe in recipes/")


def run(arguments: argparse.Namespace) -> Optional[int]:
    config = settings.load()
    if arguments.all:
        return _all(config)
    stage = artifact_reference.check_stage(arguments.stage) if arguments.stage else None
    snapshot = snapshots.take(recipe_arguments.path(arguments.recipe, arguments, config))
    store = Store(config.store)
    staleness = Staleness(Plan(snapshot, store), Runs(store.root))
    stages = {stage: staleness.of(stage)} if stage else staleness.asked_for()
    if arguments.json:
        print(json.dumps({name: freshness._asdict() for name, freshness in stages.items()}, indent=1))
        return None
    for name, freshness in stages.items():
        for line in _lines(name, freshness):
            print(line)
    return None


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
