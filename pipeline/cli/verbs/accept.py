"""The present artifact of a stage is taken as fresh although its code changed.

Only code and versions may differ: with another recipe, other data or another upstream it would be
another artifact. Its manifest says so from then on, and so does every trace.
"""

import argparse

from pipeline.cli import stage_arguments
from pipeline.staleness import overrides
from pipeline.store.runs import Runs

add_arguments = stage_arguments.add_arguments


def run(arguments: argparse.Namespace) -> None:
    plan = stage_arguments.plan(arguments)
    differences = overrides.accept(plan, Runs(plan.store.root), arguments.stage, arguments.reason)
    print("{} is taken as fresh, although".format(arguments.stage))
    for line in differences:
        print("  " + line)
