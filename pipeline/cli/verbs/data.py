"""Describes a recipe's data: counts by class and part, ranges, what was left out, and a picture of some samples.

It makes the stages that take the data in, so that the next run, and the next description, decode nothing again.

    octet data digits:3     the data of an earlier run; also for a file, or a key
"""

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any, Dict, Optional

from octet.data.dataset import PARTS
from octet.errors import StoreError, UsageError
from octet.job import Sections
from pipeline import settings
from pipeline.cli import data_summary, past_model
from pipeline.execution import data_limits, data_stages, preflight, progress, run_failures
from pipeline.inputs import snapshot as snapshots
from pipeline.provenance import artifact_reference
from pipeline.provenance.lineage import Lineage
from pipeline.stage_specs import DESCRIBE, PREPARE_DATA, SUMMARIZE
from pipeline.staleness.plan import Plan
from pipeline.store.artifacts import Store
from pipeline.store.runs import Runs


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("recipe", help="a recipe, a run, an artifact, or a file of one")
    parser.add_argument("--sheet", metavar="FILE", help="write some samples of each class, as the network sees them, "
                                                        "into this PNG file")
    parser.add_argument("--json", action="store_true", help="print the description as JSON, and nothing else")


def run(arguments: argparse.Namespace) -> None:
    """Prints a description of the data. Raises OctetError for faulty data, LimitError for data that misses a limit."""
    sheet = Path(arguments.sheet).absolute() if arguments.sheet is not None else None
    if sheet is not None and (not os.path.isdir(str(sheet.parent)) or os.path.isdir(str(sheet))
                              or sheet.suffix.lower() != ".png"):
        raise UsageError("{} cannot be a PNG file".format(arguments.sheet), where="octet data --sheet",
                         why="the contact sheet is written there", next_step="name a file that ends in .png, in an "
                         "existing folder")
    config = settings.load()
    recipe = artifact_reference.present_recipe(arguments.recipe, config, Runs(config.store))
    if recipe is None:
        _show_recorded(arguments, config)
        return
    snapshot = snapshots.take(recipe)
    plan = Plan(snapshot, Store(config.store))
    summary = data_summary.recorded(plan)
    if summary is None:
        try:
            plan = data_stages.make(snapshot, arguments.recipe, config.store)
            summary = data_summary.recorded(plan)
        except StoreError as error:  # such as a store that cannot be written to
            print("note: the prepared data is not kept, so the next run prepares it again: {}".format(
                run_failures.first_line(error)), file=sys.stderr)
    if summary is None or sheet is not None:
        summary = _described(plan, sheet)
    figures = {**summary["figures"], "left_out": summary.pop("left_out")}
    _print(summary, arguments.json, snapshot.sections)
    if arguments.json:
        data_limits.judge(snapshot, figures)
        return
    if sheet is not None and summary["sheet"]:
        print("{}: some samples of each class".format(sheet))
    for judgement in data_limits.judge(snapshot, figures):
        print("limit kept: {}".format(judgement))
    if sheet is not None and not summary["sheet"]:
        shapes = ", ".join("{} {}".format(name, spec["shape"]) for name, spec in summary["inputs"].items())
        raise UsageError("{} is not written, because no input is a picture".format(arguments.sheet),
                         where="octet data --sheet", next_step="leave --sheet out",
                         why="a picture is [height, width, channels]; the inputs are {}".format(shapes))


def _show_recorded(arguments: argparse.Namespace, config: settings.Settings) -> None:
    """Prints the summary of the data of a run or an artifact. Raises UsageError for --sheet, StoreError if no summary
    is in the store."""
    if arguments.sheet is not None:
        raise UsageError("--sheet needs a recipe", where=arguments.recipe, why="this is a run or an artifact",
                         next_step="name the recipe, or leave out --sheet")
    store = Store(config.store)
    made = past_model.made(arguments.recipe, SUMMARIZE, Lineage(store), config)
    summary = data_summary.of_manifests(store, made)
    del summary["left_out"]
    _print(summary, arguments.json)


def _print(summary: Dict[str, Any], as_json: bool, sections: Optional[Sections] = None) -> None:
    """Prints a description of data and, unless it is JSON, its notes. sections: as for `preflight.remarks`."""
    if as_json:
        print(json.dumps(summary, indent=1, sort_keys=True))
        return
    data_summary.show(summary)
    for line in preflight.remarks(summary, sections):
        print(line)


def _described(plan: Plan, sheet: Optional[Path]) -> Dict[str, Any]:
    """The report of the check `tasks/checks/describe.py`. It uses the prepared parts if all of them exist."""
    parts = [PREPARE_DATA + part for part in PARTS]
    is_prepared = all(plan.intact(stage) for stage in parts)
    sections = {**plan.snapshot.sections, "sheet": str(sheet) if sheet else None}
    with progress.on_terminal("octet data") as report:
        found = preflight.run(
            snapshots.with_source(plan.snapshot, (DESCRIBE,))._replace(sections=sections), DESCRIBE, on_progress=report,
            inputs={stage: str(plan.folder(stage)) for stage in parts} if is_prepared else {})
    if is_prepared:
        return {**found, "notes": data_summary.of_dataset(plan) + found["notes"],
                "left_out": data_summary.left_out(plan)}
    return found
