"""What is there and what is not, for one snapshot in one store.

A stage's key is known once its upstream artifacts are, so the plan is a walk upward. An upstream
whose bytes were let go (dropped) is as good as one that is intact: its manifest says what they were.
Only good news is remembered: what is intact stays so (artifacts are immutable), what is missing may
be made a moment later, by this process or another.
"""

from pathlib import Path
from typing import Dict, Optional, Tuple

from pipeline.inputs import key
from pipeline.inputs.snapshot import Snapshot
from pipeline.spec import STAGES
from pipeline.store import manifest
from pipeline.store.artifacts import Store
from pipeline.store.marks import Artifact
from pipeline.store.status import DROPPED, INTACT, UNKNOWN, Look


class Plan:
    """The stages of one snapshot, seen against one store."""

    def __init__(self, snapshot: Snapshot, store: Store, seen: Optional[Dict[Artifact, Look]] = None) -> None:
        """seen: artifacts that were looked at a moment ago, for many plans of one store; another is looked at
        when it is asked for."""
        self._seen = seen or {}
        self.snapshot = snapshot
        self.store = store
        self._keys: Dict[str, Tuple[str, dict]] = {}
        self._looks: Dict[str, Look] = {}  # of the stages found intact or dropped, and of no others

    def key(self, stage: str) -> Optional[Tuple[str, dict]]:
        """(key, preimage) of a stage; None while an upstream artifact is not known."""
        if stage not in self._keys:
            spec = STAGES[stage]
            upstream = {}
            for name in spec.needs:
                look = self.look(name)
                if look.state not in (INTACT, DROPPED):
                    return None
                upstream[name] = manifest.products(look.manifest)
            self._keys[stage] = key.of(spec, self.snapshot, upstream)
        return self._keys[stage]

    def look(self, stage: str) -> Look:
        """What the store has of this stage: unknown too while its key is."""
        if stage in self._looks:
            return self._looks[stage]
        known = self.key(stage)
        if known is None:
            return Look(UNKNOWN)
        look = self._seen.get((stage, known[0])) or self.store.look(stage, known[0])
        if look.state in (INTACT, DROPPED):
            self._looks[stage] = look
        return look

    def folder(self, stage: str) -> Optional[Path]:
        """Where the stage's artifact is or will be; None while its key is not known."""
        known = self.key(stage)
        return None if known is None else self.store.artifact(stage, known[0])

    def manifest(self, stage: str) -> Optional[dict]:
        """The manifest of an intact artifact, None for any other."""
        look = self.look(stage)
        return look.manifest if look.state == INTACT else None

    def intact(self, stage: str) -> bool:
        """Whether this artifact is intact, and every one above it intact or dropped."""
        return self.look(stage).state == INTACT
