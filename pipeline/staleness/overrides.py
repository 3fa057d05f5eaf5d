"""Manual overrides of an artifact's staleness: make it again (force), or accept it as fresh (accept)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Dict, List, cast

from octet.errors import UsageError
from pipeline import formatting
from pipeline.staleness.freshness import Staleness
from pipeline.staleness.plan import Plan
from pipeline.store.artifacts import Store
from pipeline.store.marks import ACCEPTED, current_user
from pipeline.store.runs import Runs
from pipeline.store.status import DROPPED, FORCED, INTACT, UNKNOWN

if TYPE_CHECKING:
    from pipeline.inputs.preimage_types import Preimage
    from pipeline.store.record_types import Accepted, Facts


def force(plan: Plan, stage: str, reason: str) -> str:
    """Marks the stage's artifact to be made again by the next run, and removes its checkpoints. Returns its key. Raises
    UsageError if there is nothing to force, or a run is making the artifact."""
    identity, status = plan.key(stage), plan.status(stage)
    had_checkpoints = identity is not None and _remove_checkpoints(plan.store, stage, identity.key)
    if identity is not None and had_checkpoints and status.state not in (INTACT, DROPPED):
        return identity.key
    if identity is None or status.state not in (INTACT, DROPPED):
        raise UsageError("there is no fresh artifact to force", where=stage,
                         why="it is stale, so the next run makes it anyway",
                         next_step="`octet why` shows the reason")
    plan.store.marks.put(FORCED, stage, identity.key, {"by": current_user(), "reason": reason})
    return identity.key


def _remove_checkpoints(store: Store, stage: str, key: str) -> bool:
    """Removes the checkpoints of an unfinished artifact. Returns whether there were any."""
    if not store.checkpoints.epochs_done(stage, key):
        return False
    try:
        with store.lock(stage, key).acquire(timeout=0):
            return store.checkpoints.remove(stage, key)
    except TimeoutError:
        raise UsageError("a run is making it at this moment", where=stage,
                         why="the run uses its checkpoints, and writes more of them",
                         next_step="end that run first, or wait for it") from None


def accept(plan: Plan, runs: Runs, stage: str, reason: str) -> List[str]:
    """Publishes the artifact of the newest run under the stage's present key, although other code made it.

    Returns a sentence for each difference; the manifest records them. Raises UsageError if the artifact is fresh, is
    not intact, or differs in more than code and versions."""
    identity, state = plan.key(stage), plan.status(stage).state
    if identity is None:
        raise UsageError("an upstream artifact does not exist yet", where=stage,
                         why="the stage's key depends on its upstream artifacts",
                         next_step="accept or make them first: `octet why` lists them")
    if state != UNKNOWN:
        raise UsageError("there is nothing to accept: the artifact is {}".format(state), where=stage,
                         why="only an artifact that is stale because of its code can be accepted",
                         next_step="run it")
    staleness = Staleness(plan, runs)
    last = staleness.last_manifest(stage)
    if last is None or plan.store.state(stage, last["key"]) != INTACT:
        raise UsageError("no run of this recipe left an intact artifact to accept", where=stage,
                         why="accepting publishes an earlier artifact for changed code",
                         next_step="run it")
    key, preimage = identity
    differences = staleness.differences(stage)
    _expect_other_code_only(last["inputs"], preimage, stage, differences)
    accepted: Accepted = {"from": last["key"], "accepted": formatting.utc(time.time()), "by": current_user(),
                "reason": reason, "differences": differences}
    store = plan.store
    with store.lock(stage, last["key"], shared=True), store.lock(stage, key):
        store.publish(store.copy(stage, last["key"], key), stage, key, cast("Facts", {
            **{name: value for name, value in last.items() if name != "format"},
            "inputs": preimage, "accepted": accepted}))
        store.marks.put(ACCEPTED, stage, last["key"], {"as": key, "by": accepted["by"], "reason": reason})
    return differences


def _expect_other_code_only(old: Preimage, new: Preimage, stage: str, differences: List[str]) -> None:
    code = ("source", "versions", "version", "products")
    rest: List[Dict[str, Any]] = [{name: value for name, value in preimage.items() if name not in code}
                                  for preimage in (old, new)]
    rest[0].setdefault("files", {})
    if rest[0] != rest[1]:
        raise UsageError("more than code differs", where=stage, why="\n".join(differences),
                         next_step="run it: other inputs make another artifact")
