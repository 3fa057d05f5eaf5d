"""What was said about artifacts: pinned, forced, accepted, released."""

import time
from pathlib import Path
from typing import Dict, List, Tuple

from pipeline import disk, words
from pipeline import manifest as manifests
from pipeline.disk import explained

PINNED, RELEASED, ACCEPTED = "pinned", "released", "accepted"

Artifact = Tuple[str, str]
"""(stage, key)."""


class Marks:
    """The marks below one root folder, a file for each: <root>/<kind>/<stage>-<key>.json"""

    def __init__(self, root: Path) -> None:
        self.root = root

    def put(self, kind: str, stage: str, key: str, facts: dict) -> None:
        """From now on the artifact has a mark of that kind."""
        path = self._path(kind, stage, key)
        with explained("mark an artifact", path):
            path.parent.mkdir(parents=True, exist_ok=True)
            disk.write(path, manifests.sealed({"format": 1, "stage": stage, "key": key,
                                               "marked": words.utc(time.time()), **facts}))

    def remove(self, kind: str, stage: str, key: str) -> None:
        """From now on the artifact has no mark of that kind."""
        with explained("remove a mark", self._path(kind, stage, key)):
            try:
                self._path(kind, stage, key).unlink()
            except FileNotFoundError:
                pass

    def of(self, kind: str) -> List[Tuple[Artifact, dict]]:
        """Every artifact with a mark of that kind, and what was said."""
        found = []
        for name in disk.names(self.root / kind):
            with explained("read a mark", self.root / kind / name):
                record = manifests.unsealed((self.root / kind / name).read_bytes())
            if record is not None:
                found.append(((record["stage"], record["key"]), record))
        return found

    def accepted(self) -> Dict[Artifact, Artifact]:
        """{artifact: the one that it was taken for}."""
        return {(stage, key): (stage, facts["as"]) for (stage, key), facts in self.of(ACCEPTED)}

    def _path(self, kind: str, stage: str, key: str) -> Path:
        return self.root / kind / "{}-{}.json".format(stage, key)
