"""The present artifact of a stage is taken as fresh although its code changed.

Only code and versions may differ: with another recipe, other data or another upstream it would be
another artifact. Its manifest says so from then on, and so does every trace.
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
    differences = overrides.accept(plan, Runs(plan.store.root), stage, arguments.reason)
    print("{} is taken as fresh, although".format(stage))
    for line in differences:
        print("  " + line)
