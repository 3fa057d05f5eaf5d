"""Which artifacts garbage collection keeps, and why."""

import os
from pathlib import Path
from typing import Dict, List, Set, Tuple

from octet.errors import OctetError, StoreError
from pipeline.files.file_errors import explained
from pipeline.inputs import snapshot
from pipeline.stage_specs import STAGES
from pipeline.staleness.plan import Plan
from pipeline.store import upkeep
from pipeline.store.artifacts import Store
from pipeline.store.marks import KEEPING, Artifact
from pipeline.store.runs import Runs
from pipeline.store.status import DROPPED, INTACT, ArtifactStatus

Reasons = Dict[Artifact, str]


def kept(store: Store, statuses: Dict[Artifact, ArtifactStatus], runs: Runs, recipes: Path,
         last_runs: int) -> Tuple[Reasons, List[OctetError]]:
    """({artifact: why it is kept}, errors for the recipes and runs that could not be read).

    statuses: the status of every artifact in the store.

    Kept artifacts: fresh ones of recipes in the folder `recipes` and of recipes that ran and still exist; those of the
    last runs of each recipe and of all unfinished runs; pinned ones, and those that are kept with them."""
    reasons: Reasons = {}
    paths = _in(recipes)
    for _, of_recipe in runs.every():
        counted = 0
        for index, run in enumerate(of_recipe):
            path = Path(run["recipe"]["path"])
            if index == 0 and _is_there(path):
                paths.add(path)
            if counted >= last_runs and run["exit"] is not None:
                continue
            # Refused runs do not count, since they would displace runs that made something.
            counted += run["exit"] == 0 or any(in_run["made"] for in_run in run["stages"].values())
            why = "run {} of {}".format(run["number"], run["recipe"]["name"])
            for stage, in_run in run["stages"].items():
                if in_run["key"]:
                    reasons.setdefault((stage, in_run["key"]), why)
    accepted = store.marks.accepted()
    for artifact in list(reasons):
        while artifact in accepted and accepted[artifact] not in reasons:
            reasons[accepted[artifact]] = "accepted for {}".format(reasons[artifact])
            artifact = accepted[artifact]
    for kind in KEEPING:
        for artifact, mark in store.marks.of(kind):
            reasons[artifact] = kind
            for stage, key in mark.get("keeps", []):
                reasons.setdefault((stage, key), "{} with {} {}".format(kind, artifact[0], artifact[1][:12]))
    troubles = _unknown_runs(store, runs)
    moment = snapshot.Moment()
    for path in sorted(paths):
        try:
            with explained("read a recipe", path):
                fresh = _fresh(path, moment, store, statuses)
            reasons.update({artifact: "fresh for {}".format(path.stem) for artifact in fresh})
        except OctetError as error:
            troubles.append(error)
    return reasons, troubles


def _unknown_runs(store: Store, runs: Runs) -> List[OctetError]:
    """An error for each damaged record of a run, whose artifacts are unknown and may be needed."""
    places = [place for place, _ in upkeep.misplaced(store) if place.split("/")[0] == "runs"]
    places += [place for place, _ in runs.damaged()]
    return [StoreError("the record of a run is damaged", where=str(store.tree.path(place)),
                       why="the artifacts of that run are not known",
                       next_step="`octet verify` puts it into quarantine; then the artifacts of the other records are "
                                 "kept")
            for place in places]


def _is_there(recipe: Path) -> bool:
    """Whether the file of a recipe exists. True if that cannot be found out: reading the file then raises the error."""
    try:
        return recipe.is_file()
    except OSError:
        return True


def _in(recipes: Path) -> Set[Path]:
    """The recipes in a folder, which may be missing. Raises StoreError if it cannot be listed: then it is unknown which
    artifacts are fresh, and nothing may be deleted."""
    with explained("list the recipes", recipes):
        try:
            names = os.listdir(str(recipes))
        except FileNotFoundError:
            return set()
    return {(recipes / name).absolute() for name in names if name.endswith(".yaml")}


def _fresh(path: Path, moment: snapshot.Moment, store: Store,
           statuses: Dict[Artifact, ArtifactStatus]) -> Set[Artifact]:
    plan = Plan(snapshot.take(path, moment=moment), store, statuses)
    return {(stage, plan.known_key(stage)) for stage in STAGES
            if plan.status(stage).state in (INTACT, DROPPED)}
