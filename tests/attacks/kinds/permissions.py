"""Missing permissions: a file cannot be read or written, or belongs to another user."""

import os
from pathlib import Path
from typing import Callable, Dict, Iterator

from tests.attacks.kinds import files, stores
from tests.attacks.situation import CHECK, VERBS, Situation, Skip, spread
from tests.attacks.situation_folder import Place

MODES = {"none": 0o000, "read-only": 0o555, "write-only": 0o222, "no-search": 0o666}
OWNERS = {"mine": -1, "of-another": 65534}
COMMANDS = {
    "luigi": VERBS["luigi"],
    "why": VERBS["why"],
    "verify": VERBS["verify"],
    "gc": VERBS["gc-delete"],
    "ls": VERBS["ls-artifacts"],
    "trace": VERBS["trace-source"],
    "pin": VERBS["pin"],
    "check": CHECK,
}
PLACES: Dict[str, Callable[[Place], Path]] = dict(
    {"store-" + name: where for name, where in stores.PLACES.items() if name not in ("pins", "marks")},
    **{"user-" + name: where for name, where in files.PLACES.items() if name != "cache-file"},
)


def situations() -> Iterator[Situation]:
    yield from spread(
        (
            Situation(
                "{}/{}-{}/{}".format(at, mode, owner, verb),
                command,
                _prepare(where, MODES[mode], OWNERS[owner]),
                plain=True,
                touches=("out",),
                new_keys=True,
            )
            for at, where in PLACES.items()
            for mode in MODES
            for owner in OWNERS
            for verb, command in COMMANDS.items()
        ),
        300,
    )
    for verb, command in COMMANDS.items():
        yield Situation("nothing-forbidden/{}".format(verb), command, plain=True, touches=("out",), codes=(0,))


def _prepare(where: Callable[[Place], Path], mode: int, owner: int) -> Callable[[Place], None]:
    def prepare(place: Place) -> None:
        path = place.at(where(place))
        if path.exists():
            path.chmod(mode)
            try:
                os.chown(str(path), owner, owner)
            except PermissionError as error:
                raise Skip("only root can give files to somebody else") from error

    return prepare
