"""The files of this checkout that git tracks, and a copy of them."""

import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def tracked_files():
    """The paths of all files in git, relative to ROOT."""
    return subprocess.run(["git", "-C", str(ROOT), "ls-files"], check=True, stdout=subprocess.PIPE,
                          text=True).stdout.split()


def copy_of_the_checkout(folder):
    """Copies all files in git, with their present content, into `folder`. Returns the folder."""
    for path in tracked_files():
        if (ROOT / path).is_file():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(str(ROOT / path), str(folder / path))
    return folder
