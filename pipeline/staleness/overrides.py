"""What a person says about an artifact: make it again, or take it as it is."""

import time
from typing import List

from octet.errors import UsageError
from pipeline import formatting
from pipeline.staleness.plan import Plan
from pipeline.staleness.verdict import Staleness
from pipeline.store.artifacts import Store
from pipeline.store.marks import ACCEPTED, current_user
from pipeline.store.runs import Runs
from pipeline.store.status import DROPPED, FORCED, INTACT, UNKNOWN


def force(plan: Plan, stage: str, reason: str) -> str:
    """The key of the artifact that is made again by the next run, from the first epoch on: its checkpoints are gone.
    Raises UsageError when there is nothing to force, or it is being made."""
    known, look = plan.key(stage), plan.look(stage)
    begun = known is not None and _without_checkpoints(plan.store, stage, known[0])
    if begun and look.state not in (INTACT, DROPPED):
        return known[0]
    if known is None or look.state not in (INTACT, DROPPED):
        raise UsageError("there is no fresh artifact to force", where=stage,
                         why="it is stale, so the next run makes it anyway",
                         next_step="`octet why` says why it is stale")
    plan.store.marks.put(FORCED, stage, known[0], {"by": current_user(), "reason": reason})
    return known[0]


def _without_checkpoints(store: Store, stage: str, key: str) -> bool:
    """The artifact has no checkpoints any more. Whether it had any."""
    if not store.checkpoints.epoch(stage, key):
        return False
    try:
        with store.lock(stage, key).acquire(timeout=0):
            return store.checkpoints.remove(stage, key)
    except TimeoutError:
        raise UsageError("it is being made at this moment", where=stage,
                         why="its run goes on from its checkpoints, and writes more of them",
                         next_step="end that run first, or wait for it") from None


def accept(plan: Plan, runs: Runs, stage: str, reason: str) -> List[str]:
    """The artifact of the newest run is the stage's artifact from now on, although it was made by
    other code; what differs, a sentence each, which its manifest keeps.

    Raises UsageError where the artifact is fresh already, is not intact, or differs by more than
    code and versions: then other inputs, not the same ones, gave it."""
    known, state = plan.key(stage), plan.look(stage).state
    if known is None:
        raise UsageError("what it is made from is not there yet", where=stage,
                         why="its key follows from the artifacts above it",
                         next_step="accept or make those first: `octet why` lists them")
    if state != UNKNOWN:
        raise UsageError("there is nothing to accept: the artifact is {}".format(state), where=stage,
                         why="only an artifact that is stale for its code can be accepted",
                         next_step="run it")
    staleness = Staleness(plan, runs)
    last = staleness.last_manifest(stage)
    if last is None or plan.store.state(stage, last["key"]) != INTACT:
        raise UsageError("no run of this recipe left an intact artifact to accept", where=stage,
                         why="what is accepted is an earlier artifact, for code that has changed since",
                         next_step="run it")
    key, preimage = known
    differences = staleness.differences(stage)
    _only_code_differs(last["inputs"], preimage, stage, differences)
    accepted = {"from": last["key"], "accepted": formatting.utc(time.time()), "by": current_user(),
                "reason": reason, "differences": differences}
    store = plan.store
    with store.lock(stage, last["key"], shared=True), store.lock(stage, key):
        store.publish(store.copy(stage, last["key"], key), stage, key, {
            **{name: value for name, value in last.items() if name != "format"},
            "inputs": preimage, "accepted": accepted})
        store.marks.put(ACCEPTED, stage, last["key"], {"as": key, "by": accepted["by"], "reason": reason})
    return differences


def _only_code_differs(old: dict, new: dict, stage: str, differences: List[str]) -> None:
    code = ("source", "versions", "version", "products")
    rest = [{name: value for name, value in preimage.items() if name not in code}
            for preimage in (old, new)]
    rest[0].setdefault("files", {})
    if rest[0] != rest[1]:
        raise UsageError("more than code differs", where=stage, why="\n".join(differences),
                         next_step="run it: other inputs make another artifact")
