"""Where things are, as `luigi.cfg` says: the store, the recipes, the default recipe."""

import os
from pathlib import Path
from typing import NamedTuple, Optional

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
        from octet import recipe as catalogue
        return catalogue.find(recipe, self.recipes)


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


def load() -> Settings:
    """The settings; what `luigi.cfg` leaves out has its default. Reads the file each time."""
    path = find_config()
    values = _section(path) if path else {}
    folder = path.parent if path else Path.cwd()
    # An installed package has its recipes beside it and no luigi.cfg.
    recipes = folder / values.get("recipes", RECIPES)
    return Settings(config_path=path, recipe=values.get("recipe", DEFAULT_RECIPE),
                    store=folder / values.get("store", STORE),
                    recipes=recipes if path else ROOT / RECIPES)


def _is_ours(path: Path) -> bool:
    return bool(_section(path))


def _section(path: Path) -> dict:
    import configparser
    parser = configparser.RawConfigParser()
    try:
        parser.read(str(path), encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError) as error:
        raise UsageError("is not a configuration file", where=str(path), why=str(error)) from error
    return dict(parser.items("octet")) if parser.has_section("octet") else {}
