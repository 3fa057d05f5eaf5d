"""What a person means: a stage by its name, an artifact by a file, a recipe or a key's first digits."""

from pathlib import Path
from typing import Optional

from octet.errors import OctetError, UsageError
from octet.resolve import suggest
from pipeline.lineage import Lineage
from pipeline.runs import Runs
from pipeline.settings import Settings
from pipeline.spec import STAGES

KEY_DIGITS = 7


def artifact(text: str, lineage: Lineage, settings: Settings) -> dict:
    """The manifest of the artifact that `text` means: a file (see `octet trace`), a recipe (what its
    newest run made last), `RECIPE:STAGE`, or the first digits of a key.

    Raises UsageError when it means none, or more than one."""
    if _is_there(Path(text)) and not text.endswith((".yaml", ".yml")):
        return lineage.find(Path(text)).manifest
    name, _, stage = text.partition(":")
    found = _of_recipe(name, stage, lineage, settings) or _of_key(text, lineage)
    if found is None:
        raise UsageError("no artifact is meant by this", where=text,
                         why="it is no file, no recipe that ran, and no key of the store begins so",
                         next_step="`octet ls` lists the recipes, `octet ls --artifacts` the keys")
    return found


def _of_recipe(name: str, stage: str, lineage: Lineage, settings: Settings) -> Optional[dict]:
    try:
        path = settings.find_recipe(name).absolute()
    except (OctetError, OSError):
        return None
    if stage:
        check_stage(stage)
    for run in Runs(lineage.store.root).of(path):
        for made in [stage] if stage else reversed(list(run["stages"])):
            key = (run["stages"].get(made) or {}).get("key")
            record = lineage.store.look(made, key).manifest if key else None
            if record is not None:
                return record
    return None


def _of_key(text: str, lineage: Lineage) -> Optional[dict]:
    if len(text) < KEY_DIGITS:
        return None
    found = [(stage, key) for stage, key in lineage.store.list() if key.startswith(text)]
    if len(found) > 1:
        raise UsageError("more than one key begins so", where=text,
                         why=", ".join("{} {}".format(stage, key[:16]) for stage, key in found),
                         next_step="give more of its digits")
    return lineage.store.look(*found[0]).manifest if found else None


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # it may not be looked at, or is too long for a path: then it can be another thing's name
        return False


def check_stage(name: str) -> str:
    """`name`, which is a stage. Raises UsageError with the nearest one that is."""
    if name not in STAGES:
        raise UsageError("no stage named {!r}".format(name), where="the command line",
                         why="an artifact is named by its stage and recipe", next_step=suggest(name, STAGES))
    return name
