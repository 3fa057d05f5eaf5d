"""The arguments RECIPE and `--set KEY=VALUE` of the verbs that read a recipe."""

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
                        help="change a value of the recipe, such as train.epochs=5; may be repeated")


def path(recipe: Optional[str], arguments: argparse.Namespace, config: Settings) -> Path:
    """The file of the recipe (by default, the one in luigi.cfg), with the values of `--set`."""
    base = (config.find_recipe(config.recipe) if recipe is None
            else artifact_reference.expect_recipe(recipe, config, Runs(config.store)))
    if not arguments.set:
        return base
    return recipe_variants.written(base, arguments.set, config.store, config.find_recipe)
