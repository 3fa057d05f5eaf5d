"""The control group of this process (of a container or a batch job), in the file systems of cgroup 1 and 2."""

from pathlib import Path
from typing import List


def folders(controller: str) -> List[Path]:
    """The folders of the group and of the groups that it is in, which may limit it too, for "memory" or "cpu". Some
    may not exist, for example in a container that does not see the groups around it."""
    found: List[Path] = []
    for line in lines("/proc/self/cgroup"):
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            root = Path("/sys/fs/cgroup")
        elif controller in controllers.split(","):
            root = Path("/sys/fs/cgroup", controller)
        else:
            continue
        place = root / path.lstrip("/")
        found += [place] + [parent for parent in place.parents if root in parent.parents or parent == root]
    return found


def lines(path: str) -> List[str]:
    """The lines of a file; empty if it cannot be read."""
    try:
        with open(path) as file:
            return file.read().splitlines()
    except OSError:
        return []
