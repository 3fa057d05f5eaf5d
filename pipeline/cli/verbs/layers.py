"""Shows the quantization error of each layer of a uint8 model: first wrong operators, then the layers that lose most.

FILE is a .tflite file that was measured, the folder of its artifact, or any file in it. For each tensor, the table has
the difference from the fake-quantized graph in LSB, the signal-to-quantization-noise ratio (SQNR), the part of it that
the tensor's own operator lost, and the SQNR against the float model. For its operator alone, it has the largest error
in LSB, on data and over the whole range of codes.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Optional

from octet.errors import StoreError
from pipeline import formatting, settings
from pipeline.provenance import artifact_reference
from pipeline.provenance.lineage import IDENTIFIER, Lineage, id_of
from pipeline.settings import Settings
from pipeline.store.artifacts import Store
from pipeline.store.status import FORCED, INTACT

if TYPE_CHECKING:
    from pipeline.store.record_types import Manifest

MEASURED, MEASUREMENT = "Measure", "measurement.json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", help="the model, its measurement, or a name of one, as `octet ls` prints it")
    parser.add_argument("--json", action="store_true", help="print the whole parity measurement as JSON")


def run(arguments: argparse.Namespace) -> None:
    config = settings.load()
    parity = _parity(Lineage(Store(config.store)), arguments.file, config)
    if arguments.json:
        print(json.dumps(parity, indent=1))
        return
    for line in _wrong(parity):
        print(line)
    formatting.table(("tensor", "operator", "LSB", "SQNR dB", "lost dB", "float dB", "own LSB", "driven LSB"),
                     _rows(parity))


def _parity(lineage: Lineage, file: str, settings: Settings) -> Dict[str, Any]:
    """The parity in the measurement of `file`: one that it was made from, as an exported file was, or one that was made
    from it."""
    found = artifact_reference.find(file, lineage, settings)
    if found.how == IDENTIFIER:
        print("{}: known by {}; its content has changed since, and was not measured".format(file, found.how),
              file=sys.stderr)
    measurements = [manifest for manifest in lineage.chain(found.manifest) + lineage.below([found.manifest])
                    if manifest["stage"] == MEASURED]
    if not measurements:
        raise StoreError("no measurement was made of this", where=str(file),
                         why="{} measures the layers".format(MEASURED),
                         next_step="run `luigi --module pipeline {}` for its recipe".format(MEASURED))
    intact = [manifest for manifest in measurements if _is_intact(lineage.store, manifest)]
    if not intact:
        raise StoreError("its measurement is damaged, or was deleted to free space", where=str(file),
                         why="`octet trace {}` shows its manifest".format(file),
                         next_step="run `luigi --module pipeline {}` for its recipe, to make it again".format(MEASURED))
    newest = max(intact, key=lambda manifest: manifest.get("finished") or "")
    measurement = json.loads(lineage.store.read(newest["stage"], newest["key"], MEASUREMENT).decode("utf-8"))
    parity: Dict[str, Any] = measurement["parity"]
    return parity


def _is_intact(store: Store, manifest: Manifest) -> bool:
    """Whether the artifact in the store is intact and is the one of this manifest."""
    status = store.status(manifest["stage"], manifest["key"])
    return status.state in (INTACT, FORCED) and id_of(status.recorded) == id_of(manifest) and any(
        output["path"] == MEASUREMENT for output in manifest["outputs"])


def _wrong(parity: Dict[str, Any]) -> Iterator[str]:
    for row in parity["local"]:
        if row["name"] in parity["wrong"]:
            yield "{} ({}) is wrong: {}".format(
                row["name"], row["kind"], row["died"] or "{} LSB from float arithmetic, at most {} is right".format(
                    row["lsb"], row["bound"]))


def _rows(parity: Dict[str, Any]) -> List[List[str]]:
    local = {row["name"]: row for row in parity["local"]}
    rows = []
    for row in parity["end_to_end"]:
        own = local.get(row["name"])
        rows.append([row["name"], row["kind"], _figure(row["lsb"])] + [
            _figure(row[figure]) for figure in ("sqnr_db", "lost_db", "float_db")] + [
            _figure(own and own["on_data"]["lsb"]), _figure(own and own["driven"] and own["driven"]["lsb"])])
    return rows


def _figure(figure: Optional[float]) -> str:
    return "-" if figure is None else "{:g}".format(figure)
