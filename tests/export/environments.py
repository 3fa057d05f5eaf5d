"""Environments of other Pythons, with a few distributions from PyPI, for what cannot be in ours."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Sequence

import pytest


def environment(folder: Path, version: str, distributions: Sequence[str]) -> str:
    """The interpreter of a new environment with nothing but these distributions. Skips the test where this machine has
    no such Python."""
    beside = sorted(Path(sys.base_prefix).parent.glob(version + ".*/bin/python"))
    python = str(beside[0]) if beside else shutil.which("python" + version)
    if not python:
        pytest.skip("no Python {} on this machine".format(version))
    subprocess.run([python, "-m", "venv", str(folder)], check=True)
    inside = str(folder / "bin" / "python")
    subprocess.run([inside, "-m", "pip", "install", "-q", *distributions], check=True)
    return inside
