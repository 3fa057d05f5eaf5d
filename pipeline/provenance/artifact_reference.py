"""References on the command line: a stage by its name; an artifact by a file, a recipe or the first digits of a key."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import TYPE_CHECKING, Optional

from octet.errors import RecipeError, UsageError
from octet.lookup import suggest
from pipeline.provenance.lineage import Lineage
from pipeline.settings import Settings
from pipeline.spec import STAGES
from pipeline.store.runs import Runs

if TYPE_CHECKING:
    from pipeline.store.records import Manifest

KEY_DIGITS = 4
"""The fewest digits of a key that may stand for it, as in git."""
_HEX = re.compile("[0-9a-f]+$")


def artifact(text: str, lineage: Lineage, settings: Settings) -> Manifest:
    """The manifest of the artifact that `text` refers to.

    text: a file (see `octet trace`), a recipe (the last artifact of its newest run), `RECIPE:STAGE`, or the first
    digits of a key. Raises UsageError when it refers to none, or to more than one."""
    if _is_there(Path(text)) and not text.endswith((".yaml", ".yml")):
        return lineage.find(Path(text)).manifest
    name, _, stage = text.partition(":")
    found = _of_recipe(name, stage, lineage, settings) or _of_key(text, lineage)
    if found is None and len(text) < KEY_DIGITS and _HEX.match(text):
        raise UsageError("{} digits are too few to name a key".format(len(text)), where=text,
                         why="it is no file and no recipe that ran", next_step="give {} digits or more; "
                         "`octet ls --artifacts` lists the keys".format(KEY_DIGITS))
    if found is None:
        raise UsageError("no artifact has this name", where=text,
                         why="it is no file, no recipe that ran, and no key of the store begins so",
                         next_step="`octet ls` lists the recipes, `octet ls --artifacts` the keys")
    return found


def recipe(text: str, settings: Settings, runs: Runs) -> Path:
    """The absolute path of a recipe.

    text: a path, a name in the folder of recipes, or the name of a recipe that ran, as `octet ls` prints it. Raises
    RecipeError when it refers to none, UsageError when it refers to more than one."""
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


def _of_recipe(name: str, stage: str, lineage: Lineage, settings: Settings) -> Optional[Manifest]:
    try:
        path = recipe(name, settings, Runs(lineage.store.root))
    except (RecipeError, OSError):
        return None
    if stage:
        check_stage(stage)
    for run in Runs(lineage.store.root).of(path):
        for name_in_run in [stage] if stage else reversed(list(run["stages"])):
            in_run = run["stages"].get(name_in_run)
            key = None if in_run is None else in_run["key"]
            manifest = lineage.store.look(name_in_run, key).manifest if key else None
            if manifest is not None:
                return manifest
    return None


def _of_key(text: str, lineage: Lineage) -> Optional[Manifest]:
    if len(text) < KEY_DIGITS:
        return None
    artifacts = [(stage, key) for stage, key in lineage.store.list() if key.startswith(text)]
    if len(artifacts) > 1:
        raise UsageError("more than one key begins so", where=text,
                         why=", ".join("{} {}".format(stage, key[:16]) for stage, key in artifacts),
                         next_step="give more of its digits")
    return lineage.store.look(*artifacts[0]).manifest if artifacts else None


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # this user may not know, or it is too long for a path: it may be another kind of reference
        return False


def check_stage(name: str) -> str:
    """`name`, if a stage has that name. Raises UsageError with the nearest stage otherwise."""
    if name not in STAGES:
        raise UsageError("no stage named {!r}".format(name), where="the command line",
                         why="an artifact is named by its stage and recipe", next_step=suggest(name, STAGES))
    return name
