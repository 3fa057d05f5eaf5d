"""The last lines that a run prints: metrics, verdict, and the paths of its products."""

import shlex
from pathlib import Path
from typing import Dict, List, Optional, Tuple

from octet import sizes
from pipeline.execution import headline_metrics
from pipeline.stage_specs import STAGES, upward
from pipeline.staleness.plan import Plan, Wanted

NOT_YET = {"ConvertUint8": ("converted", "ConvertUint8"), "Measure": ("measured", "ValidateInterpreter"),
           "ValidateInterpreter": ("judged", "ValidateInterpreter"), "Export": ("exported", "Export")}
"""{stage: (the verb for a run that ended before this stage, the stage to run next)}."""


def lines(plan: Plan, target: str, recipe: str, missed: bool, wanted: Wanted, failed: Dict[str, str]) -> List[str]:
    """The lines: metrics, size, verdict, paths, and the command for the next stage.

    recipe: as the command names it. missed: whether the run ended because the model misses a gate. wanted: the wanted
    stages of the run. failed: {wanted stage: its error}."""
    manifests = {stage: plan.manifest(stage) for stage in STAGES}
    metrics = {stage: manifest["metrics"] for stage, manifest in manifests.items() if manifest}
    rows = [("", "{} is {}".format(target, "not made: the model misses its gates" if missed else "complete"))]
    headlines = headline_metrics.of(metrics)
    several = headline_metrics.has_several_outputs(headlines)
    for each in headlines:
        rows.append((each.metric.replace("_", " "), "{}{}  ({})".format(
            each.output + ": " if several and each.output else "", each.figures(), each.measured_on())))
    size = headline_metrics.size_bytes(metrics)
    if size is not None:
        rows.append(("size", sizes.size(size)))
    if "ValidateInterpreter" in metrics:
        rows.append(("verdict", _verdict(metrics["ValidateInterpreter"]["gates"])))
    path = tflite(plan)
    rows.append(("file", str(path)) if path else ("folder", str(plan.folder(target))))
    page = _product(plan, "Report", ".html")
    if page:
        rows.append(("report", str(page)))
    if "Export" in metrics:
        rows.append(("export", str(plan.folder("Export"))))
    rows += _not_made(recipe, wanted, failed)
    for stage, (verb, ask_for) in NOT_YET.items() if not missed else ():
        if target in upward(stage) and target != stage and stage not in metrics:
            rows.append(("not {} yet".format(verb), "luigi --module pipeline {} --recipe {}".format(
                ask_for, shlex.quote(recipe))))
            break
    return ["{}: {}".format(name, text) if name.startswith("not ") else
            "  {:<10} {}".format(name, text) if name else text for name, text in rows]


def _not_made(recipe: str, wanted: Wanted, failed: Dict[str, str]) -> List[Tuple[str, str]]:
    return [("not made", "{}: {}".format(stage, error)) for stage, error in failed.items()] + [
        ("not made", "{}: {}: luigi --module pipeline {} --recipe {}".format(
            stage, wanted.why(stage), stage, shlex.quote(recipe))) for stage in wanted.left_out]


def tflite(plan: Plan) -> Optional[Path]:
    """The .tflite file; None if it does not exist yet."""
    return _product(plan, "ConvertUint8", ".tflite")


def _product(plan: Plan, stage: str, ending: str) -> Optional[Path]:
    """The stage's first file whose name has this ending; None if there is none."""
    if stage not in STAGES:
        return None
    manifest, folder = plan.manifest(stage), plan.folder(stage)
    names = [output["path"] for output in manifest["outputs"] if output["path"].endswith(ending)] if manifest else []
    return folder / names[0] if folder and names else None


def _verdict(gates: Dict[str, float]) -> str:
    """gates: {gate: its limit} of the passed gates. A verdict exists only if all gates are passed."""
    limits = ["{} {}".format(name, limit) for name, limit in sorted(gates.items())]
    return "passes its gates ({})".format(", ".join(limits)) if limits else "no gates are set"
