"""What is there and what is not, for one snapshot in one store.

A stage's key is known once its upstream artifacts are intact, so the plan is a walk upward. Only
good news is remembered: what is intact stays so (artifacts are immutable), what is missing may be
made a moment later, by this process or another.
"""

from pathlib import Path
from typing import Dict, Optional, Tuple

from pipeline import key, manifest
from pipeline.snapshot import Snapshot
from pipeline.spec import STAGES
from pipeline.store import Store


class Plan:
    """The stages of one snapshot, seen against one store."""

    def __init__(self, snapshot: Snapshot, store: Store) -> None:
        self.snapshot = snapshot
        self.store = store
        self._keys: Dict[str, Tuple[str, dict]] = {}
        self._manifests: Dict[str, dict] = {}  # of the stages found intact, and of no others

    def key(self, stage: str) -> Optional[Tuple[str, dict]]:
        """(key, preimage) of a stage; None while an upstream artifact is not intact."""
        if stage not in self._keys:
            spec = STAGES[stage]
            upstream = {}
            for name in spec.needs:
                record = self.manifest(name)
                if record is None:
                    return None
                upstream[name] = manifest.products(record)
            self._keys[stage] = key.of(spec, self.snapshot, upstream)
        return self._keys[stage]

    def folder(self, stage: str) -> Optional[Path]:
        """Where the stage's artifact is or will be; None while its key is not known."""
        known = self.key(stage)
        return None if known is None else self.store.artifact(stage, known[0])

    def manifest(self, stage: str) -> Optional[dict]:
        """The manifest of an intact artifact, None for any other."""
        if stage not in self._manifests:
            known = self.key(stage)
            if known is None or self.store.state(stage, known[0]) != "intact":
                return None
            record = manifest.read(self.store.artifact(stage, known[0]))
            if record is None:
                return None
            self._manifests[stage] = record
        return self._manifests[stage]

    def intact(self, stage: str) -> bool:
        """Whether this artifact and every one above it are intact."""
        return self.manifest(stage) is not None
