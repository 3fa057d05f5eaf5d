"""Checks the data of a snapshot against the recipe's `data.limits`, with the figures that are recorded in the store.

If a recipe has limits, only PrepareData and SummarizeData are made before its data has passed this check.
"""

from typing import List, Optional

from octet.data import dataset_digest
from octet.data.dataset import PARTS
from octet.errors import LimitError
from octet.gates import data_limits
from octet.gates.data_limits import Figures, Judgement
from pipeline.inputs import snapshot as snapshots
from pipeline.inputs.snapshot import Snapshot
from pipeline.stage_specs import PREPARE_DATA, SUMMARIZE
from pipeline.staleness.plan import Plan
from pipeline.store.status import DROPPED, INTACT


def are_set(snapshot: Snapshot) -> bool:
    """Whether the recipe has a limit."""
    return data_limits.are_set(snapshot.sections["data"])


def figures(plan: Plan) -> Optional[Figures]:
    """The figures that SummarizeData and PrepareData have recorded about the data; None if the data has not been
    summarized. Dropped artifacts count, because their figures are still recorded."""
    statuses = [plan.status(stage) for stage in (SUMMARIZE, *(PREPARE_DATA + part for part in PARTS))]
    if any(status.state not in (INTACT, DROPPED) for status in statuses):
        return None
    summarized, *prepared = (status.recorded["metrics"] for status in statuses)
    return {**summarized["figures"], "left_out": sum(metrics["left_out"] for metrics in prepared)}


def judge(snapshot: Snapshot, found: Figures) -> List[Judgement]:
    """The judgements on these figures, which are all passed. Raises LimitError with the position in the recipe.

    Files that belong to no part are counted now: they are in no digest, so their number is not recorded."""
    section = snapshot.sections["data"]
    try:
        if section["limits"]["max_left_out"] is not None:
            found = {**found, "left_out": found["left_out"] + dataset_digest.left_out(section, snapshot.folder)}
        return data_limits.expect(found, section)
    except LimitError as error:
        raise snapshots.located(error, snapshot.where) from error


def expect_kept(plan: Plan) -> None:
    """Raises LimitError if the data is summarized and misses a limit."""
    found = figures(plan) if are_set(plan.snapshot) else None
    if found is not None:
        judge(plan.snapshot, found)
