"""Compares runs, recipes or artifacts side by side: their figures, and the inputs in which they differ.

    octet compare digits:3 digits:5         two runs of a recipe, as `octet ls digits` prints them
    octet compare digits digits_resnet8     the newest run of each recipe
    octet compare a.tflite b.tflite 3fa2c1  model files at any place, and keys

`--html` writes the comparison as a page to the user's cache, and prints its path. Of a run that failed, the finished
stages are compared. `octet diff A B` shows the differences stage by stage.
"""

import argparse
import json
from typing import Any, Dict, List

from octet import digest
from octet.errors import UsageError
from pipeline import formatting, settings
from pipeline.cli import model_comparison, run_history
from pipeline.cli.model_comparison import Compared
from pipeline.cli.pages import render
from pipeline.provenance import artifact_reference
from pipeline.provenance.lineage import Lineage
from pipeline.store.artifacts import Store
from pipeline.store.runs import Runs, state

MODEL = "ConvertUint8"
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
    items = [_item(text, lineage, config) for text in arguments.items]
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


def _item(text: str, lineage: Lineage, config: settings.Settings) -> Compared:
    """The run or the artifact that `text` refers to, with the artifacts upstream and downstream of it."""
    recorded = artifact_reference.run(text, config, Runs(lineage.store.root))
    if recorded is not None:
        return Compared(text, run_history.manifests(lineage.store, [recorded])[0], state(recorded))
    record: Any = artifact_reference.artifact(text, lineage, config)
    chain: Dict[str, Any] = {each["stage"]: each for each in lineage.chain(record)}
    if MODEL in chain:  # otherwise many models may be downstream, for example of a part of the data
        for each in _newest_first(lineage.below([record])):
            chain.setdefault(each["stage"], each)
    return Compared(text, chain, "")


def _newest_first(records: List[Any]) -> List[Any]:
    return sorted(records, key=lambda record: record.get("finished") or "", reverse=True)


def _named(text: str) -> str:
    """Shortens a long name to its end, which distinguishes it better than the beginning."""
    return text if len(text) <= WIDEST else "\u2026" + text[-(WIDEST - 1):]
