"""Resolves a reference on the command line to a .tflite file, and to what the store knows about it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, NamedTuple, Optional, Tuple

from octet import regular_file
from octet.errors import StoreError, UsageError
from pipeline.provenance import artifact_reference
from pipeline.provenance.lineage import Lineage
from pipeline.settings import Settings
from pipeline.store.status import INTACT

if TYPE_CHECKING:
    from pipeline.store.record_types import Manifest

CONVERTED, PREPARED = "ConvertUint8", "PrepareData.train"
MODEL, NETWORK = "model.tflite", "network.json"
SUFFIX = ".tflite"
NOTHING_KNOWN: Dict[str, Any] = {"inputs": [], "outputs": []}


class ModelReference(NamedTuple):
    """path: of the .tflite file. how: the way in which it was identified (lineage.PLACE, CONTENT, IDENTIFIER); empty
    for a file of another origin. manifests: {stage: manifest} of all upstream artifacts. network: the inputs and
    outputs in ConvertUint8's network.json; empty if unknown."""

    path: Path
    how: str
    manifests: Dict[str, Manifest]
    network: Dict[str, Any]

    def data(self, lineage: Lineage) -> Optional[Tuple[Dict[str, Any], Path]]:
        """(the recipe's section `data`, the folder of PrepareData.train's artifact); None if they are unknown or do not
        exist."""
        prepared = self.manifests.get(PREPARED)
        if prepared is None or lineage.store.state(PREPARED, prepared["key"]) != INTACT:
            return None
        return prepared["inputs"]["recipe"]["data"], lineage.store.artifact(PREPARED, prepared["key"])


def find(text: str, lineage: Lineage, settings: Settings) -> ModelReference:
    """The file that `text` refers to: a .tflite file, a folder with model.tflite in it, or an artifact (a recipe,
    RECIPE:STAGE, the first digits of a key), whose upstream ConvertUint8 has the file. Raises UsageError, or StoreError
    if the file was deleted to free space."""
    path = Path(text)
    if (path / MODEL).is_file():
        path = path / MODEL
    if not path.is_file() or path.suffix != SUFFIX and not _is_model(path):
        path = _of_artifact(text, lineage, settings)
    known = lineage.known(path)
    manifests = {} if known is None else {record["stage"]: record for record in lineage.chain(known.manifest)}
    return ModelReference(path.absolute(), known.how if known else "", manifests,
                          _network(manifests.get(CONVERTED), lineage))


def _is_model(path: Path) -> bool:
    with regular_file.opened(str(path)) as file:
        return file.read(8)[4:] == b"TFL3"


def _of_artifact(text: str, lineage: Lineage, settings: Settings) -> Path:
    record = artifact_reference.artifact(text, lineage, settings)
    converted = next((each for each in lineage.chain(record) if each["stage"] == CONVERTED), None)
    if converted is None:
        raise UsageError("it has no .tflite file", where=text,
                         why="{} {} is made before {}".format(record["stage"], record["key"][:12], CONVERTED),
                         next_step="name a .tflite file, or what was made from one")
    state = lineage.store.state(CONVERTED, converted["key"])
    if state != INTACT:
        raise StoreError("its .tflite file is {}".format(state), where=text,
                         why="{} {} should contain it".format(CONVERTED, converted["key"][:12]),
                         next_step="run `luigi --module pipeline {}` for its recipe".format(CONVERTED))
    return lineage.store.artifact(CONVERTED, converted["key"]) / MODEL


def _network(converted: Optional[Manifest], lineage: Lineage) -> Dict[str, Any]:
    if converted is None or lineage.store.state(CONVERTED, converted["key"]) != INTACT:
        return NOTHING_KNOWN
    network = json.loads(lineage.store.read(CONVERTED, converted["key"], NETWORK).decode("utf-8"))
    return {side: network[side] for side in ("inputs", "outputs")}
