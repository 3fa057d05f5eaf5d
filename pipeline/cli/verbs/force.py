"""A stage of a recipe is made again by the next run, although nothing changed.

What lies below it is stale then, unless the bytes come out the same.
"""

import argparse

from pipeline import settings
from pipeline.inputs import snapshot
from pipeline.provenance import artifact_reference
from pipeline.staleness import overrides
from pipeline.staleness.plan import Plan
from pipeline.store.artifacts import Store
from pipeline.store.runs import Runs


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("recipe", help="a name in recipes/, or a path")
    parser.add_argument("stage", help="one of its stages")
    parser.add_argument("--reason", default="", help="for the record")


def run(arguments: argparse.Namespace) -> None:
    found = settings.load()
    stage = artifact_reference.check_stage(arguments.stage)
    store = Store(found.store)
    plan = Plan(snapshot.take(artifact_reference.recipe(arguments.recipe, found, Runs(store.root))), store)
    key = overrides.force(plan, stage, arguments.reason)
    print("{} {} is made again by the next run".format(stage, key[:12]))
