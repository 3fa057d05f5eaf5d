"""Which artifacts are kept, and why; the bytes of all others can be let go."""

import os
from pathlib import Path
from typing import Dict, List, Set, Tuple

from octet.errors import OctetError, StoreError
from pipeline.files.durable_files import explained
from pipeline.inputs import snapshot
from pipeline.spec import STAGES
from pipeline.staleness.plan import Plan
from pipeline.store.artifacts import Store
from pipeline.store.marks import KEEPING, Artifact
from pipeline.store.runs import Runs
from pipeline.store.status import DROPPED, INTACT, Look

Reasons = Dict[Artifact, str]


def kept(store: Store, looks: Dict[Artifact, Look], runs: Runs, recipes: Path,
         last_runs: int) -> Tuple[Reasons, List[OctetError]]:
    """{artifact: why it is kept}, and the recipes that could not be looked at.

    looks: those at all that is in the store.

    Kept is what is fresh for a recipe in the folder `recipes` or for one that ran and is still
    there; what the last runs of each recipe came to, and every run that has no end yet; what is
    pinned; what was released."""
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
            # A week of refused runs takes no place of those that came to something.
            counted += run["exit"] == 0 or any(said["made"] for said in run["stages"].values())
            why = "run {} of {}".format(run["number"], run["recipe"]["name"])
            for stage, said in run["stages"].items():
                if said["key"]:
                    reasons.setdefault((stage, said["key"]), why)
    accepted = store.marks.accepted()
    for artifact in list(reasons):
        while artifact in accepted and accepted[artifact] not in reasons:
            reasons[accepted[artifact]] = "accepted for {}".format(reasons[artifact])
            artifact = accepted[artifact]
    for kind in KEEPING:
        for artifact, facts in store.marks.of(kind):
            reasons[artifact] = kind
            for stage, key in facts.get("keeps", []):
                reasons.setdefault((stage, key), "{} with {} {}".format(kind, artifact[0], artifact[1][:12]))
    troubles = _unknown_runs(store, runs)
    moment = snapshot.Moment()
    for path in sorted(paths):
        try:
            with explained("read a recipe", path):
                fresh = _fresh(path, moment, store, looks)
            reasons.update({artifact: "fresh for {}".format(path.stem) for artifact in fresh})
        except OctetError as error:
            troubles.append(error)
    return reasons, troubles


def _unknown_runs(store: Store, runs: Runs) -> List[OctetError]:
    """Where the store does not say any more what a run came to: that must not go as if nothing needed it."""
    places = [place for place, _ in store.misplaced() if place.split("/")[0] == "runs"]
    places += [place for place, _ in runs.damaged()]
    return [StoreError("the record of a run is damaged", where=str(store.tree.path(place)),
                       why="which artifacts the run came to is not known",
                       next_step="`octet verify` puts it into quarantine; then what other records keep is kept")
            for place in places]


def _is_there(recipe: Path) -> bool:
    """Whether the file of a recipe is there; so too when that may not be known: reading it then says why."""
    try:
        return recipe.is_file()
    except OSError:
        return True


def _in(recipes: Path) -> Set[Path]:
    """The recipes in a folder; none where there is no folder. Raises StoreError where it cannot be listed: what is
    fresh for them is then not known, and nothing may go."""
    with explained("list the recipes", recipes):
        try:
            names = os.listdir(str(recipes))
        except FileNotFoundError:
            return set()
    return {(recipes / name).absolute() for name in names if name.endswith(".yaml")}


def _fresh(path: Path, moment: snapshot.Moment, store: Store, looks: Dict[Artifact, Look]) -> Set[Artifact]:
    plan = Plan(snapshot.take(path, moment=moment), store, looks)
    return {(stage, plan.key(stage)[0]) for stage in STAGES
            if plan.look(stage).state in (INTACT, DROPPED)}
