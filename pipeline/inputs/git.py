"""The state of Octet's own git checkout."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Optional

from pipeline import settings

if TYPE_CHECKING:
    from pipeline.inputs.preimage_types import GitState


def state() -> GitState:
    """The commit of the checkout, and whether tracked files have changes."""
    changes = _git("status", "--porcelain", "--untracked-files=no")
    return {"commit": _git("rev-parse", "HEAD"), "dirty": None if changes is None else bool(changes)}


def _git(*arguments: str) -> Optional[str]:
    """The output of a git command; None if there is no checkout, or the command fails."""
    if not (settings.ROOT / ".git").exists():  # Octet is installed, perhaps inside another checkout
        return None
    try:
        done = subprocess.run(("git", "-C", str(settings.ROOT)) + arguments, timeout=10,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode("utf-8").strip() if done.returncode == 0 else None
