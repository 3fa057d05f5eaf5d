"""Tells files of installed distributions from other files."""

import os
from pathlib import Path
from typing import Union

FOLDERS = ("site-packages", "dist-packages")
"""The names of the folders into which distributions are installed."""


def is_installed(path: Union[str, Path]) -> bool:
    """Whether the path is such a folder, or lies below one."""
    return bool(set(FOLDERS) & set(str(path).split(os.sep)))
