"""A stage of a recipe is made again by the next run, although nothing changed.

What lies below it is stale then, unless the bytes come out the same.
"""

import argparse

from pipeline import naming, settings, snapshot, verdicts
from pipeline.plan import Plan
from pipeline.runs import Runs
from pipeline.store import Store


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("recipe", help="a name in recipes/, or a path")
    parser.add_argument("stage")
    parser.add_argument("--reason", default="", help="for the record")


def run(arguments: argparse.Namespace) -> None:
    found = settings.load()
    stage = naming.check_stage(arguments.stage)
    store = Store(found.store)
    plan = Plan(snapshot.take(naming.recipe(arguments.recipe, found, Runs(store.root))), store)
    key = verdicts.force(plan, stage, arguments.reason)
    print("{} {} is made again by the next run".format(stage, key[:12]))
