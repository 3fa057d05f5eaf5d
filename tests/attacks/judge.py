"""The rules that must hold after every situation."""

import hashlib
import json
import os
import re
import stat
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional, Tuple

from tests.attacks.situation import Situation
from tests.attacks.situation_folder import Place

Products = Dict[str, Dict[str, str]]
"""{stage: {file: sha256}}."""


class Outcome(NamedTuple):
    """The result of a command. code: None if it was killed because it hung; negative for a signal. hung: how it hung,
    in words. left: the processes that it left running."""

    code: Optional[int]
    said: str
    seconds: float
    hung: str
    left: List[str]


def faults(
    place: Place,
    situation: Situation,
    outcome: Outcome,
    before: Dict[str, Tuple],
    after: Dict[str, Tuple],
    reference: Dict[str, Products],
) -> List[str]:
    """A line for each broken rule."""
    return [
        fault
        for fault in (
            _traceback(outcome.said),
            outcome.hung,
            _silent(situation, outcome),
            _code(situation, outcome),
            _words(situation, outcome),
            _left(outcome),
            _changed(place, situation, before, after),
            _wrong_artifact(place, situation, outcome, reference),
        )
        if fault
    ]


def _traceback(said: str) -> str:
    if "Traceback (most recent call last)" not in said and "Exception ignored" not in said:
        return ""
    lines = [line for line in said.splitlines() if re.match(r"[\w.]+(Error|Exception|Interrupt|Exit)\b", line)]
    return "traceback: {}".format((lines or ["?"])[-1][:150])


def _silent(situation: Situation, outcome: Outcome) -> str:
    """A command without output breaks a rule, unless a signal ended it or its output goes nowhere."""
    sent = outcome.code is not None and outcome.code < 0 and -outcome.code in (situation.codes or ())
    if not outcome.code or sent or situation.closed or outcome.said.strip():
        return ""
    return "exit code {} without a word".format(outcome.code)


def _code(situation: Situation, outcome: Outcome) -> str:
    if outcome.code is None or abs(outcome.code) in (situation.codes or ()):
        return ""
    if outcome.code < 0:
        return "ended by signal {}".format(-outcome.code)
    if situation.codes is None:
        return ""
    return "exit code {}, and not {}".format(outcome.code, " or ".join(str(code) for code in situation.codes[:5]))


def _words(situation: Situation, outcome: Outcome) -> str:
    return "does not say {!r}".format(situation.says) if situation.says not in outcome.said else ""


def _left(outcome: Outcome) -> str:
    return "left running: {}".format("; ".join(outcome.left)[:150]) if outcome.left else ""


def _changed(place: Place, situation: Situation, before: Dict[str, Tuple], after: Dict[str, Tuple]) -> str:
    """A line for each change outside of the store, the digest cache and the temporary folder."""
    allowed = tuple(str(place.root / name) for name in ("store", "cache", "tmp") + tuple(situation.touches)) + tuple(
        str(path) for path in place.allowed
    )
    changed = sorted(
        path
        for path in set(before) | set(after)
        if before.get(path) != after.get(path)
        and not any(path == folder or path.startswith(folder + os.sep) for folder in allowed)
    )
    return (
        "changed outside the store: {}".format(
            ", ".join(os.path.relpath(path, str(place.root)) for path in changed[:4])
        )
        if changed
        else ""
    )


def _wrong_artifact(place: Place, situation: Situation, outcome: Outcome, reference: Dict[str, Products]) -> str:
    """A line for each artifact that counts as complete, but whose bytes differ from those of an undisturbed run."""
    if situation.command[0] == "luigi" and outcome.code == 0:
        recipe = "other" if "{other}" in situation.command else "faces"
        stage = situation.command[1]
        if not situation.new_keys and stage in reference[recipe]:
            wrong = _difference(place.artifact(stage, recipe), reference[recipe][stage])
            return "said to be complete, and {} of {} is {}".format(wrong[0], stage, wrong[1]) if wrong else ""
    if not situation.undamaged:
        return ""
    for recipe, stages in reference.items():
        for stage, products in stages.items():
            folder = place.artifact(stage, recipe)
            if (folder / "manifest.json").is_file():
                wrong = _difference(folder, products)
                if wrong:
                    return "published as {} of {}, and {} is {}".format(stage, recipe, *wrong)
    return ""


def _difference(folder: Path, products: Dict[str, str]) -> Optional[Tuple[str, str]]:
    for part in [folder, folder.parent, folder.parent.parent]:
        if part.is_symlink():
            return part.name, "a link"
    for name, sha256 in products.items():
        path = folder / name
        try:
            about = os.lstat(str(path))
        except OSError as error:
            return name, error.strerror
        if not stat.S_ISREG(about.st_mode):
            return name, "no regular file"
        if hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
            return name, "other than in an undisturbed run"
    return None


def products_of(place: Place) -> Dict[str, Products]:
    """{recipe: its products}, from the manifests of an undamaged store."""
    found: Dict[str, Products] = {}
    for recipe, stages in place.keys.items():
        found[recipe] = {}
        for stage in stages:
            manifest = json.loads((place.artifact(stage, recipe) / "manifest.json").read_text())
            found[recipe][stage] = {
                output["path"]: output["sha256"] for output in manifest["outputs"] if output["product"]
            }
    return found
