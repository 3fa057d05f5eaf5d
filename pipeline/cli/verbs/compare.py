"""Several runs, recipes or artifacts side by side: their figures, and what went into one and not into all.

    octet compare digits:3 digits:5         two runs of a recipe, as `octet ls digits` prints them
    octet compare digits digits_resnet8     what the newest run of each came to
    octet compare a.tflite b.tflite 3fa2c1  files of models, wherever they are, and keys

`--html` draws them as a page, in the user's cache, and prints its path.
A run that failed is compared as far as it came. `octet diff A B` says what differs stage by stage.
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
"""Of a cell; `--json` has all of it."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("items", metavar="A", nargs="+", help="a run, a recipe, an artifact, or a file of one")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="the same as JSON, nothing cut")
    form.add_argument("--html", action="store_true", help="the same as a page, nothing cut")


def run(arguments: argparse.Namespace) -> None:
    """Prints the comparison. Raises UsageError for fewer than two, and for what is none of them."""
    if len(arguments.items) < 2:
        raise UsageError("needs two or more", where="octet compare", why="they are shown side by side",
                         next_step="octet ls {} lists the runs of a recipe".format(arguments.items[0]))
    found = settings.load()
    lineage = Lineage(Store(found.store))
    items = [_item(text, lineage, found) for text in arguments.items]
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
        formatting.table(["went in"] + head[1:], [[row.name] + [formatting.cut(cell, WIDEST) for cell in row.cells]
                                                  for row in inputs])
    else:
        print("what went in is the same")


def _item(text: str, lineage: Lineage, found: settings.Settings) -> Compared:
    """The run that `text` means, else the artifact, with what it was made from and what was made from it."""
    recorded = artifact_reference.run(text, found, Runs(lineage.store.root))
    if recorded is not None:
        return Compared(text, run_history.manifests(lineage.store, [recorded])[0], state(recorded))
    record: Any = artifact_reference.artifact(text, lineage, found)
    chain: Dict[str, Any] = {each["stage"]: each for each in lineage.chain(record)}
    if MODEL in chain:  # what was made of one part of the data, say, is many models
        for each in _newest_first(lineage.below([record])):
            chain.setdefault(each["stage"], each)
    return Compared(text, chain, "")


def _newest_first(records: List[Any]) -> List[Any]:
    return sorted(records, key=lambda record: record.get("finished") or "", reverse=True)


def _named(text: str) -> str:
    """The end of a long name tells more than its beginning."""
    return text if len(text) <= WIDEST else "\u2026" + text[-(WIDEST - 1):]
