"""The settings in `luigi.cfg`: the folders of the store and of the recipes, and the default recipe."""

import errno
import math
import os
import re
import stat
import tempfile
from pathlib import Path
from typing import Dict, NamedTuple, Optional

import platformdirs

from octet.errors import UsageError
from octet.recipe import loading as recipes
from octet.recipe.inheritance import is_path
from octet.suggestions import suggest
from pipeline.terminal import startup

ROOT = Path(__file__).resolve().parent.parent
PLACEHOLDER = re.compile(r"^~[^/]*(?=/|$)|%\(\w*\)s|\$\w+|\$\{\w+\}")
COMMENT = re.compile(r"\s[#;]")
KEYS = ("recipe", "recipes", "store", "keep_partial", "processors")
DEFAULT_RECIPE, STORE, RECIPES = "mnist", "store", "recipes"
KEEP_PARTIAL_DAYS = 14.0


class Settings(NamedTuple):
    """Section [octet] of `luigi.cfg`. Paths in it are relative to that file.

    config_path: that file; None if there is none. recipe: the default recipe, a name or a path.
    store, recipes: the folders of the store and of the recipes that have a name."""

    config_path: Optional[Path]
    recipe: str
    store: Path
    recipes: Path
    keep_partial: float = KEEP_PARTIAL_DAYS
    """The default number of days for which checkpoints of an unfinished training are kept."""
    processors: Optional[int] = None
    """The number of processors that each stage may use; None to divide them among the running stages."""

    def find_recipe(self, recipe: str) -> Path:
        """The file of a recipe given by name or path. Raises RecipeError for an unknown name."""
        return recipes.find(recipe, self.recipes)


def find_config() -> Optional[Path]:
    """The first `luigi.cfg` with a section [octet] in LUIGI_CONFIG_PATH, the working folder and Octet's own folder."""
    from_environment = os.environ.get("LUIGI_CONFIG_PATH")
    if from_environment and not _is_file(from_environment):
        raise UsageError("there is no such file", where=from_environment,
                         why="LUIGI_CONFIG_PATH names it",
                         next_step="correct LUIGI_CONFIG_PATH, or unset it to use {}".format(
                             ROOT / "luigi.cfg"))
    paths = ([Path(from_environment)] if from_environment else []) + [Path.cwd() / "luigi.cfg", ROOT / "luigi.cfg"]
    return next((path.resolve() for path in paths if _is_file(str(path)) and _section(path)), None)


def expect_folders() -> None:
    """Raises UsageError if the working folder was removed, or there is no folder for temporary files. Without them,
    Luigi cannot be imported."""
    expect_working_folder()
    try:
        tempfile.gettempdir()
    except OSError as error:
        raise UsageError("no folder for temporary files", where="TMPDIR={}".format(os.environ.get("TMPDIR", "")),
                         why=error.strerror or str(error),
                         next_step="free some space there, or set TMPDIR to a folder that this user can write to"
                         ) from error


def expect_working_folder() -> None:
    """Raises UsageError if the folder in which the command was started was removed."""
    trouble = startup.folder_trouble()
    if trouble:
        raise UsageError("the working folder cannot be used: {}".format(trouble), where=os.environ.get("PWD", ""),
                         why="relative paths need one",
                         next_step="change to another folder (`cd`), then start the same command again")


def expect_readable() -> None:
    """Raises UsageError for a malformed or unreadable file among those that Luigi reads while it is imported. Luigi
    itself would ignore such a file."""
    from_environment = os.environ.get("LUIGI_CONFIG_PATH")
    for path in ("/etc/luigi/client.cfg", "/etc/luigi/luigi.cfg", "client.cfg", "luigi.cfg", from_environment):
        if path and _is_file(path):
            _section(Path(os.path.abspath(path)))


def load() -> Settings:
    """Reads the settings. Keys that are missing in `luigi.cfg` have their defaults."""
    path = find_config()
    if path is None:  # an installed package without a luigi.cfg
        return Settings(config_path=None, recipe=DEFAULT_RECIPE, recipes=ROOT / RECIPES,
                        store=platformdirs.user_data_path("octet") / STORE)
    values, folder = _section(path), path.parent
    recipe = values.get("recipe", DEFAULT_RECIPE)
    return Settings(config_path=path,
                    recipe=str(folder / recipe) if is_path(recipe) else recipe,
                    store=folder / values.get("store", STORE),
                    recipes=folder / values.get("recipes", RECIPES),
                    keep_partial=_days(values, path), processors=_processors(values, path))


def _days(values: Dict[str, str], path: Path) -> float:
    value = values.get("keep_partial", str(KEEP_PARTIAL_DAYS))
    try:
        days = float(value)
    except ValueError:
        days = math.nan
    if not days >= 0:
        raise UsageError("keep_partial: {} is not a number of days".format(value or "nothing"), where=str(path),
                         why="it says how long checkpoints of an unfinished training are kept",
                         next_step="write 0 or more; {:g} is the default".format(KEEP_PARTIAL_DAYS))
    return days


def _processors(values: Dict[str, str], path: Path) -> Optional[int]:
    value = values.get("processors")
    if value is None:
        return None
    if not re.fullmatch("[0-9]{1,6}", value) or int(value) < 1:
        raise UsageError("processors: {} is not a whole number of at least 1".format(value or "nothing"),
                         where=str(path), why="it limits the processors that each stage uses",
                         next_step="write 1 or more, or leave it out: the processors are then divided among the "
                                   "running stages")
    return int(value)


def _is_file(path: str) -> bool:
    """Whether there is a regular file at the path. Raises UsageError if the path cannot be examined."""
    try:
        return stat.S_ISREG(os.stat(path).st_mode)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return False
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: str, error: OSError) -> UsageError:
    return UsageError("cannot be read: {}".format(error.strerror or error), where=path,
                      why="without its settings, everything would be made again in another store",
                      next_step="give this user read access to it, or name another file by LUIGI_CONFIG_PATH")


def _section(path: Path) -> Dict[str, str]:
    """The section [octet] of the file; empty if it has none."""
    import configparser
    parser = configparser.RawConfigParser()
    try:
        with open(str(path), encoding="utf-8") as file:
            parser.read_file(file, str(path))
    except OSError as error:
        raise _unreadable(str(path), error) from error
    except (configparser.Error, UnicodeDecodeError) as error:
        raise UsageError("is not a configuration file", where=str(path), why=str(error),
                         next_step="correct it: [section], and lines of key = value below it") from error
    values = dict(parser.items("octet")) if parser.has_section("octet") else {}
    for name in values:
        if name not in KEYS and name not in parser.defaults():
            raise UsageError("[octet] has no key {!r}".format(name), where=str(path), why="it would have no effect",
                             next_step=suggest(name, KEYS))
    for name, value in values.items():
        if COMMENT.search(value):
            raise UsageError("{}: there is a comment behind the value".format(name), where=str(path),
                             why="it would be part of the value: {}".format(value),
                             next_step="move the comment to a line of its own")
        if not value and name in ("store", "recipes", "recipe"):
            raise UsageError("{}: nothing is set".format(name), where=str(path),
                             why="an empty path would be the folder of this file",
                             next_step="write a path after it, or remove the line")
        _expect_written_out(name, value, path)
        try:
            os.lstat(os.path.join(str(path.parent), value))
        except (OSError, ValueError) as error:
            if isinstance(error, ValueError) or error.errno == errno.ENAMETOOLONG:
                raise UsageError("{}: no file can have this name: {}".format(name, value[:60]), where=str(path),
                                 why=getattr(error, "strerror", None) or "it holds a NUL character",
                                 next_step="correct it") from error
    return values


def _expect_written_out(name: str, value: str, path: Path) -> None:
    """Raises UsageError for a path with a variable, such as $HOME, which other programs would replace."""
    found = PLACEHOLDER.search(value) if name in ("store", "recipes", "recipe") else None
    if found:
        raise UsageError("{}: {} is not replaced here".format(name, found.group()), where=str(path),
                         why="it would be the name of a folder; paths in [octet] are used as they are written",
                         next_step="write the path out")
