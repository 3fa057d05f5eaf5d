"""The runs of a recipe as table rows: the metrics of each run, and what had changed before it."""

from typing import TYPE_CHECKING, Any, Dict, List, Sequence

from pipeline.execution import headline_metrics
from pipeline.stage_specs import STAGES
from pipeline.store.artifacts import Store
from pipeline.store.runs import state

if TYPE_CHECKING:
    from pipeline.store.record_types import Manifest, Run

EXPECTED = ("waits for ", "runs only if ")
"""The beginnings of reasons that say before a run what may happen in it."""
UPSTREAM = (*EXPECTED, "made other bytes")
"""The beginnings of reasons that only say that an upstream stage was not fresh."""


def rows(store: Store, runs: "List[Run]", recipe: str) -> List[Dict[str, Any]]:
    """A row for each of the runs, in their order."""
    return [_row(run, recipe, of_run) for run, of_run in zip(runs, manifests(store, runs))]


def manifests(store: Store, runs: "Sequence[Run]") -> "List[Dict[str, Manifest]]":
    """{stage: the manifest of its artifact} of each run, without missing manifests. The digests of files are read once
    for all runs."""
    statuses = store.statuses({(stage, in_run["key"]) for run in runs
                               for stage, in_run in run["stages"].items() if in_run["key"]})
    found: List[Dict[str, Manifest]] = []
    for run in runs:
        of_run = {stage: statuses[stage, in_run["key"]].manifest
                  for stage, in_run in run["stages"].items() if in_run["key"]}
        found.append({stage: manifest for stage, manifest in of_run.items() if manifest is not None})
    return found


def _row(run: "Run", recipe: str, of_run: "Dict[str, Manifest]") -> Dict[str, Any]:
    metrics = {stage: manifest["metrics"] for stage, manifest in of_run.items()}
    return {"run": run["number"], "path": recipe, "started": run["started"], "target": run["target"],
            "made": [stage for stage in STAGES if stage in run["stages"] and run["stages"][stage]["made"]],
            "changed": changed(run), "headline": [each._asdict() for each in headline_metrics.of(metrics)],
            "metrics": {}, "state": state(run), "exit": run["exit"], "error": run.get("error")}


def changed(run: "Run") -> List[str]:
    """The reasons why the run had something to do, without duplicates: what had changed since the previous run."""
    reasons = [reason for in_run in run["stages"].values() if in_run["made"] or run["exit"] != 0
               for reason in in_run["why"]
               if not any(words in reason for words in UPSTREAM)]
    return list(dict.fromkeys(reasons))
