"""Virtual environments of a newer Python, for runtimes and compilers of targets that do not support Python 3.7.

    octet targets --install     makes them

They are in Octet's cache ($OCTET_CACHE, else the user's cache folder) and can be deleted at any time. Programs in them
run as this user, so an environment that another user owns or can write to is refused.
"""

import ast
import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Dict, List, Mapping, Optional, Sequence

from octet import digest
from octet.errors import StoreError, UsageError
from octet.target_runtimes import DISTRIBUTIONS
from pipeline.files import trust

PYTHONS = ("3.11", "3.12", "3.10", "3.13")
"""Versions of Python for which all of these distributions have wheels. The first is the one that they were tried
with."""
READY = "ready"
PIP_SETTINGS = (
    "index-url", "extra-index-url", "find-links", "no-index", "proxy", "cert", "client-cert", "trusted-host", "timeout",
    "default-timeout", "retries", "constraint", "keyring-provider", "use-feature", "cache-dir")
"""The settings that pip keeps from its files and variables: where it gets packages from, and how. Other settings could
make it install into another place, or install something else."""
UMASK = 0o022
WHY = "what is in it is run as this user"
NEXT_STEP = "set OCTET_CACHE to a folder that only this user can write, and run `octet targets --install`"


def installed() -> Dict[str, str]:
    """{target: path of its environment's Python} for each environment that has the version in octet/target_runtimes.py.
    Raises StoreError if another user owns one or can write to it."""
    found = {target: folder for target in DISTRIBUTIONS for folder in [_folder(target)]
             if folder is not None and (folder / READY).is_file() and _python(folder).is_file()}
    for folder in found.values():
        trust.expect_own(folder, WHY, NEXT_STEP)
    return {target: str(_python(folder)) for target, folder in found.items()}


def install(target: str) -> str:
    """Makes the target's environment unless it exists. Returns the path of its Python. Raises UsageError if this
    machine has no suitable Python, StoreError if the distribution cannot be installed."""
    folder = _folder(target)
    if folder is None:
        raise UsageError("there is no folder for environments", where="octet targets --install",
                         why="this user has no home folder", next_step="set OCTET_CACHE to a folder")
    before = os.umask(UMASK)
    try:
        return _install(target, folder)
    finally:
        os.umask(before)


def _install(target: str, folder: Path) -> str:
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        trust.expect_own_place(folder.parent, WHY, NEXT_STEP)
        lock = open(str(folder) + ".lock", "w")
    except OSError as error:
        raise StoreError("the folder of environments cannot be made: {}".format(error.strerror),
                         where=str(folder.parent), why="",
                         next_step="set OCTET_CACHE to a folder that this user can write to") from error
    with lock:  # another command may be making it
        fcntl.flock(lock, fcntl.LOCK_EX)
        if target not in installed():
            _make(folder, "{}=={}".format(*DISTRIBUTIONS[target]))
    return str(_python(folder))


def _make(folder: Path, requirement: str) -> None:
    """Makes the environment. A folder without the mark READY was left by an interrupted command and is deleted
    first."""
    newer = _newer_python()
    shutil.rmtree(str(folder), ignore_errors=True)
    python, name = str(_python(folder)), requirement.partition("==")[0]
    try:
        # -I: nothing of the working folder is imported.
        _call([newer, "-I", "-m", "venv", str(folder)], os.environ, requirement, folder)
        environment = _pip_environment(_call([python, "-I", "-m", "pip", "config", "list"], os.environ, requirement,
                                             folder))
        _call([python, "-I", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:",
               requirement], environment, requirement, folder)
        _call([python, "-I", "-m", "pip", "show", "--quiet", name], environment, requirement, folder)
        (folder / READY).write_text(requirement + "\n")
    except BaseException:
        shutil.rmtree(str(folder), ignore_errors=True)
        raise


def _call(words: Sequence[str], environment: Mapping[str, str], requirement: str, folder: Path) -> str:
    """Runs the command and returns its output. Raises StoreError if it fails."""
    done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          env=dict(environment))
    output = done.stdout.decode("utf-8", "replace")
    if done.returncode:
        lines: List[str] = [line for line in output.splitlines() if line.strip()]
        raise StoreError("{} cannot be installed".format(requirement), where=str(folder), why="\n".join(lines[-3:]),
                         next_step="check that the package index can be reached, then try again")
    return output


def _pip_environment(settings: str) -> Dict[str, str]:
    """The environment variables for pip. Of pip's settings, only PIP_SETTINGS are kept.

    settings: the output of `pip config list`, with one line section.name='value' for each setting."""
    kept: Dict[str, str] = {}
    for section in ("global.", "install.", ":env:."):  # later sections override earlier ones, as in pip
        for line in settings.splitlines():
            name, equals, value = line.partition("=")
            if equals and name.startswith(section) and name[len(section):] in PIP_SETTINGS:
                kept["PIP_" + name[len(section):].upper().replace("-", "_")] = ast.literal_eval(value)
    others = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    return {**others, **kept, "PIP_CONFIG_FILE": os.devnull}


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
