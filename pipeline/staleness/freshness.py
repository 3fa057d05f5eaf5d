"""Decides for each stage of a recipe whether it is fresh, and if not, what differs from the newest run."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Dict, List, NamedTuple, Optional

from octet.data import dataset_digest
from pipeline.inputs import key
from pipeline.stage_specs import STAGES, needed, upward
from pipeline.staleness import key_differences
from pipeline.staleness.plan import Plan
from pipeline.store.runs import Runs
from pipeline.store.status import DAMAGED, DROPPED, FORCED, INTACT

if TYPE_CHECKING:
    from pipeline.inputs.preimage_types import Digests, Preimage
    from pipeline.store.record_types import Manifest, Run

USUAL = "ValidateInterpreter"
"""The usual target of a run."""
FRESH, STALE, WAITS = "fresh", "stale", "waits"  # and DROPPED


class Freshness(NamedTuple):
    """Whether a stage is fresh.

    state:   'fresh'; 'stale': the next run makes it; 'waits': stale, unless the upstream stages make the same bytes
             again; 'dropped': its files were deleted, downstream stages stay fresh, and it is made again only if one
             of them needs the files.
    reasons: a sentence for each reason why it is not fresh.
    """

    state: str
    reasons: List[str]


class Staleness:
    """The freshness of the stages of one plan."""

    def __init__(self, plan: Plan, runs: Runs, current_run: Optional[str] = None) -> None:
        """current_run: the name of the run that asks; stages are not compared with it. None outside a run."""
        self.plan = plan
        self._is_run = current_run is not None
        self.store = plan.store
        self._accepted = plan.store.marks.accepted()
        recipe = plan.snapshot.recipe
        self.runs = [run for run in runs.of(recipe) if runs.name(recipe, run["number"]) != current_run]

    def all(self) -> Dict[str, Freshness]:
        """{stage: its freshness} of every stage, upstream first."""
        return {stage: self.of(stage) for stage in STAGES}

    def asked_for(self) -> Dict[str, Freshness]:
        """The freshness of the stages of the usual target, and of further stages that a run of the recipe has made. A
        recipe that was never exported is not stale because of that."""
        usual = upward(USUAL)
        return {stage: self.of(stage) for stage in STAGES
                if stage in usual or any(stage in run["stages"] for run in self.runs)}

    def of(self, stage: str) -> Freshness:
        """The freshness of one stage."""
        status = self.plan.status(stage)
        if status.state == INTACT:
            return Freshness(FRESH, [])
        above = self._missing_above(stage)
        if above:
            own = self.differences(stage)
            if own:
                return Freshness(STALE, own + ["waits for {}".format(", ".join(above))])
            if self.last_manifest(stage) is None:
                return Freshness(WAITS, ["never made for this recipe; waits for {}".format(", ".join(above))])
            return Freshness(WAITS, ["runs only if {} produces other bytes".format(" or ".join(above))])
        if status.state == DAMAGED:
            return Freshness(STALE, list(status.damage))
        if status.state == DROPPED:
            return Freshness(DROPPED, ["its files were deleted to free space; its manifest is kept"])
        if status.state == FORCED:
            return Freshness(STALE, [self._forced(stage)])
        return Freshness(STALE, (self.differences(stage) or [self._why_missing(stage)]) + self._left_out(stage))

    def _left_out(self, stage: str) -> List[str]:
        """The reason why a run of the usual target does not make this wanted stage."""
        why = "" if self._is_run else self.plan.wanted(USUAL).why(stage)
        return ["not made with {}: {}".format(USUAL, why)] if why else []

    def _missing_above(self, stage: str) -> List[str]:
        """The direct upstream stages whose products are unknown."""
        return [name for name in STAGES[stage].needs
                if self.plan.status(name).state not in (INTACT, DROPPED)]

    def differences(self, stage: str) -> List[str]:
        """A sentence for each change since the newest run that has a manifest of this stage. If an upstream artifact is
        missing, changes of upstream products are unknown and are left out."""
        last, identity = self.last_manifest(stage), self.plan.key(stage)
        if last is None:
            return []
        new = identity.preimage if identity else self._preimage_with_last_upstream(stage, last)
        return key_differences.differences(
            last["inputs"], new, key_differences.from_manifest(last, self.store.blobs.read), self._present(stage))

    def _preimage_with_last_upstream(self, stage: str, last: Manifest) -> Preimage:
        spec, upstream = STAGES[stage], last["inputs"]["upstream"]
        return key.of(spec, self.plan.snapshot,
                      {name: upstream.get(name, {}) for name in spec.needs}).preimage

    def last_manifest(self, stage: str) -> Optional[Manifest]:
        """The manifest of this stage's artifact in the newest run that has one. If that artifact was accepted under
        another key, the manifest under that key."""
        for run in self.runs:
            key_in_run = _key_in(run, stage)
            for candidate in self._accepted_as(stage, key_in_run) if key_in_run else ():
                manifest = self.store.status(stage, candidate).manifest
                if manifest is not None:
                    return manifest
        return None

    def _accepted_as(self, stage: str, first: str) -> List[str]:
        """The keys under which an artifact was accepted, the latest first, and then its own key."""
        keys = [first]
        while self._accepted.get((stage, keys[0]), (stage, first))[1] not in keys:
            keys.insert(0, self._accepted[stage, keys[0]][1])
        return keys

    def _present(self, stage: str) -> key_differences.Contents:
        """The contents of the source and the data as they are now."""
        snapshot = self.plan.snapshot
        files = snapshot.closures[stage].files if stage in snapshot.closures else {}

        def source(name: str) -> Optional[bytes]:
            return Path(files[name].path).read_bytes() if name in files else None

        def listing(part: str) -> Optional[Digests]:
            return dataset_digest.listing(snapshot.sections["data"], snapshot.folder, part)
        return key_differences.Contents(source, listing)

    def _forced(self, stage: str) -> str:
        key_now = self.plan.known_key(stage)
        mark = next(mark for artifact, mark in self.store.marks.of(FORCED) if artifact == (stage, key_now))
        return "forced on {} by {}".format(mark["marked"], mark.get("by"))

    def _why_missing(self, stage: str) -> str:
        """The reason why there is no artifact, although its upstream artifacts exist and nothing has changed."""
        key_now = self.plan.known_key(stage)
        # During a run, this process may hold the lock itself.
        if not self._is_run and self.store.is_being_made(stage, key_now):
            return "a run is making it at this moment"
        if any(_made(run, stage, None) for run in self.runs):
            return "its artifact is not in the store any more"
        if not os.path.exists(str(self.store.log(stage, key_now))):
            return "never made for this recipe"
        others = Runs(self.store.root).every()  # the artifact may have been made for another recipe
        if any(_made(run, stage, key_now) for _, runs in others for run in runs):
            return "its artifact is not in the store any more"
        return "a run began to make it, and did not finish"


def _key_in(run: Run, stage: str) -> Optional[str]:
    """The key of the stage's artifact in a run; None if the run does not have the stage, or its key was unknown."""
    in_run = run["stages"].get(stage)
    return None if in_run is None else in_run["key"]


def _made(run: Run, stage: str, key: Optional[str]) -> bool:
    """Whether the run left an artifact of the stage, with this key unless it is None."""
    in_run = run["stages"].get(stage)
    if not (in_run and in_run["key"] and key in (None, in_run["key"])):
        return False
    # A run may end well although a stage that it only wanted has failed.
    complete = run["exit"] == 0 and run["target"] in STAGES and stage in needed(run["target"])
    return in_run["made"] or complete


def listing_bytes(files: Digests) -> bytes:
    """The JSON text in which a list of data files is stored."""
    return json.dumps(files, sort_keys=True, indent=0).encode("utf-8")
