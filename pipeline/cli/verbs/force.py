"""A stage of a recipe is made again by the next run, although nothing changed.

What lies below it is stale then, unless the bytes come out the same.
"""

import argparse

from pipeline.cli import stage_arguments
from pipeline.staleness import overrides

add_arguments = stage_arguments.add_arguments


def run(arguments: argparse.Namespace) -> None:
    plan = stage_arguments.plan(arguments)
    key = overrides.force(plan, arguments.stage, arguments.reason)
    print("{} {} is made again by the next run".format(arguments.stage, key[:12]))
