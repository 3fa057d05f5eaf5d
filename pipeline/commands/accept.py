"""The present artifact of a stage is taken as fresh although its code changed.

Only code and versions may differ: with another recipe, other data or another upstream it would be
another artifact. Its manifest says so from then on, and so does every trace.
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
    differences = verdicts.accept(plan, Runs(plan.store.root), stage, arguments.reason)
    print("{} is taken as fresh, although".format(stage))
    for line in differences:
        print("  " + line)
