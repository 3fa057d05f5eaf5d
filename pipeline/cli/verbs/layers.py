"""What each layer of a uint8 model does to its figures: the operators that are wrong, then the layer that hurts first.

FILE is a .tflite file, an artifact's folder, or any file of one, of a model that was measured. For each
tensor: the difference to the fake-quantized graph in LSB, its signal-to-quantization-noise ratio, how much of that
its own operator lost, and the ratio against the float model; for its operator: the most that it is off
by itself, on data and over the whole range of codes.
"""

import argparse
import json
import sys
from typing import Dict, Iterator, List

from octet.errors import StoreError
from pipeline import formatting, settings
from pipeline.provenance import artifact_reference
from pipeline.provenance.lineage import IDENTIFIER, Lineage, id_of
from pipeline.settings import Settings
from pipeline.store.artifacts import Store
from pipeline.store.status import FORCED, INTACT

MEASURED, MEASUREMENT = "Measure", "measurement.json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", help="the model, its measurement, or the name of one, as `octet ls` prints it")
    parser.add_argument("--json", action="store_true", help="the whole measurement of parity")


def run(arguments: argparse.Namespace) -> None:
    found = settings.load()
    parity = _parity(Lineage(Store(found.store)), arguments.file, found)
    if arguments.json:
        print(json.dumps(parity, indent=1))
        return
    for line in _wrong(parity):
        print(line)
    formatting.table(("tensor", "operator", "LSB", "SQNR dB", "lost dB", "float dB", "own LSB", "driven LSB"),
                     _rows(parity))


def _parity(lineage: Lineage, file: str, settings: Settings) -> Dict:
    """The parity in the measurement that `file` is of, or that was made from it."""
    known = artifact_reference.find(file, lineage, settings)
    if known.how == IDENTIFIER:
        print("{}: known by {}; its content is another now, which was not measured".format(file, known.how),
              file=sys.stderr)
    measured = [found for found in [known.manifest] + lineage.below([known.manifest]) if found["stage"] == MEASURED]
    if not measured:
        raise StoreError("no measurement was made of this", where=str(file),
                         why="what each layer does is found out by {}".format(MEASURED),
                         next_step="run `luigi --module pipeline {}` for its recipe".format(MEASURED))
    whole = [found for found in measured if _is_whole(lineage.store, found)]
    if not whole:
        raise StoreError("its measurement is damaged, or was let go", where=str(file),
                         why="`octet trace {}` says what it was".format(file),
                         next_step="run `luigi --module pipeline {}` for its recipe: it is made again".format(MEASURED))
    newest = max(whole, key=lambda found: found.get("finished") or "")
    return json.loads(lineage.store.read(newest["stage"], newest["key"], MEASUREMENT).decode("utf-8"))["parity"]


def _is_whole(store: Store, record: Dict) -> bool:
    """Whether the artifact of the manifest is there, and not another under its key."""
    look = store.look(record["stage"], record["key"])
    return look.state in (INTACT, FORCED) and id_of(look.manifest) == id_of(record) and any(
        output["path"] == MEASUREMENT for output in record["outputs"])


def _wrong(parity: Dict) -> Iterator[str]:
    for row in parity["local"]:
        if row["name"] in parity["wrong"]:
            yield "{} ({}) is wrong: {}".format(
                row["name"], row["kind"], row["died"] or "{} LSB from float arithmetic, at most {} is right".format(
                    row["lsb"], row["bound"]))


def _rows(parity: Dict) -> List[List[str]]:
    own = {row["name"]: row for row in parity["local"]}
    rows = []
    for row in parity["end_to_end"]:
        found = own.get(row["name"])
        rows.append([row["name"], row["kind"], _said(row["lsb"])] + [
            _said(row[figure]) for figure in ("sqnr_db", "lost_db", "float_db")] + [
            _said(found and found["on_data"]["lsb"]), _said(found and found["driven"] and found["driven"]["lsb"])])
    return rows


def _said(figure) -> str:
    return "-" if figure is None else "{:g}".format(figure)
