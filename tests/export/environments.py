"""Environments of other Pythons with distributions from PyPI that cannot be installed in Octet's environment."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Sequence

import pytest


def environment(folder: Path, version: str, distributions: Sequence[str]) -> str:
    """The interpreter of a new environment with only these distributions. Skips the test if this machine has no such
    Python."""
    beside = sorted(Path(sys.base_prefix).parent.glob(version + ".*/bin/python"))
    python = str(beside[0]) if beside else shutil.which("python" + version)
    if not python:
        pytest.skip("no Python {} on this machine".format(version))
    subprocess.run([python, "-m", "venv", str(folder)], check=True)
    inside = str(folder / "bin" / "python")
    subprocess.run([inside, "-m", "pip", "install", "-q", *distributions], check=True)
    return inside
