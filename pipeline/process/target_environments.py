"""Environments of a newer Python with the runtimes and compilers of targets, which cannot be in ours.

    octet targets --install     makes them

They are in the cache of Octet ($OCTET_CACHE, else the user's): whoever deletes them makes them again.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Dict, List, Optional

from octet import digest
from octet.errors import StoreError, UsageError
from octet.targets import DISTRIBUTIONS

PYTHONS = ("3.11", "3.12", "3.10", "3.13")
"""Versions of Python that all of these distributions have wheels for, the one they were tried with first."""
READY = "ready"


def installed() -> Dict[str, str]:
    """{target: the Python of its environment} of those that are there, in the versions of octet/targets.py."""
    return {target: str(_python(folder)) for target in DISTRIBUTIONS for folder in [_folder(target)]
            if folder is not None and (folder / READY).is_file() and _python(folder).is_file()}


def install(target: str) -> str:
    """The Python of the target's environment, which is made where it is not there. Raises UsageError where no fitting
    Python is on this machine, StoreError where the distribution cannot be installed."""
    if target in installed():
        return installed()[target]
    folder = _folder(target)
    if folder is None:
        raise UsageError("there is no place for environments", where="octet targets --install",
                         why="this user has no home folder", next_step="set OCTET_CACHE to a folder")
    python, requirement = _newer_python(), "{}=={}".format(*DISTRIBUTIONS[target])
    shutil.rmtree(str(folder), ignore_errors=True)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError("the folder of environments cannot be made: {}".format(error.strerror),
                         where=str(folder.parent), why="",
                         next_step="set OCTET_CACHE to a folder that this user can write to") from error
    for words in ([python, "-m", "venv", str(folder)],
                  [str(_python(folder)), "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
                   requirement]):
        done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              env={**os.environ, "PYTHONNOUSERSITE": "1"})
        if done.returncode:
            shutil.rmtree(str(folder), ignore_errors=True)
            lines: List[str] = [line for line in done.stdout.decode("utf-8", "replace").splitlines() if line.strip()]
            raise StoreError("{} cannot be installed".format(requirement), where=str(folder),
                             why="\n".join(lines[-3:]),
                             next_step="is the package index reachable from here? Then try again")
    (folder / READY).write_text(requirement + "\n")
    return str(_python(folder))


def _folder(target: str) -> Optional[Path]:
    cache = digest.cache_file()
    return None if cache is None else Path(cache).parent / "targets" / "-".join(DISTRIBUTIONS[target])


def _python(folder: Path) -> Path:
    return folder / "bin" / "python"


def _newer_python() -> str:
    for version in PYTHONS:
        beside = sorted(Path(sys.base_prefix).parent.glob(version + ".*/bin/python"))  # pyenv's
        found = str(beside[-1]) if beside else shutil.which("python" + version)
        if found:
            return found
    raise UsageError("no Python {} is on this machine".format(" or ".join(PYTHONS)), where="octet targets --install",
                     why="the runtimes have wheels for these",
                     next_step="install one, so that `python{}` is on PATH".format(PYTHONS[0]))
