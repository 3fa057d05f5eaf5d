"""Finds a prepared part of a recipe's data, for verbs that run a model on it."""

import shlex
from pathlib import Path
from typing import NamedTuple, Sequence

from octet.errors import StoreError
from pipeline.inputs import snapshot
from pipeline.inputs.snapshot import Snapshot
from pipeline.provenance import artifact_reference
from pipeline.provenance.lineage import Lineage
from pipeline.settings import Settings
from pipeline.staleness.plan import Plan
from pipeline.store.runs import Runs

STAGE = "PrepareData.{}"


class PreparedPart(NamedTuple):
    """folder: of the artifact that `stage` made for the recipe of the snapshot."""

    taken_snapshot: Snapshot
    stage: str
    folder: Path


def find(text: str, part: str, lineage: Lineage, settings: Settings, with_source: Sequence[str] = ()) -> PreparedPart:
    """The prepared part of the data of the recipe that `text` refers to. Raises StoreError if it is not prepared,
    RecipeError or UsageError if `text` is not a recipe.

    with_source: the modules of `tasks` whose source the snapshot must contain."""
    recipe = artifact_reference.expect_recipe(text, settings, Runs(settings.store))
    taken_snapshot = snapshot.take(recipe)
    if with_source:
        taken_snapshot = snapshot.with_source(taken_snapshot, with_source)
    plan, stage = Plan(taken_snapshot, lineage.store), STAGE.format(part)
    folder = plan.folder(stage)
    if folder is None or not plan.intact(stage):
        raise StoreError("the {} part is not prepared".format(part), where=str(recipe),
                         why="{} writes the samples, their targets and the names of the classes".format(stage),
                         next_step="run `luigi --module pipeline {} --recipe {}`".format(stage, shlex.quote(text)))
    return PreparedPart(taken_snapshot, stage, folder)
