"""What git says about our own checkout."""

import subprocess
from typing import Dict, Optional

from pipeline import settings


def state() -> Dict:
    """The commit of our own checkout, and whether it has changes. None where there is none."""
    changes = _git("status", "--porcelain", "--untracked-files=no")
    return {"commit": _git("rev-parse", "HEAD"), "dirty": None if changes is None else bool(changes)}


def _git(*words: str) -> Optional[str]:
    if not (settings.ROOT / ".git").exists():  # installed, perhaps inside somebody's own checkout
        return None
    try:
        done = subprocess.run(("git", "-C", str(settings.ROOT)) + words, timeout=10,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode("utf-8").strip() if done.returncode == 0 else None
