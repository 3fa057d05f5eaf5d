"""Which files belong to installed distributions."""

import os
from pathlib import Path
from typing import Union

FOLDERS = ("site-packages", "dist-packages")
"""The names of the folders that distributions are installed into."""


def is_installed(path: Union[str, Path]) -> bool:
    """Whether the path lies in such a folder, or is one."""
    return bool(set(FOLDERS) & set(str(path).split(os.sep)))
