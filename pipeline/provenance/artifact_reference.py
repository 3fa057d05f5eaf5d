"""What a person means: a stage by its name, an artifact by a file, a recipe, a run of one or a key's first digits.

    RECIPE              its newest run that made something, or what that run came to last
    RECIPE:NUMBER       its run of that number
    RECIPE:STAGE        the artifact of that stage that its newest run came to
    RECIPE:NUMBER:STAGE the artifact of that stage that the run came to
"""

import itertools
import re
from pathlib import Path
from typing import TYPE_CHECKING, Optional, Tuple

from octet.errors import OctetError, RecipeError, StoreError, UsageError
from octet.lookup import suggest
from pipeline.provenance.lineage import Found, Lineage
from pipeline.settings import Settings
from pipeline.spec import STAGES
from pipeline.store.runs import Runs

if TYPE_CHECKING:
    from pipeline.store.records import Run

KEY_DIGITS = 4
"""The fewest digits that name a key, as in git."""
NAME = "its name"
_HEX = re.compile("[0-9a-f]+$")


def artifact(text: str, lineage: Lineage, settings: Settings) -> dict:
    """The manifest of the artifact that `text` means: a file (see `octet trace`), a recipe or a run (what it came to
    last), a stage of one, or the first digits of a key.

    Raises UsageError when it means none, or more than one."""
    if _is_there(Path(text)) and not text.endswith((".yaml", ".yml")):
        return lineage.find(Path(text)).manifest
    found = _of_recipe(text, lineage, settings) or _of_key(text, lineage)
    if found is None and len(text) < KEY_DIGITS and _HEX.match(text):
        raise UsageError("{} digits are too few to name a key".format(len(text)), where=text,
                         why="it is no file and no recipe that ran", next_step="give {} digits or more; "
                         "`octet ls --artifacts` lists the keys".format(KEY_DIGITS))
    if found is None:
        raise UsageError("no artifact is meant by this", where=text,
                         why="it is no file, no recipe that ran, and no key of the store begins so",
                         next_step="`octet ls` lists the recipes, `octet ls --artifacts` the keys")
    return found


def found(text: str, lineage: Lineage, settings: Settings) -> Found:
    """The artifact of a file, however its bytes are known, or the one that `text` names. Raises StoreError for a file
    of no artifact, and for what is neither a file nor a name."""
    try:
        return lineage.find(Path(text))
    except StoreError:
        try:
            return Found(artifact(text, lineage, settings), NAME, [])
        except UsageError:
            pass
        raise


def run(text: str, settings: Settings, runs: Runs) -> "Optional[Run]":
    """The record of the run that `text` means: RECIPE:NUMBER, or RECIPE, whose newest run that came to something it is.
    None where it is no recipe that ran, or names a stage. Raises UsageError for a number that it never had."""
    name, number, stage = _parts(text)
    if stage:
        return None
    try:
        path = recipe(name, settings, runs)
    except (RecipeError, OSError):
        return None
    of_recipe = list(runs.of(path))
    if number is None:
        return next((each for each in of_recipe if each["stages"]), of_recipe[0] if of_recipe else None)
    numbered = [each for each in of_recipe if each["number"] == number]
    if not numbered:
        numbers = [each["number"] for each in of_recipe]
        raise UsageError("no run {} of {}".format(number, name), where=text,
                         why="its runs are {} to {}".format(min(numbers), max(numbers)) if numbers else "it never ran",
                         next_step="`octet ls {}` lists them".format(name))
    return numbered[0]


def name_of(path: Path, settings: Settings, runs: Runs) -> str:
    """What every command takes for this recipe: its name, or its path where the name would be another recipe's."""
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


def _of_recipe(text: str, lineage: Lineage, settings: Settings) -> Optional[dict]:
    name, number, stage = _parts(text)
    try:
        path = recipe(name, settings, Runs(lineage.store.root))
    except (RecipeError, OSError):
        return None
    if stage:
        check_stage(stage)
    numbered = run("{}:{}".format(path, number), settings, Runs(lineage.store.root)) if number is not None else None
    for each in [numbered] if numbered else Runs(lineage.store.root).of(path):
        for made in [stage] if stage else reversed(list(STAGES)):
            key = (each["stages"].get(made) or {}).get("key")
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
