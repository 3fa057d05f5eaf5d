"""The arguments RECIPE and STAGE of the verbs that override the staleness of one stage."""

import argparse

from pipeline import settings
from pipeline.inputs import snapshot as snapshots
from pipeline.provenance import artifact_reference
from pipeline.staleness.plan import Plan
from pipeline.store.artifacts import Store
from pipeline.store.runs import Runs


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("recipe", help="a name in recipes/, or a path")
    parser.add_argument("stage", help="one of its stages")
    parser.add_argument("--reason", default="", help="for the record")


def plan(arguments: argparse.Namespace) -> Plan:
    """The plan of the recipe in the store. Raises UsageError for an unknown stage and for a run, RecipeError for an
    unknown recipe."""
    config = settings.load()
    artifact_reference.check_stage(arguments.stage)
    store = Store(config.store)
    return Plan(snapshots.take(artifact_reference.expect_recipe(arguments.recipe, config, Runs(store.root))), store)
