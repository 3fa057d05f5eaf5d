"""Resolves references on the command line to stages, recipes, runs and artifacts. An artifact can be named by a file,
by the first digits of its key, or by

    RECIPE              its newest run that made something, or the last artifact of that run
    RECIPE:NUMBER       its run of that number
    RECIPE:STAGE        the artifact of that stage in its newest run
    RECIPE:NUMBER:STAGE the artifact of that stage in that run
"""

from __future__ import annotations

import itertools
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Optional, Tuple

from octet.errors import OctetError, RecipeError, StoreError, UsageError
from octet.suggestions import suggest
from pipeline.provenance.lineage import Found, Lineage
from pipeline.settings import Settings
from pipeline.stage_specs import STAGES
from pipeline.store.runs import Runs

if TYPE_CHECKING:
    from pipeline.store.record_types import Manifest, Run

KEY_DIGITS = 4
"""The smallest number of digits by which a key can be abbreviated, as in git."""
NAME = "its name"
_HEX = re.compile("[0-9a-f]+$")


def artifact(text: str, lineage: Lineage, settings: Settings) -> Manifest:
    """The manifest of the artifact that `text` refers to.

    text: a file (see `octet trace`), a recipe or a run (its last artifact), a stage of one, or the first digits of a
    key. Raises UsageError when it refers to none, or to more than one."""
    if _is_there(Path(text)) and not text.endswith((".yaml", ".yml")):
        return lineage.find(Path(text)).manifest
    manifest = _of_recipe(text, lineage, settings) or _of_key(text, lineage)
    if manifest is None and len(text) < KEY_DIGITS and _HEX.match(text):
        raise UsageError("{} digits are too few to name a key".format(len(text)), where=text,
                         why="no file and no recipe that ran has this name", next_step="give {} digits or more; "
                         "`octet ls --artifacts` lists the keys".format(KEY_DIGITS))
    if manifest is None:
        raise UsageError("no artifact has this name", where=text,
                         why="no file, no recipe that ran and no key in the store matches it",
                         next_step="`octet ls` lists the recipes, `octet ls --artifacts` the keys")
    return manifest


def find(text: str, lineage: Lineage, settings: Settings) -> Found:
    """The artifact that a file belongs to, or the one that `text` refers to as in `artifact`. Raises StoreError if
    there is none."""
    try:
        return lineage.find(Path(text))
    except StoreError:
        try:
            return Found(artifact(text, lineage, settings), NAME, [])
        except UsageError:
            pass
        raise


def run(text: str, settings: Settings, runs: Runs) -> Optional[Run]:
    """The record of the run that `text` refers to: RECIPE:NUMBER, or RECIPE for its newest run that made something.

    None if it is not a recipe that ran, or names a stage. Raises UsageError for a number that no run has."""
    name, number, stage = _parts(text)
    if stage:
        return None
    try:
        path = recipe(name, settings, runs)
    except (RecipeError, OSError):
        return None
    of_recipe = list(runs.of(path))
    if number is None:
        return next((record for record in of_recipe if record["stages"]), of_recipe[0] if of_recipe else None)
    numbered = [record for record in of_recipe if record["number"] == number]
    if not numbered:
        numbers = [record["number"] for record in of_recipe]
        raise UsageError("no run {} of {}".format(number, name), where=text,
                         why="its runs are {} to {}".format(min(numbers), max(numbers)) if numbers else "it never ran",
                         next_step="`octet ls {}` lists them".format(name))
    return numbered[0]


def name_of(path: Path, settings: Settings, runs: Runs) -> str:
    """A text that every command accepts for this recipe: its name, or its path if another recipe has the same name."""
    try:
        return path.stem if recipe(path.stem, settings, runs) == path else str(path)
    except OctetError:
        return str(path)


def _parts(text: str) -> Tuple[str, Optional[int], str]:
    """(recipe, number of a run, stage) of RECIPE[:NUMBER][:STAGE]. A path may have a colon."""
    name, number, stage = text, None, ""
    head, colon, last = name.rpartition(":")
    if colon and not last.isdigit() and (last in STAGES or not _is_there(Path(name))):
        name, stage = head, last
        head, colon, last = name.rpartition(":")
    if colon and last.isdigit() and len(last) < 19:
        name, number = head, int(last)
    return name, number, stage


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
        raise UsageError("several recipes of this name ran", where=text, why="\n".join(sorted(ran)),
                         next_step="give the path of one")
    return Path(ran.pop())


def present_recipe(text: str, settings: Settings, runs: Runs) -> Optional[Path]:
    """The path of the recipe that `text` refers to as it is now; None for a text of the form of a past run or an
    artifact: RECIPE:NUMBER, RECIPE:STAGE, a file of an artifact, or digits of a key. Raises RecipeError for any other
    text, UsageError as `recipe` does."""
    # A folder may have the name of a recipe: `octet export digits digits` creates one.
    if os.path.isfile(text) and not text.endswith((".yaml", ".yml")):
        return None
    try:
        return recipe(text, settings, runs)
    except RecipeError:
        name, number, stage = _parts(text)
        if number is not None or stage:
            recipe(name, settings, runs)
        elif len(text) < KEY_DIGITS or not _HEX.match(text):
            raise
        return None


def expect_recipe(text: str, settings: Settings, runs: Runs) -> Path:
    """The path of the recipe that `text` refers to, for a command that needs the recipe as it is now. Raises UsageError
    for a run or an artifact, RecipeError and UsageError as `present_recipe` does."""
    found = present_recipe(text, settings, runs)
    if found is None:
        name, number, stage = _parts(text)
        raise UsageError("this is a run, an artifact or a file, and no recipe", where=text,
                         why="the command needs a recipe as it is now, and not as it was",
                         next_step="name the recipe: {}".format(name) if number is not None or stage else
                                   "name the recipe; `octet ls` lists those that ran")
    return found


def _of_recipe(text: str, lineage: Lineage, settings: Settings) -> Optional[Manifest]:
    name, number, stage = _parts(text)
    try:
        path = recipe(name, settings, Runs(lineage.store.root))
    except (RecipeError, OSError):
        return None
    if stage:
        check_stage(stage)
    numbered = run("{}:{}".format(path, number), settings, Runs(lineage.store.root)) if number is not None else None
    for record in [numbered] if numbered else Runs(lineage.store.root).of(path):
        for name_in_run in [stage] if stage else reversed(list(STAGES)):
            in_run = record["stages"].get(name_in_run)
            key = None if in_run is None else in_run["key"]
            manifest = lineage.store.status(name_in_run, key).manifest if key else None
            if manifest is not None:
                return manifest
    return None


def _of_key(text: str, lineage: Lineage) -> Optional[Manifest]:
    if len(text) < KEY_DIGITS:
        return None
    artifacts = [(stage, key) for stage, key in lineage.store.list() if key.startswith(text)]
    if len(artifacts) > 1:
        raise UsageError("several keys begin with these digits", where=text,
                         why=", ".join("{} {}".format(stage, key[:16]) for stage, key in artifacts),
                         next_step="give more of its digits")
    return lineage.store.status(*artifacts[0]).manifest if artifacts else None


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # no permission, or too long for a path: it may be another kind of reference
        return False


def check_stage(name: str) -> str:
    """`name`, if a stage has that name. Raises UsageError with the nearest stage otherwise."""
    if name not in STAGES:
        raise UsageError("no stage named {!r}".format(name), where="the command line", why="",
                         next_step=suggest(name, STAGES))
    return name
