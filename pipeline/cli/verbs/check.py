"""Whether a recipe, with its model and its data, is fit to run, and where each tensor's range will come from."""

import argparse
import json
import sys
from typing import Dict, List, Tuple

from pipeline import settings
from pipeline.cli import recipe_words
from pipeline.execution import preflight
from pipeline.inputs import snapshot
from pipeline.spec import CONVERTIBLE

MOST_LAYERS = 6
"""Of one line about the passes; `--json` names them all."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("recipe", help="a name in recipes/, or a path")
    recipe_words.add_set(parser)
    parser.add_argument("--json", action="store_true", help="the coverage as JSON, and nothing else")


def run(arguments: argparse.Namespace) -> None:
    """Prints what the recipe comes to. Raises OctetError for what would fail in training."""
    settings.expect_folders()
    found = settings.load()
    taken = snapshot.with_source(snapshot.take(recipe_words.path(arguments.recipe, arguments, found)))
    checked = preflight.run(taken, CONVERTIBLE)
    if arguments.json:
        print(json.dumps(checked, indent=1, sort_keys=True))
        return
    print("{}: recipe and data are readable; snapshot {}".format(taken.recipe, taken.digest[:12]))
    _show(checked)
    for line in preflight.remarks(checked):
        print(line)
    print("fit to run")


def _show(found: Dict) -> None:
    from rich.console import Console
    from rich.table import Table
    table = Table("layer", "tensor", "operation", "range", box=None, pad_edge=False)
    for item in found["ranges"]:
        table.add_row(item["layer"], item["tensor"], item["op"],
                      " ".join(part for part in (item["source"], item["of"]) if part))
    # In a pipe there is no width to fit into: a line for each tensor, none of it cut.
    Console(width=None if sys.stdout.isatty() else 240).print(table)
    for line in rewrites(found["rewrites"]):
        print(line)
    for name, error in found["approximated"].items():
        print("{} is approximated, its largest error {}".format(name, error))


def rewrites(items: List[Dict]) -> List[str]:
    """A line for each kind of change, in the order of the passes, with the first of the layers in which it was made."""
    layers: Dict[Tuple[str, str], Dict[str, None]] = {}
    for item in items:
        layers.setdefault((item["did"], item["why"]), {})[item["layer"]] = None
    return ["{}: {}".format(did.format(layer=_named(list(names))), why) for (did, why), names in layers.items()]


def _named(layers: List[str]) -> str:
    """The first layers by name, and how many others there are."""
    named = ", ".join("`{}`".format(layer) for layer in layers[:MOST_LAYERS])
    return named if len(layers) <= MOST_LAYERS else "{} and {} more".format(named, len(layers) - MOST_LAYERS)
