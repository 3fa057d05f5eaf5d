"""A part of a recipe's data as PrepareData published it, for verbs that run a file on it."""

import shlex
from pathlib import Path
from typing import Any, Dict, NamedTuple

from octet.errors import StoreError
from pipeline.inputs import snapshot
from pipeline.provenance import artifact_reference
from pipeline.provenance.lineage import Lineage
from pipeline.settings import Settings
from pipeline.staleness.plan import Plan
from pipeline.store.runs import Runs

STAGE = "PrepareData.{}"


class PreparedPart(NamedTuple):
    """recipe: its path. data: its section `data`. folder: of the artifact that `stage` made."""

    recipe: Path
    data: Dict[str, Any]
    stage: str
    folder: Path


def find(text: str, part: str, lineage: Lineage, settings: Settings) -> PreparedPart:
    """The part of the data of the recipe that `text` refers to. Raises StoreError where it is not prepared, RecipeError
    or UsageError where `text` is no recipe."""
    recipe = artifact_reference.recipe(text, settings, Runs(settings.store))
    plan, stage = Plan(snapshot.take(recipe), lineage.store), STAGE.format(part)
    folder = plan.folder(stage)
    if folder is None or not plan.intact(stage):
        raise StoreError("the {} part is not prepared".format(part), where=str(recipe),
                         why="{} makes the samples, their answers and the names of the classes".format(stage),
                         next_step="run `luigi --module pipeline {} --recipe {}`".format(stage, shlex.quote(text)))
    return PreparedPart(recipe, dict(plan.snapshot.sections["data"]), stage, folder)
