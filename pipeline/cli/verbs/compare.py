"""Compares runs, recipes or artifacts side by side: their figures, and the inputs in which they differ.

    octet compare digits:3 digits:5         two runs of a recipe, as `octet ls digits` prints them
    octet compare digits digits_resnet8     the newest run of each recipe
    octet compare a.tflite b.tflite 3fa2c1  model files at any place, and keys

`--html` writes the comparison as a page to the user's cache, and prints its path. Of a run that failed, the finished
stages are compared. `octet diff A B` shows the differences stage by stage.
"""

import argparse
import json

from octet import digest
from octet.errors import UsageError
from pipeline import formatting, settings
from pipeline.cli import model_comparison, past_model
from pipeline.cli.pages import render
from pipeline.provenance.lineage import Lineage
from pipeline.store.artifacts import Store

WIDEST = 36
"""The largest width of a cell; `--json` has the whole text."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("items", metavar="A", nargs="+", help="a run, a recipe, an artifact, or a file of one")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="the same as JSON, nothing cut")
    form.add_argument("--html", action="store_true", help="the same as a page, nothing cut")


def run(arguments: argparse.Namespace) -> None:
    """Prints the comparison. Raises UsageError for fewer than two items, and for unknown items."""
    if len(arguments.items) < 2:
        raise UsageError("needs two or more items", where="octet compare", why="",
                         next_step="octet ls {} lists the runs of a recipe".format(arguments.items[0]))
    config = settings.load()
    lineage = Lineage(Store(config.store))
    items = [past_model.find(text, lineage, config) for text in arguments.items]
    figures, inputs = model_comparison.figures(items), model_comparison.inputs(items)
    if arguments.json:
        print(json.dumps({"items": [item.name for item in items],
                          "figures": {row.name: row.cells for row in figures},
                          "differs": {row.name: row.cells for row in inputs}}, indent=1))
        return
    if arguments.html:
        text = render.comparison(items, figures, inputs)
        print(render.write("compare-{}".format(digest.of_bytes(text.encode("utf-8", "replace"))[:12]), text))
        return
    head = [""] + [_named(item.name) for item in items]
    formatting.table(head, [[row.name] + [formatting.cut(cell, WIDEST) for cell in row.cells] for row in figures])
    print()
    if inputs:
        formatting.table(["input"] + head[1:], [[row.name] + [formatting.cut(cell, WIDEST) for cell in row.cells]
                                                  for row in inputs])
    else:
        print("all inputs are the same")


def _named(text: str) -> str:
    """Shortens a long name to its end, which distinguishes it better than the beginning."""
    return text if len(text) <= WIDEST else "\u2026" + text[-(WIDEST - 1):]
