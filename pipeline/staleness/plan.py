"""Which artifacts of one snapshot are in one store.

A stage's key is known once its upstream artifacts are there, so the plan walks upstream. A dropped upstream artifact is
as good as an intact one: its manifest has the digests of its products. The plan remembers only artifacts that are
there, since they are immutable; a missing one may be made a moment later, by this process or another.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Dict, Optional

from pipeline.inputs import key
from pipeline.inputs.key import Identity
from pipeline.inputs.snapshot import Snapshot
from pipeline.spec import STAGES
from pipeline.store import manifest
from pipeline.store.artifacts import Store
from pipeline.store.marks import Artifact
from pipeline.store.status import DROPPED, INTACT, UNKNOWN, ArtifactStatus

if TYPE_CHECKING:
    from pipeline.inputs.preimage import Digests
    from pipeline.store.records import Manifest


class Plan:
    """The keys and artifacts of the stages of one snapshot, in one store."""

    def __init__(self, snapshot: Snapshot, store: Store, seen: Optional[Dict[Artifact, ArtifactStatus]] = None) -> None:
        """seen: the status of some artifacts, read a moment ago for many plans of one store. That of another is read
        when it is needed."""
        self._seen = seen or {}
        self.snapshot = snapshot
        self.store = store
        self._keys: Dict[str, Identity] = {}
        self._statuses: Dict[str, ArtifactStatus] = {}  # of intact and dropped artifacts only

    def key(self, stage: str) -> Optional[Identity]:
        """The key of a stage, and its preimage; None while an upstream artifact is missing."""
        if stage not in self._keys:
            spec = STAGES[stage]
            upstream: Dict[str, Digests] = {}
            for name in spec.needs:
                status = self.status(name)
                if status.state not in (INTACT, DROPPED):
                    return None
                upstream[name] = manifest.products(status.recorded)
            self._keys[stage] = key.of(spec, self.snapshot, upstream)
        return self._keys[stage]

    def known_key(self, stage: str) -> str:
        """The key of a stage whose upstream artifacts are there. Raises LookupError where one is missing."""
        identity = self.key(stage)
        if identity is None:
            raise LookupError("the key of {} is not known".format(stage))
        return identity.key

    def status(self, stage: str) -> ArtifactStatus:
        """The status of the stage's artifact: 'unknown' while its key is not known."""
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
        """The folder of the stage's artifact, which need not exist; None while its key is not known."""
        identity = self.key(stage)
        return None if identity is None else self.store.artifact(stage, identity.key)

    def manifest(self, stage: str) -> Optional[Manifest]:
        """The manifest of an intact artifact; None for any other."""
        status = self.status(stage)
        return status.manifest if status.state == INTACT else None

    def intact(self, stage: str) -> bool:
        """Whether the stage's artifact is intact, and every artifact upstream of it intact or dropped."""
        return self.status(stage).state == INTACT
