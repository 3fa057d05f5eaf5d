"""Another kind of file in place of a file or folder of the user."""

from pathlib import Path
from typing import Callable, Dict, Iterator

from tests.attacks.situation import CHECK, LUIGI, LUIGI_OTHER, WHY, Situation, spread
from tests.attacks.situation_folder import Place
from tests.attacks.substitutes import BYTES, THINGS, Thing

PLACES: Dict[str, Callable[[Place], Path]] = {
    "recipe": lambda place: place.mine / "faces.yaml",
    "model": lambda place: place.mine / "nets" / "net.py",
    "neighbour": lambda place: place.mine / "nets" / "blocks.py",
    "package": lambda place: place.mine / "nets" / "__init__.py",
    "models-folder": lambda place: place.mine / "nets",
    "data": lambda place: place.mine / "photos",
    "part": lambda place: place.mine / "photos" / "train",
    "class": lambda place: place.mine / "photos" / "train" / "cat",
    "picture": lambda place: place.mine / "photos" / "train" / "cat" / "0.png",
    "test-picture": lambda place: place.mine / "photos" / "test" / "dog" / "1.png",
    "config": lambda place: place.config,
    "cache": lambda place: place.cache,
    "cache-file": lambda place: place.cache / "digests.sqlite",
    "user": lambda place: place.mine,
}
COMMANDS = {"luigi": LUIGI, "check": CHECK, "why": WHY, "ls": ("octet", "ls", "{recipe}")}
ADDED: Dict[str, Callable[[Place], Path]] = {
    "class": lambda place: place.mine / "photos" / "train" / "emu",
    "picture": lambda place: place.mine / "photos" / "train" / "cat" / "extra.png",
    "compiled": lambda place: place.mine / "nets" / "fast.so",
    "source": lambda place: place.mine / "nets" / "fast.py",
    "recipe": lambda place: place.mine / "another.yaml",
}
"""What can happen to a file."""


def situations() -> Iterator[Situation]:
    for at, where in PLACES.items():
        rows = [
            _situation(at, where, what, thing, verb)
            for what, thing in list(THINGS.items()) + list(BYTES.items())
            for verb in COMMANDS
        ]
        yield from spread(rows, 34)
    for at, where in ADDED.items():
        for what, thing in THINGS.items():
            if what != "nothing":
                for verb in ("luigi", "why"):
                    yield _situation("added-" + at, where, what, thing, verb)
    for what, thing in list(THINGS.items()) + list(BYTES.items()):
        yield Situation(
            "extends/{}/luigi".format(what), LUIGI_OTHER, new_keys=True, prepare=_prepare(PLACES["recipe"], thing)
        )


def _situation(at: str, where: Callable[[Place], Path], what: str, thing: Thing, verb: str) -> Situation:
    # If the user has moved the cache to another disk, it may be written there.
    touches = ("elsewhere", "canary/digests.sqlite") if at in ("cache", "cache-file") else ()
    return Situation(
        "{}/{}/{}".format(at, what, verb), COMMANDS[verb], _prepare(where, thing), new_keys=True, touches=touches
    )


def _prepare(where: Callable[[Place], Path], thing: Thing) -> Callable[[Place], None]:
    return lambda place: thing(place, where(place))
