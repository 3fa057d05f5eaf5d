"""Describes a recipe's data: counts by class and part, ranges, what was left out, and a picture of some samples.

If the data is prepared, it is read from the store, and nothing is decoded again.
"""

import argparse
import json
import os
from pathlib import Path
from typing import Any, Dict, List, Optional

from octet.data.dataset import PARTS
from octet.errors import UsageError
from pipeline import settings
from pipeline.execution import data_limits, preflight, progress
from pipeline.inputs import snapshot as snapshots
from pipeline.provenance import artifact_reference
from pipeline.stage_specs import DESCRIBE, PREPARE_DATA, SUMMARIZE, SUMMARY
from pipeline.staleness.plan import Plan
from pipeline.store.artifacts import Store
from pipeline.store.runs import Runs


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("recipe", help="a name in recipes/, or a path")
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
    snapshot = snapshots.take(artifact_reference.recipe(arguments.recipe, config, Runs(config.store)))
    plan = Plan(snapshot, Store(config.store))
    summary = _recorded(plan) if sheet is None else None
    if summary is None:
        summary = _described(plan, sheet)
    figures = {**summary["figures"], "left_out": summary.pop("left_out")}
    if arguments.json:
        print(json.dumps(summary, indent=1, sort_keys=True))
        data_limits.judge(snapshot, figures)
        return
    _show(summary)
    for line in preflight.remarks(summary):
        print(line)
    if sheet is not None:
        print("{}: {}".format(sheet, "some samples of each class" if summary["sheet"] else
                              "not written, because no input is a picture"))
    for judgement in data_limits.judge(snapshot, figures):
        print("limit kept: {}".format(judgement))


def _recorded(plan: Plan) -> Optional[Dict[str, Any]]:
    """The summary that SummarizeData has published, or None."""
    folder = plan.folder(SUMMARIZE)
    if folder is None or not plan.intact(SUMMARIZE):
        return None
    found: Dict[str, Any] = json.loads((folder / SUMMARY).read_text(encoding="utf-8"))
    return {**found, "notes": _of_dataset(plan) + found["notes"], "left_out": _left_out(plan), "sheet": False}


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
        return {**found, "notes": _of_dataset(plan) + found["notes"], "left_out": _left_out(plan)}
    return found


def _left_out(plan: Plan) -> int:
    """The number of samples that could not be read, from the manifests of the parts."""
    manifests = [plan.manifest(PREPARE_DATA + part) for part in PARTS]
    return sum(manifest["metrics"]["left_out"] for manifest in manifests if manifest)


def _of_dataset(plan: Plan) -> List[str]:
    """The notes and warnings of the dataset when its parts were read, without duplicates."""
    manifests = [plan.manifest(PREPARE_DATA + part) for part in PARTS]
    return list(dict.fromkeys(note for found in manifests if found for note in found["metrics"].get("of_dataset", ())))


def _show(summary: Dict[str, Any]) -> None:
    """Prints a description made by `octet/data/description.py`."""
    parts = [part for part in PARTS if part in summary["parts"]]
    print("samples: {}".format(", ".join("{} {}".format(summary["parts"][part], part) for part in parts)))
    for name, spec in summary["inputs"].items():
        used, least, most = spec["codes"]
        print("input {}: {} uint8 for reals in [{:g}, {:g}]; 99.9 % of the values on {} codes ({}..{})".format(
            name, spec["shape"], spec["low"], spec["high"], used, least, most))
    for name, target in summary["targets"].items():
        print("target {}: {}{}".format(name, target["kind"], " {}".format(target["shape"]) if target["shape"] else ""))
        if target["kind"] == "value":
            print("  " + ", ".join("{} in [{:g}, {:g}]".format(part, *target[part]) for part in parts))
        if not target["classes"]:
            continue
        width = max(map(len, target["classes"]))
        for index, class_name in enumerate(target["classes"]):
            print("  {}  {}".format(class_name.ljust(width), "  ".join(
                "{:>8} {}".format(target[part][index], part) for part in parts)))
    for name, extra in summary["extras"].items():
        print("extra {}: {}{}".format(name, extra["kind"], " {}".format(extra["shape"]) if extra["shape"] else ""))
        print("  " + ", ".join("{} {}".format(extra[part], part) if extra["kind"] == "boxes" else
                               "{} in [{:g}, {:g}]".format(part, *extra[part]) for part in parts if extra[part] != []))
