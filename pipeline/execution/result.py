"""The last lines of a run that made or found what it was asked for: what it is, and where."""

import shlex
from pathlib import Path
from typing import Dict, List, Optional

from pipeline import formatting
from pipeline.execution import headline
from pipeline.spec import STAGES, upward
from pipeline.staleness.plan import Plan

NOT_YET = {"ConvertUint8": "converted", "Measure": "measured", "ValidateInterpreter": "judged", "Export": "exported"}
"""What a run leaves undone that stops before a stage."""


def lines(plan: Plan, target: str, recipe: str) -> List[str]:
    """The figures that are known, the size, the verdict, the path, and what comes further down.

    recipe: as the command names it."""
    manifests = {stage: plan.manifest(stage) for stage in STAGES}
    metrics = {stage: manifest["metrics"] for stage, manifest in manifests.items() if manifest}
    said = [("", "{} is complete".format(target))]
    several = len({each.output for each in headline.of(metrics)}) > 1
    for each in headline.of(metrics):
        figures = ", ".join("{} {:.4g}".format(side.replace("_", "-"), value) for side, value in each.sides.items())
        said.append((each.metric.replace("_", " "), "{}{}  ({})".format(
            each.output + ": " if several else "", figures, each.part)))
    size = headline.size_bytes(metrics)
    if size is not None:
        said.append(("size", formatting.size(size)))
    if "ValidateInterpreter" in metrics:
        said.append(("verdict", _verdict(metrics["ValidateInterpreter"]["gates"])))
    path = tflite(plan)
    said.append(("file", str(path)) if path else ("folder", str(plan.folder(target))))
    if "Export" in metrics:
        said.append(("export", str(plan.folder("Export"))))
    for stage, verb in NOT_YET.items():
        if target in upward(stage) and target != stage and stage not in metrics:
            said.append(("not {} yet".format(verb), "luigi --module pipeline {} --recipe {}".format(
                stage, shlex.quote(recipe))))
            break
    return ["{}: {}".format(name, text) if name.startswith("not ") else
            "  {:<10} {}".format(name, text) if name else text for name, text in said]


def tflite(plan: Plan) -> Optional[Path]:
    """The .tflite file; None while it is not there."""
    manifest = plan.manifest("ConvertUint8")
    names = [output["path"] for output in (manifest or {}).get("outputs", ()) if output["path"].endswith(".tflite")]
    return plan.folder("ConvertUint8") / names[0] if names else None


def _verdict(gates: Dict[str, float]) -> str:
    """gates: those that the file passes, with their limits; a file that misses one has no verdict."""
    named = ["{} {}".format(name, limit) for name, limit in sorted(gates.items())]
    return "passes its gates ({})".format(", ".join(named)) if named else "no gates are set"
