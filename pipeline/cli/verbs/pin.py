"""Pins an artifact: `octet gc` keeps it, and everything that it was made from, until it is unpinned.

    octet pin               lists what is pinned, since when, by whom and why
    octet pin ARTIFACT      pins it; with a model, also its measurement

ARTIFACT is a file (see `octet trace`), a recipe (the last artifact of its newest run), RECIPE:STAGE, or the first
digits of a key.
"""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, List

from octet.errors import UsageError
from pipeline import formatting, settings
from pipeline.provenance import artifact_reference
from pipeline.provenance.lineage import Lineage
from pipeline.stage_specs import STAGES
from pipeline.store.artifacts import Store
from pipeline.store.marks import PINNED, Artifact, current_user

if TYPE_CHECKING:
    from pipeline.store.record_types import Manifest

MODEL = "ConvertUint8"
"""The artifacts downstream of this stage describe the model; they are kept with it."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("artifact", metavar="ARTIFACT", nargs="?", help="what to pin")
    parser.add_argument("--remove", action="store_true", help="unpin it; what another pin needs is still kept")
    parser.add_argument("--reason", default="", help="for the record")
    parser.add_argument("--json", action="store_true", help="the list of pins as JSON")


def run(arguments: argparse.Namespace) -> None:
    config = settings.load()
    store = Store(config.store)
    if arguments.artifact is None:
        if arguments.remove or arguments.reason:
            raise UsageError("needs an ARTIFACT", where="octet pin", why="without one it lists what is pinned",
                             next_step="name one: `octet pin` lists what can be unpinned")
        _list(store, arguments.json)
        return
    lineage = Lineage(store)
    manifest = artifact_reference.artifact(arguments.artifact, lineage, config)
    if arguments.remove:
        _remove(store, manifest)
    else:
        _pin(store, lineage, manifest, arguments.reason)


def _pin(store: Store, lineage: Lineage, manifest: Manifest, reason: str) -> None:
    kept = {_id(needed): None for needed in _needed(lineage, manifest)}
    store.marks.put(PINNED, manifest["stage"], manifest["key"], {
        "by": current_user(), "reason": reason, "keeps": [list(artifact) for artifact in kept]})
    for stage, key in kept:
        print("{} {} is {}".format(stage, key[:12], "pinned" if (stage, key) == _id(manifest) else "kept with it"))
    stages = list(STAGES)
    if _is_model(manifest["stage"]) and not any(stage in stages and stages.index(stage) > stages.index(MODEL)
                                             for stage, _ in kept):
        print("it has not been measured yet: pin it again after that, to keep the measurement too")


def _needed(lineage: Lineage, manifest: Manifest) -> List[Manifest]:
    """The artifact and its upstream artifacts; of a model, also its downstream artifacts (the measurement, say) and
    theirs."""
    downstream = lineage.below([manifest]) if _is_model(manifest["stage"]) else []
    return [needed for top in [manifest, *downstream] for needed in lineage.chain(top)]


def _is_model(stage: str) -> bool:
    stages = list(STAGES)
    return stage in stages and stages.index(stage) >= stages.index(MODEL)


def _remove(store: Store, manifest: Manifest) -> None:
    pins = dict(store.marks.of(PINNED))
    if _id(manifest) not in pins:
        keepers = [pin for pin, mark in pins.items() if list(_id(manifest)) in mark.get("keeps", [])]
        raise UsageError("is not pinned itself", where="{} {}".format(manifest["stage"], manifest["key"][:12]),
                         why="it is kept with {}".format(", ".join("{} {}".format(stage, key[:12])
                                                                   for stage, key in keepers)) if keepers else "",
                         next_step="`octet pin` lists what is pinned")
    store.marks.remove(PINNED, *_id(manifest))
    print("{} {} is no longer pinned".format(manifest["stage"], manifest["key"][:12]))


def _id(manifest: Manifest) -> Artifact:
    return manifest["stage"], manifest["key"]


def _list(store: Store, as_json: bool) -> None:
    pins = sorted(store.marks.of(PINNED), key=lambda pin: pin[0])
    if as_json:
        print(json.dumps([{"stage": stage, "key": key, "pinned": mark.get("marked"), "by": mark.get("by"),
                           "reason": mark.get("reason"), "keeps": mark.get("keeps", [])}
                          for (stage, key), mark in pins], indent=1))
    elif pins:
        formatting.table(("stage", "key", "age", "by", "keeps", "reason"), [
            [stage, key[:12], formatting.age(mark.get("marked")), mark.get("by") or "-",
             "{} artifacts".format(max(1, len(mark.get("keeps", [])))), mark.get("reason") or "-"]
            for (stage, key), mark in pins])
    else:
        print("nothing is pinned in {}".format(store.root))
