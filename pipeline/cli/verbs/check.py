"""Checks that a recipe, its model and its data can run, and shows where each tensor's range will come from.

If the data has been prepared, it is described as `octet data` does.
"""

import argparse
import json
import sys
from typing import Any, Dict, List, Tuple

from pipeline import formatting, settings
from pipeline.cli import data_summary, recipe_arguments
from pipeline.execution import data_limits, preflight
from pipeline.inputs import snapshot as snapshots
from pipeline.stage_specs import CONVERTIBLE
from pipeline.staleness.plan import Plan
from pipeline.store.artifacts import Store

MOST_LAYERS = 6
"""The most layers that a line about a pass names; `--json` names them all."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("recipe", help="a name in recipes/, or a path")
    recipe_arguments.add_set(parser)
    parser.add_argument("--json", action="store_true", help="print the report as JSON, and nothing else")


def run(arguments: argparse.Namespace) -> None:
    """Prints the ranges and the changes of the network. Raises OctetError for anything that would fail in training."""
    settings.expect_folders()
    config = settings.load()
    snapshot = snapshots.with_source(snapshots.take(recipe_arguments.path(arguments.recipe, arguments, config)))
    report = preflight.run(snapshot, CONVERTIBLE)
    plan = Plan(snapshot, Store(config.store))
    limits = _limits(plan)
    if arguments.json:
        print(json.dumps(report, indent=1, sort_keys=True))
        return
    print("{}: recipe and data are readable; snapshot {}".format(snapshot.recipe, snapshot.digest[:12]))
    _show(report)
    summary = data_summary.recorded(plan)
    if summary is not None:
        data_summary.show(summary)
        report = preflight.without_data_notes(report)
    for line in dict.fromkeys(preflight.remarks(report) + preflight.remarks(summary or {})):
        print(line)
    for line in limits:
        print(line)
    print("fit to run")


def _limits(plan: Plan) -> List[str]:
    """A line for each limit of the data, or a note if the store has no figures of the data yet. Raises LimitError if
    the data misses a limit."""
    if not data_limits.are_set(plan.snapshot):
        return []
    figures = data_limits.figures(plan)
    if figures is None:
        return ["note: data.limits are checked when the data is prepared, before training; `octet data` checks "
                "them now"]
    return ["limit kept: {}".format(judgement) for judgement in data_limits.judge(plan.snapshot, figures)]


def _show(report: Dict[str, Any]) -> None:
    """Prints a report of the check `tasks/checks/convertible.py`."""
    from rich.console import Console
    from rich.table import Table
    table = Table("layer", "tensor", "operation", "range", box=None, pad_edge=False)
    for item in report["ranges"]:
        table.add_row(item["layer"], item["tensor"], item["op"],
                      " ".join(part for part in (item["source"], item["of"]) if part))
    # Output to a pipe has no width: one line for each tensor, of any length.
    Console(width=None if sys.stdout.isatty() else 240).print(table)
    for line in rewrites(report["rewrites"]):
        print(line)
    for name, error in report["approximated"].items():
        print("{} is approximated, its largest error {}".format(name, error))


def rewrites(items: List[Dict[str, str]]) -> List[str]:
    """A line for each kind of change, in the order of the passes, with the first layers that were changed.

    items: the changes, each with `did`, `why` and `layer`."""
    layers: Dict[Tuple[str, str], Dict[str, None]] = {}
    for item in items:
        layers.setdefault((item["did"], item["why"]), {})[item["layer"]] = None
    return ["{}: {}".format(did.format(layer=_listed(list(names))), why) for (did, why), names in layers.items()]


def _listed(layers: List[str]) -> str:
    return formatting.listed(["`{}`".format(layer) for layer in layers], MOST_LAYERS)
