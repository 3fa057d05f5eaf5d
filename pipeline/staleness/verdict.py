"""Whether each stage of a recipe is fresh, and exactly why not, against its newest run."""

import json
import os
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional

from octet.data import identity
from pipeline.inputs import key
from pipeline.spec import STAGES, upward
from pipeline.staleness import key_differences
from pipeline.staleness.plan import Plan
from pipeline.store.runs import Runs
from pipeline.store.status import DAMAGED, DROPPED, FORCED, INTACT

FRESH, STALE, WAITS = "fresh", "stale", "waits"  # and DROPPED


class Verdict(NamedTuple):
    """state: 'fresh'; 'stale', and will run; 'waits': stale unless what is above makes the same bytes
    again; 'dropped': it makes nothing below stale, and is made again only if its bytes are needed.
    reasons: a sentence for each."""

    state: str
    reasons: List[str]


class Staleness:
    """The verdicts on the stages of one plan."""

    def __init__(self, plan: Plan, runs: Runs, but_for: Optional[str] = None) -> None:
        """but_for: the name of a run that is not to be compared with: the one going on."""
        self.plan = plan
        self._is_run = but_for is not None
        self.store = plan.store
        self._accepted = plan.store.marks.accepted()
        recipe = plan.snapshot.recipe
        self.runs = [run for run in runs.of(recipe) if runs.name(recipe, run["number"]) != but_for]

    def all(self) -> Dict[str, Verdict]:
        """The verdict on every stage, upstream first."""
        return {stage: self.of(stage) for stage in STAGES}

    def asked_for(self) -> Dict[str, Verdict]:
        """The verdicts on the stages up to the measurement, and on those that a run of the recipe went on to: a model
        that nobody has exported is not stale for that."""
        usual = upward("ValidateInterpreter")
        return {stage: self.of(stage) for stage in STAGES
                if stage in usual or any(stage in run["stages"] for run in self.runs)}

    def of(self, stage: str) -> Verdict:
        """The verdict on one stage."""
        look = self.plan.look(stage)
        if look.state == INTACT:
            return Verdict(FRESH, [])
        above = self._missing_above(stage)
        if above:
            own = self.differences(stage)
            waits = "waits for {}".format(", ".join(above))
            return Verdict(STALE, own + [waits]) if own else Verdict(
                WAITS, [waits + ": fresh if the bytes come out the same"])
        if look.state == DAMAGED:
            return Verdict(STALE, list(look.damage))
        if look.state == DROPPED:
            return Verdict(DROPPED, ["its bytes were let go to free space, its manifest is kept"])
        if look.state == FORCED:
            return Verdict(STALE, [self._forced(stage)])
        return Verdict(STALE, self.differences(stage) or [self._gone(stage)])

    def _missing_above(self, stage: str) -> List[str]:
        """The direct upstream stages that the plan has no products of."""
        return [name for name in STAGES[stage].needs
                if self.plan.look(name).state not in (INTACT, DROPPED)]

    def differences(self, stage: str) -> List[str]:
        """What changed since the newest run that has this stage's manifest; as far as it is known
        while what is above is not there."""
        last, known = self.last_manifest(stage), self.plan.key(stage)
        if last is None:
            return []
        new = known[1] if known else self._preimage_but_for_upstream(stage, last)
        return key_differences.differences(last["inputs"], new,
                               key_differences.from_manifest(last, self.store.blobs.read), self._now(stage))

    def _preimage_but_for_upstream(self, stage: str, last: dict) -> dict:
        spec, supposed = STAGES[stage], last["inputs"]["upstream"]
        return key.of(spec, self.plan.snapshot,
                      {name: supposed.get(name, {}) for name in spec.needs})[1]

    def last_manifest(self, stage: str) -> Optional[dict]:
        """The manifest of this stage's artifact in the newest run that has one; of that which it was taken for,
        where somebody has accepted it."""
        for run in self.runs:
            known = (run["stages"].get(stage) or {}).get("key")
            for candidate in self._taken_for(stage, known) if known else ():
                record = self.store.look(stage, candidate).manifest
                if record is not None:
                    return record
        return None

    def _taken_for(self, stage: str, first: str) -> List[str]:
        """The keys of what an artifact was accepted as, last one first, and its own."""
        keys = [first]
        while self._accepted.get((stage, keys[0]), (stage, first))[1] not in keys:
            keys.insert(0, self._accepted[stage, keys[0]][1])
        return keys

    def _now(self, stage: str) -> key_differences.Contents:
        snapshot = self.plan.snapshot
        files = snapshot.closures[stage].files if stage in snapshot.closures else {}

        def source(name: str) -> Optional[bytes]:
            return Path(files[name].path).read_bytes() if name in files else None

        def listing(part: str) -> Optional[Dict[str, str]]:
            return identity.listing(snapshot.sections["data"], snapshot.folder, part)
        return key_differences.Contents(source, listing)

    def _forced(self, stage: str) -> str:
        known = self.plan.key(stage)[0]
        facts = next(facts for artifact, facts in self.store.marks.of(FORCED)
                     if artifact == (stage, known))
        return "forced on {} by {}".format(facts["marked"], facts.get("by"))

    def _gone(self, stage: str) -> str:
        """Why an artifact whose inputs are all there is not: by what runs have left, not by what they meant to make."""
        known = self.plan.key(stage)[0]
        # A run that asks holds the lock itself.
        if not self._is_run and self.store.is_being_made(stage, known):
            return "a run is making it at this moment"
        if any(_came_to(run, stage, None) for run in self.runs):
            return "its artifact is not in the store any more"
        if not os.path.exists(str(self.store.log(stage, known))):
            return "never made for this recipe"
        others = Runs(self.store.root).every()  # it may have been made for another recipe
        if any(_came_to(run, stage, known) for _, runs in others for run in runs):
            return "its artifact is not in the store any more"
        return "a run began to make it, and did not end well"


def _came_to(run: dict, stage: str, key: Optional[str]) -> bool:
    """Whether the run left an artifact of the stage; with a key, that one."""
    said = run["stages"].get(stage)
    return bool(said and said["key"] and key in (None, said["key"]) and (said["made"] or run["exit"] == 0))


def listing_bytes(files: Dict[str, str]) -> bytes:
    """A list of data files as it is kept."""
    return json.dumps(files, sort_keys=True, indent=0).encode("utf-8")
