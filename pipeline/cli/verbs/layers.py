"""What each layer of a uint8 model does to its figures: the operators that are wrong, then the layer that hurts first.

FILE is a .tflite file, an artifact's folder, or any file of one, of a model that was measured. For each
tensor: the difference to the fake-quantized graph in LSB, its signal-to-quantization-noise ratio, how much of that
its own operator lost, and the ratio against the float model; for its operator: the most that it is off
by itself, on data and over the whole range of codes.
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
    parser.add_argument("file", help="the model, its measurement, or the name of one, as `octet ls` prints it")
    parser.add_argument("--json", action="store_true", help="the whole measurement of parity")


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
    """The parity in the measurement that `file` belongs to, or that was made from it."""
    found = artifact_reference.find(file, lineage, settings)
    if found.how == IDENTIFIER:
        print("{}: known by {}; its content is another now, which was not measured".format(file, found.how),
              file=sys.stderr)
    measurements = [manifest for manifest in [found.manifest, *lineage.below([found.manifest])]
                    if manifest["stage"] == MEASURED]
    if not measurements:
        raise StoreError("no measurement was made of this", where=str(file),
                         why="what each layer does is found out by {}".format(MEASURED),
                         next_step="run `luigi --module pipeline {}` for its recipe".format(MEASURED))
    intact = [manifest for manifest in measurements if _is_intact(lineage.store, manifest)]
    if not intact:
        raise StoreError("its measurement is damaged, or was deleted to free space", where=str(file),
                         why="`octet trace {}` says what it was".format(file),
                         next_step="run `luigi --module pipeline {}` for its recipe: it is made again".format(MEASURED))
    newest = max(intact, key=lambda manifest: manifest.get("finished") or "")
    measurement = json.loads(lineage.store.read(newest["stage"], newest["key"], MEASUREMENT).decode("utf-8"))
    parity: Dict[str, Any] = measurement["parity"]
    return parity


def _is_intact(store: Store, manifest: Manifest) -> bool:
    """Whether the artifact of the manifest is there, and not another under its key."""
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
