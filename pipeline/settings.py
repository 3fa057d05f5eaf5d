"""Where things are, as `luigi.cfg` says: the store, the recipes, the default recipe."""

import errno
import os
from pathlib import Path
from typing import NamedTuple, Optional

import platformdirs

from octet import recipe as recipes
from octet.errors import UsageError

ROOT = Path(__file__).resolve().parent.parent
DEFAULT_RECIPE, STORE, RECIPES = "mnist", "store", "recipes"


class Settings(NamedTuple):
    """Section [octet] of `luigi.cfg`, its paths taken relative to that file."""

    config_path: Optional[Path]
    recipe: str
    store: Path
    recipes: Path

    def find_recipe(self, recipe: str) -> Path:
        """The file of a recipe given by name or path. Raises RecipeError for a name not there."""
        return recipes.find(recipe, self.recipes)


def find_config() -> Optional[Path]:
    """The first `luigi.cfg` with a section [octet]: LUIGI_CONFIG_PATH, the working folder, ours."""
    named = os.environ.get("LUIGI_CONFIG_PATH")
    if named and not Path(named).is_file():
        raise UsageError("there is no such file", where=named,
                         why="LUIGI_CONFIG_PATH names it",
                         next_step="correct LUIGI_CONFIG_PATH, or unset it to use {}".format(
                             ROOT / "luigi.cfg"))
    places = ([Path(named)] if named else []) + [Path.cwd() / "luigi.cfg", ROOT / "luigi.cfg"]
    return next((path.resolve() for path in places if path.is_file() and _is_ours(path)), None)


def expect_readable() -> None:
    """Raises UsageError for a malformed file among those that Luigi reads while it is imported, whosever it is."""
    named = os.environ.get("LUIGI_CONFIG_PATH")
    for path in ("/etc/luigi/client.cfg", "/etc/luigi/luigi.cfg", "client.cfg", "luigi.cfg", named):
        if path and os.path.isfile(path):
            _section(Path(os.path.abspath(path)))


def load() -> Settings:
    """The settings; what `luigi.cfg` leaves out has its default. Reads the file each time."""
    path = find_config()
    if path is None:  # an installed package: no checkout, and nobody has written a luigi.cfg
        return Settings(config_path=None, recipe=DEFAULT_RECIPE, recipes=ROOT / RECIPES,
                        store=platformdirs.user_data_path("octet") / STORE)
    values, folder = _section(path), path.parent
    recipe = values.get("recipe", DEFAULT_RECIPE)
    return Settings(config_path=path,
                    recipe=str(folder / recipe) if recipes.is_path(recipe) else recipe,
                    store=folder / values.get("store", STORE),
                    recipes=folder / values.get("recipes", RECIPES))


def _is_ours(path: Path) -> bool:
    return bool(_section(path))


def _section(path: Path) -> dict:
    import configparser
    parser = configparser.RawConfigParser()
    try:
        parser.read(str(path), encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError) as error:
        raise UsageError("is not a configuration file", where=str(path), why=str(error),
                         next_step="correct it: [section], and lines of key = value below it") from error
    values = dict(parser.items("octet")) if parser.has_section("octet") else {}
    for name, value in values.items():
        try:
            os.lstat(os.path.join(str(path.parent), value))
        except (OSError, ValueError) as error:
            if isinstance(error, ValueError) or error.errno == errno.ENAMETOOLONG:
                raise UsageError("{}: no file can have this name: {}".format(name, value[:60]), where=str(path),
                                 why=getattr(error, "strerror", None) or "it holds a NUL",
                                 next_step="correct it") from error
    return values
