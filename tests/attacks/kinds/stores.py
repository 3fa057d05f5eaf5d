"""A damaged store: changed bytes, or another kind of file in place of a file or folder."""

from pathlib import Path
from typing import Callable, Dict, Iterator

from tests.attacks.situation import VERBS, Situation, spread
from tests.attacks.situation_folder import DATA, STAGE, UPSTREAM, Place
from tests.attacks.substitutes import BYTES, THINGS, Thing


def _first(place: Place, pattern: str) -> Path:
    return sorted(place.store.glob(pattern))[0]


PLACES: Dict[str, Callable[[Place], Path]] = {
    "store": lambda place: place.store,
    "artifacts": lambda place: place.store / "artifacts",
    "stage": lambda place: place.store / "artifacts" / STAGE,
    "artifact": lambda place: place.artifact(STAGE),
    "upstream": lambda place: place.artifact(UPSTREAM),
    "manifest": lambda place: place.artifact(STAGE) / "manifest.json",
    "upstream-manifest": lambda place: place.artifact(UPSTREAM) / "manifest.json",
    "product": lambda place: place.artifact(STAGE) / "frozen.pb",
    "last-product": lambda place: place.artifact("ValidateInterpreter") / "verdict.json",
    "upstream-product": lambda place: place.artifact(UPSTREAM) / "float.pb",
    "data": lambda place: place.artifact(DATA),
    "data-manifest": lambda place: place.artifact(DATA) / "manifest.json",
    "data-product": lambda place: place.artifact(DATA) / "spec.json",
    "by-product": lambda place: place.artifact(UPSTREAM) / "events",
    "runs": lambda place: place.store / "runs",
    "recipe-runs": lambda place: _first(place, "runs/*"),
    "run": lambda place: _first(place, "runs/*/*.json"),
    "locks": lambda place: place.store / "locks",
    "lock": lambda place: _first(place, "locks/{}-*".format(STAGE)),
    "logs": lambda place: place.store / "logs",
    "log": lambda place: _first(place, "logs/{}-*".format(STAGE)),
    "sources": lambda place: place.store / "sources",
    "source": lambda place: _first(place, "sources/*/*"),
    "marks": lambda place: place.store / "marks",
    "pins": lambda place: place.store / "marks" / "pinned",
    "quarantine": lambda place: place.store / "quarantine",
    "quarantined": lambda place: _first(place, "quarantine/*"),
    "leftover": lambda place: _first(place, "artifacts/{}/.*.tmp".format(STAGE)),
}
REPAIRED = (
    ("artifact", "product", "manifest", "last-product", "upstream", "upstream-product", "upstream-manifest")
    + ("data", "data-product", "data-manifest")
)
"""Damage that a run detects and repairs, so it must exit with 0."""


def situations() -> Iterator[Situation]:
    for at, where in PLACES.items():
        rows = [
            _situation(at, where, what, thing, verb)
            for verb in VERBS
            for what, thing in list(THINGS.items()) + list(BYTES.items())
        ]
        yield from spread(rows, 31)
    for at in REPAIRED:
        for what, thing in list(THINGS.items()) + list(BYTES.items()):
            yield _situation(at, PLACES[at], what, thing, "luigi")._replace(
                name="{}/{}/made-again".format(at, what), codes=(0,)
            )
    for at in ("artifact", "upstream", "product", "by-product", "quarantined", "leftover", "stage", "quarantine"):
        for what in ("link-to-canary-folder", "moved-behind-a-link", "link-to-parent"):
            for verb in ("verify", "gc-quarantine"):
                yield Situation(
                    "{}/{}/verify-then-{}".format(at, what, verb), VERBS[verb], _after_verify(PLACES[at], THINGS[what])
                )


def _situation(at: str, where: Callable[[Place], Path], what: str, thing: Thing, verb: str) -> Situation:
    return Situation(
        "{}/{}/{}".format(at, what, verb),
        VERBS[verb],
        lambda place: thing(place, where(place)),
        touches=(("out",) if verb == "trace-source" else ()) + (("elsewhere",) if at == "store" else ()),
    )


def _after_verify(where: Callable[[Place], Path], thing: Thing) -> Callable[[Place], None]:
    """`verify` moves a link to quarantine and `gc` walks it there. The canary must survive both."""

    def prepare(place: Place) -> None:
        import subprocess

        thing(place, where(place))
        subprocess.run(
            [str(place.python), "-m", "pipeline.cli.main", "verify"],
            env=place.environment(),
            cwd=str(place.cwd),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=30,
        )

    return prepare
