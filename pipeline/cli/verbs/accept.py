"""Accepts the present artifact of a stage as fresh, although its code changed.

Only code and versions may differ. With another recipe, other data or other upstream artifacts, it would be another
artifact. Its manifest records the acceptance and its differences, and `octet trace` shows them.
"""

import argparse

from pipeline.cli import stage_arguments
from pipeline.staleness import overrides
from pipeline.store.runs import Runs

add_arguments = stage_arguments.add_arguments


def run(arguments: argparse.Namespace) -> None:
    plan = stage_arguments.plan(arguments)
    differences = overrides.accept(plan, Runs(plan.store.root), arguments.stage, arguments.reason)
    print("{} is accepted as fresh, although".format(arguments.stage))
    for line in differences:
        print("  " + line)
