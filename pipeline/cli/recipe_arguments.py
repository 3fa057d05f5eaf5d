"""The words RECIPE and `--set KEY=VALUE` of a verb that looks at a recipe as it is now."""

import argparse
from pathlib import Path
from typing import Optional

from pipeline.provenance import artifact_reference
from pipeline.settings import Settings
from pipeline.store import recipe_variants
from pipeline.store.runs import Runs


def add_set(parser: argparse.ArgumentParser) -> None:
    """Adds the option `--set`."""
    parser.add_argument("--set", metavar="KEY=VALUE", action="append", default=[],
                        help="with that value, such as train.epochs=5; may be repeated")


def path(recipe: Optional[str], arguments: argparse.Namespace, found: Settings) -> Path:
    """The file of the recipe, the default one where none is named, with the values that are set."""
    base = (found.find_recipe(found.recipe) if recipe is None
            else artifact_reference.recipe(recipe, found, Runs(found.store)))
    if not arguments.set:
        return base
    return recipe_variants.written(base, arguments.set, found.store, found.find_recipe)
