"""Limits of a batch system or a careful administrator: memory, files, stack, sizes."""

from typing import Iterator

from tests.attacks.situation import CHECK, LUIGI, LUIGI_FLOAT, VERBS, Situation
from tests.attacks.situation_folder import Place
from tests.attacks.substitutes import remove

MB = 1 << 20
ADDRESS_SPACE = (60, 100, 150, 200, 250, 300, 400, 500, 700, 1000, 2000)
FILES = (0, 3, 4, 5, 6, 8, 10, 12, 15, 20, 30, 50, 100)
FILE_SIZES = (100, 500, 1000, 4096, 20000, 65536)
STACKS = (16 << 10, 128 << 10, MB)
COMMANDS = {
    "luigi": LUIGI,
    "check": CHECK,
    "why": VERBS["why"],
    "verify": VERBS["verify"],
    "ls": VERBS["ls-artifacts"],
    "gc": VERBS["gc-delete"],
}


def situations() -> Iterator[Situation]:
    for verb, command in COMMANDS.items():
        for megabytes in ADDRESS_SPACE:
            yield Situation(
                "address-space/{}-MB/{}".format(megabytes, verb),
                command,
                _unmade,
                undamaged=True,
                fresh=True,
                limits={"RLIMIT_AS": megabytes * MB},
            )
        for count in FILES:
            yield Situation(
                "open-files/{}/{}".format(count, verb),
                command,
                _unmade,
                undamaged=True,
                limits={"RLIMIT_NOFILE": count},
            )
        for size in FILE_SIZES:
            yield Situation(
                "file-size/{}/{}".format(size, verb), command, _unmade, undamaged=True, limits={"RLIMIT_FSIZE": size}
            )
        for size in STACKS:
            yield Situation(
                "stack/{}/{}".format(size, verb), command, _unmade, undamaged=True, limits={"RLIMIT_STACK": size}
            )
    for verb, command in (("luigi", LUIGI_FLOAT), ("check", CHECK), ("why", VERBS["why"])):
        for name in ("RLIMIT_DATA", "RLIMIT_MEMLOCK", "RLIMIT_CPU"):
            for value in (1, 50 * MB) if name == "RLIMIT_DATA" else (1,):
                yield Situation(
                    "{}/{}/{}".format(name, value, verb),
                    command,
                    _unmade,
                    undamaged=True,
                    limits={name: value},
                    codes=None,
                )


def _unmade(place: Place) -> None:
    """Removes a part of the store, so that the run has something to do."""
    for stage in ("Freeze", "ConvertUint8", "Measure", "TrainFloat"):
        remove(place, place.artifact(stage))
