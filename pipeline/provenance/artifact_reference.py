"""What a person means: a stage by its name, an artifact by a file, a recipe or a key's first digits."""

import itertools
import re
from pathlib import Path
from typing import Optional

from octet.errors import RecipeError, UsageError
from octet.lookup import suggest
from pipeline.provenance.lineage import Lineage
from pipeline.settings import Settings
from pipeline.spec import STAGES
from pipeline.store.runs import Runs

KEY_DIGITS = 4
"""The fewest digits that name a key, as in git."""
_HEX = re.compile("[0-9a-f]+$")


def artifact(text: str, lineage: Lineage, settings: Settings) -> dict:
    """The manifest of the artifact that `text` means: a file (see `octet trace`), a recipe (what its
    newest run made last), `RECIPE:STAGE`, or the first digits of a key.

    Raises UsageError when it means none, or more than one."""
    if _is_there(Path(text)) and not text.endswith((".yaml", ".yml")):
        return lineage.find(Path(text)).manifest
    name, _, stage = text.partition(":")
    found = _of_recipe(name, stage, lineage, settings) or _of_key(text, lineage)
    if found is None and len(text) < KEY_DIGITS and _HEX.match(text):
        raise UsageError("{} digits are too few to name a key".format(len(text)), where=text,
                         why="it is no file and no recipe that ran", next_step="give {} digits or more; "
                         "`octet ls --artifacts` lists the keys".format(KEY_DIGITS))
    if found is None:
        raise UsageError("no artifact is meant by this", where=text,
                         why="it is no file, no recipe that ran, and no key of the store begins so",
                         next_step="`octet ls` lists the recipes, `octet ls --artifacts` the keys")
    return found


def recipe(text: str, settings: Settings, runs: Runs) -> Path:
    """The absolute path of the recipe that `text` means: a path, a name in the folder of recipes, or the name of one
    that ran, as `octet ls` prints it. Raises RecipeError for none, UsageError for more than one."""
    try:
        return settings.find_recipe(text).absolute()
    except RecipeError:
        ran = {newest["recipe"]["path"] for _, of_recipe in runs.every() for newest in itertools.islice(of_recipe, 1)
               if newest["recipe"]["name"] == text}
        if not ran:
            raise
    if len(ran) > 1:
        raise UsageError("more than one recipe of this name ran", where=text, why="\n".join(sorted(ran)),
                         next_step="give the path of one")
    return Path(ran.pop())


def _of_recipe(name: str, stage: str, lineage: Lineage, settings: Settings) -> Optional[dict]:
    try:
        path = recipe(name, settings, Runs(lineage.store.root))
    except (RecipeError, OSError):
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
