"""Makes the next run repeat a stage of a recipe, although nothing changed.

Downstream stages become stale, unless the stage produces the same bytes again.
"""

import argparse

from pipeline.cli import stage_arguments
from pipeline.staleness import overrides

add_arguments = stage_arguments.add_arguments


def run(arguments: argparse.Namespace) -> None:
    plan = stage_arguments.plan(arguments)
    key = overrides.force(plan, arguments.stage, arguments.reason)
    print("{} {} is made again by the next run".format(arguments.stage, key[:12]))
