"""A stage of a recipe is made again by the next run, although nothing changed.

What lies below it is stale then, unless the bytes come out the same.
"""

import argparse

from pipeline import naming, settings, snapshot, verdicts
from pipeline.plan import Plan
from pipeline.store import Store


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("recipe", help="a name in recipes/, or a path")
    parser.add_argument("stage")
    parser.add_argument("--reason", default="", help="for the record")


def run(arguments: argparse.Namespace) -> None:
    found = settings.load()
    stage = naming.check_stage(arguments.stage)
    plan = Plan(snapshot.take(found.find_recipe(arguments.recipe)), Store(found.store))
    key = verdicts.force(plan, stage, arguments.reason)
    print("{} {} is made again by the next run".format(stage, key[:12]))
