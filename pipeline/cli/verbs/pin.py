"""An artifact is kept by every `octet gc` until it is unpinned, with all that it was made from.

    octet pin               what is pinned, since when, by whom and why
    octet pin ARTIFACT      pins it; of a model the measurement too, so that it can still be shown how good it is

ARTIFACT is a file (see `octet trace`), a recipe (what its newest run made last), RECIPE:STAGE, or the
first digits of a key.
"""

import argparse
import json
from typing import List

from octet.errors import UsageError
from pipeline import formatting, settings
from pipeline.provenance import artifact_reference
from pipeline.provenance.lineage import Lineage
from pipeline.spec import STAGES
from pipeline.store.artifacts import Store
from pipeline.store.marks import PINNED, Artifact, current_user

MODEL = "ConvertUint8"
"""From this stage on, what lies below an artifact is about it, and not one more thing that was made from it."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("artifact", metavar="ARTIFACT", nargs="?", help="what to pin")
    parser.add_argument("--remove", action="store_true", help="unpin it: what another pin needs is kept")
    parser.add_argument("--reason", default="", help="for the record")
    parser.add_argument("--json", action="store_true", help="the list of pins as JSON")


def run(arguments: argparse.Namespace) -> None:
    found = settings.load()
    store = Store(found.store)
    if arguments.artifact is None:
        if arguments.remove or arguments.reason:
            raise UsageError("needs an ARTIFACT", where="octet pin", why="without one it lists what is pinned",
                             next_step="name one: `octet pin` lists what can be unpinned")
        _list(store, arguments.json)
        return
    lineage = Lineage(store)
    named = artifact_reference.artifact(arguments.artifact, lineage, found)
    if arguments.remove:
        _remove(store, named)
    else:
        _pin(store, lineage, named, arguments.reason)


def _pin(store: Store, lineage: Lineage, named: dict, reason: str) -> None:
    kept = {(made["stage"], made["key"]): None for made in _needed(lineage, named)}
    store.marks.put(PINNED, named["stage"], named["key"], {
        "by": current_user(), "reason": reason, "keeps": [list(artifact) for artifact in kept]})
    for stage, key in kept:
        print("{} {} is {}".format(stage, key[:12], "pinned" if (stage, key) == _id(named) else "kept with it"))
    stages = list(STAGES)
    if _is_model(named["stage"]) and not any(stage in stages and stages.index(stage) > stages.index(MODEL)
                                             for stage, _ in kept):
        print("it was not measured yet: pin it again when it was, and the measurement is kept too")


def _needed(lineage: Lineage, named: dict) -> List[dict]:
    """The artifact, what it was made from, and, of a model, what was found out about it and that was made from."""
    about = lineage.below([named]) if _is_model(named["stage"]) else []
    return [made for top in [named] + about for made in lineage.chain(top)]


def _is_model(stage: str) -> bool:
    stages = list(STAGES)
    return stage in stages and stages.index(stage) >= stages.index(MODEL)


def _remove(store: Store, named: dict) -> None:
    pins = dict(store.marks.of(PINNED))
    if _id(named) not in pins:
        keepers = [pin for pin, facts in pins.items() if list(_id(named)) in facts.get("keeps", [])]
        raise UsageError("is not pinned itself", where="{} {}".format(named["stage"], named["key"][:12]),
                         why="it is kept with {}".format(", ".join("{} {}".format(stage, key[:12])
                                                                   for stage, key in keepers)) if keepers else "",
                         next_step="`octet pin` lists what is pinned")
    store.marks.remove(PINNED, *_id(named))
    print("{} {} is no longer pinned".format(named["stage"], named["key"][:12]))


def _id(made: dict) -> Artifact:
    return made["stage"], made["key"]


def _list(store: Store, as_json: bool) -> None:
    pins = sorted(store.marks.of(PINNED))
    if as_json:
        print(json.dumps([{"stage": stage, "key": key, "pinned": facts.get("marked"), "by": facts.get("by"),
                           "reason": facts.get("reason"), "keeps": facts.get("keeps", [])}
                          for (stage, key), facts in pins], indent=1))
    elif pins:
        formatting.table(("stage", "key", "age", "by", "keeps", "reason"), [
            [stage, key[:12], formatting.age(facts.get("marked")), facts.get("by") or "-",
             "{} artifacts".format(max(1, len(facts.get("keeps", [])))), facts.get("reason") or "-"]
            for (stage, key), facts in pins])
    else:
        print("nothing is pinned in {}".format(store.root))
