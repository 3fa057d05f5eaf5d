"""Environments of a newer Python with the runtimes and compilers of targets, which cannot be in ours.

    octet targets --install     makes them

They are in the cache of Octet ($OCTET_CACHE, else the user's): whoever deletes them makes them again.
"""

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Dict, List, Optional

from octet import digest
from octet.errors import StoreError, UsageError
from octet.target_runtimes import DISTRIBUTIONS

PYTHONS = ("3.11", "3.12", "3.10", "3.13")
"""Versions of Python that all of these distributions have wheels for, the one they were tried with first."""
READY = "ready"
ELSEWHERE = ("PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_USER")
"""Variables that let pip install into another place."""


def installed() -> Dict[str, str]:
    """{target: the Python of its environment} of those that are there, in the versions of octet/target_runtimes.py."""
    return {target: str(_python(folder)) for target in DISTRIBUTIONS for folder in [_folder(target)]
            if folder is not None and (folder / READY).is_file() and _python(folder).is_file()}


def install(target: str) -> str:
    """The Python of the target's environment, which is made where it is not there. Raises UsageError where no fitting
    Python is on this machine, StoreError where the distribution cannot be installed."""
    folder = _folder(target)
    if folder is None:
        raise UsageError("there is no place for environments", where="octet targets --install",
                         why="this user has no home folder", next_step="set OCTET_CACHE to a folder")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock = open(str(folder) + ".lock", "w")
    except OSError as error:
        raise StoreError("the folder of environments cannot be made: {}".format(error.strerror),
                         where=str(folder.parent), why="",
                         next_step="set OCTET_CACHE to a folder that this user can write to") from error
    with lock:  # another command may be at it
        fcntl.flock(lock, fcntl.LOCK_EX)
        if target not in installed():
            _make(folder, "{}=={}".format(*DISTRIBUTIONS[target]))
    return str(_python(folder))


def _make(folder: Path, requirement: str) -> None:
    """Makes the environment anew. What an interrupted command left there has no mark READY, and is deleted."""
    python = _newer_python()
    shutil.rmtree(str(folder), ignore_errors=True)
    # -I and the variables: nothing of the working folder is imported, and nothing is installed elsewhere.
    environment = {name: value for name, value in os.environ.items() if name not in ELSEWHERE}
    for words in ([python, "-I", "-m", "venv", str(folder)],
                  [str(_python(folder)), "-I", "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
                   "--only-binary", ":all:", requirement]):
        done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              env=environment)
        if done.returncode:
            shutil.rmtree(str(folder), ignore_errors=True)
            lines: List[str] = [line for line in done.stdout.decode("utf-8", "replace").splitlines() if line.strip()]
            raise StoreError("{} cannot be installed".format(requirement), where=str(folder),
                             why="\n".join(lines[-3:]),
                             next_step="is the package index reachable from here? Then try again")
    (folder / READY).write_text(requirement + "\n")


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
