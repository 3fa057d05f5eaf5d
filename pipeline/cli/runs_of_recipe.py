"""The runs of one recipe as rows: what each came to, and what had changed when it began."""

from typing import Any, Dict, List

from pipeline.execution import headline
from pipeline.spec import STAGES
from pipeline.store.artifacts import Store
from pipeline.store.runs import state

UPSTREAM = ("waits for ", "made other bytes")
"""Of the reasons why a stage was not fresh, those that say only that one above it was not."""


def rows(store: Store, runs: List[Dict[str, Any]], recipe: str) -> List[Dict[str, Any]]:
    """A row for each of the runs, in their order."""
    looks = store.looks({(stage, said["key"]) for run in runs for stage, said in run["stages"].items() if said["key"]})
    return [_row(run, recipe, {
        stage: looks[stage, said["key"]].manifest for stage, said in run["stages"].items()
        if said["key"] and looks[stage, said["key"]].manifest}) for run in runs]


def _row(run: Dict[str, Any], recipe: str, manifests: Dict[str, Dict[str, Any]]) -> Dict[str, Any]:
    metrics = {stage: manifest["metrics"] for stage, manifest in manifests.items()}
    return {"run": run["number"], "path": recipe, "started": run["started"], "target": run["target"],
            "made": [stage for stage in STAGES if (run["stages"].get(stage) or {}).get("made")],
            "changed": changed(run), "headline": [each._asdict() for each in headline.of(metrics)],
            "metrics": {}, "state": state(run), "exit": run["exit"], "error": run.get("error")}


def changed(run: Dict[str, Any]) -> List[str]:
    """Why the run had something to do, each reason once: what had changed since the one before it."""
    reasons = [reason for said in run["stages"].values() if said["made"] or run["exit"] != 0 for reason in said["why"]
               if not any(words in reason for words in UPSTREAM)]
    return list(dict.fromkeys(reasons))
