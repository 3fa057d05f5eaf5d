"""The words RECIPE and STAGE of a verb that changes what is said about one stage of a recipe."""

import argparse

from pipeline import settings
from pipeline.inputs import snapshot
from pipeline.provenance import artifact_reference
from pipeline.staleness.plan import Plan
from pipeline.store.artifacts import Store
from pipeline.store.runs import Runs


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("recipe", help="a name in recipes/, or a path")
    parser.add_argument("stage", help="one of its stages")
    parser.add_argument("--reason", default="", help="for the record")


def plan(arguments: argparse.Namespace) -> Plan:
    """What the store holds for the recipe. Raises UsageError for a stage that is none, RecipeError for a recipe
    that is none."""
    found = settings.load()
    artifact_reference.check_stage(arguments.stage)
    store = Store(found.store)
    return Plan(snapshot.take(artifact_reference.recipe(arguments.recipe, found, Runs(store.root))), store)
