"""Finds the keys of a snapshot's stages, and which of their artifacts a store has.

A stage's key is known when its upstream artifacts exist, so the plan walks upstream. A dropped upstream artifact is
sufficient, since its manifest has the digests of its products. The plan caches only existing artifacts, which are
immutable. A missing one may be made at any moment, by this process or another.
"""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Dict, List, NamedTuple, Optional, Set, Tuple

from octet import digest
from octet.gates import data_limits
from pipeline.inputs import key
from pipeline.inputs.key import Identity
from pipeline.inputs.snapshot import Snapshot
from pipeline.stage_specs import STAGES, SUMMARIZE, upward
from pipeline.store import manifest
from pipeline.store.artifacts import Store
from pipeline.store.marks import Artifact
from pipeline.store.status import DROPPED, INTACT, UNKNOWN, ArtifactStatus

if TYPE_CHECKING:
    from pipeline.inputs.preimage_types import Digests
    from pipeline.store.record_types import Manifest


class Wanted(NamedTuple):
    """The wanted stages of a run that have no artifact.

    made:     those that the run makes.
    left_out: {each other one: the stages that would have to be made again only for it}.
    """

    made: List[str]
    left_out: Dict[str, List[str]]

    def why(self, stage: str) -> str:
        """The reason why the stage is left out; '' if it is not."""
        needed = self.left_out.get(stage)
        return "it needs {}, which nothing else in the run needs".format(", ".join(needed)) if needed else ""


class Plan:
    """The keys and artifacts of the stages of one snapshot, in one store."""

    def __init__(self, snapshot: Snapshot, store: Store, seen: Optional[Dict[Artifact, ArtifactStatus]] = None) -> None:
        """seen: statuses of artifacts that were just read, for making many plans of one store. Other statuses are read
        when they are needed."""
        self._seen = seen or {}
        self.snapshot = snapshot
        self.store = store
        self._keys: Dict[str, Identity] = {}
        self._statuses: Dict[str, ArtifactStatus] = {}  # of intact and dropped artifacts only

    @property
    def required(self) -> Tuple[str, ...]:
        """The wanted stages that must be complete before training: SummarizeData, if the data has limits and no figures
        for checking them are recorded."""
        if not data_limits.are_set(self.snapshot.sections["data"]):
            return ()
        return () if self.status(SUMMARIZE).state in (INTACT, DROPPED) else (SUMMARIZE,)

    def key(self, stage: str) -> Optional[Identity]:
        """The key of a stage, and its preimage; None while an upstream artifact is missing."""
        if stage not in self._keys:
            spec = STAGES[stage]
            # The cache of digests is opened once for all stages upstream.
            with digest.kept_open() if spec.needs else nullcontext():
                if any(self.status(name).state not in (INTACT, DROPPED) for name in spec.needs):
                    return None
            self._keys[stage] = key.of(spec, self.snapshot, {name: self.products(name) for name in spec.needs})
        return self._keys[stage]

    def products(self, stage: str) -> Digests:
        """{path: sha256} of the products of a stage whose artifact is intact or dropped."""
        return manifest.products(self.status(stage).recorded)

    def known_key(self, stage: str) -> str:
        """The key of a stage whose upstream artifacts exist. Raises LookupError if one is missing."""
        identity = self.key(stage)
        if identity is None:
            raise LookupError("the key of {} is unknown".format(stage))
        return identity.key

    def status(self, stage: str) -> ArtifactStatus:
        """The status of the stage's artifact; 'unknown' if its key is unknown."""
        if stage in self._statuses:
            return self._statuses[stage]
        identity = self.key(stage)
        if identity is None:
            return ArtifactStatus(UNKNOWN)
        status = self._seen.get((stage, identity.key)) or self.store.status(stage, identity.key)
        if status.state in (INTACT, DROPPED):
            self._statuses[stage] = status
        return status

    def folder(self, stage: str) -> Optional[Path]:
        """The folder of the stage's artifact, which need not exist; None if its key is unknown."""
        identity = self.key(stage)
        return None if identity is None else self.store.artifact(stage, identity.key)

    def manifest(self, stage: str) -> Optional[Manifest]:
        """The manifest of an intact artifact; None for any other."""
        status = self.status(stage)
        return status.manifest if status.state == INTACT else None

    def intact(self, stage: str) -> bool:
        """Whether the stage's artifact is intact, and every artifact upstream of it intact or dropped."""
        return self.status(stage).state == INTACT

    def to_make(self, stage: str) -> Set[str]:
        """The stages that a run of `stage` makes, without wanted stages; empty if the stage is intact. Some may turn
        out to be fresh, if upstream stages make the same bytes again."""
        found: Set[str] = set()
        todo = [stage]
        while todo:
            name = todo.pop()
            if name not in found and not self.intact(name):
                found.add(name)
                todo.extend(STAGES[name].needs)
        return found

    def wanted(self, target: str) -> Wanted:
        """The wanted stages of a run of `target`. A wanted stage is made if all stages that it needs exist or are made
        by the run anyway. If only its files were deleted, it is made only by a run that makes something else."""
        needed, found = self.to_make(target), Wanted([], {})
        for name in dict.fromkeys(name for stage in upward(target) for name in STAGES[stage].wants):
            more = self.to_make(name) - needed - {name}
            if name in needed or self.intact(name) or (self.status(name).state == DROPPED and not needed):
                continue
            if more and name not in self.required:
                found.left_out[name] = [stage for stage in STAGES if stage in more]
            else:
                found.made.append(name)
        return found
