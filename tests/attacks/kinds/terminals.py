"""Output that cannot be written: a closed stream, a full disk, a pipe without a reader."""

from typing import Iterator

from tests.attacks.situation import CHECK, VERBS, Situation
from tests.attacks.situation_folder import Place
from tests.attacks.substitutes import remove

HOW = ("closed", "full", "pipe")
COMMANDS = dict(VERBS, check=CHECK)


def situations() -> Iterator[Situation]:
    for verb, command in COMMANDS.items():
        for how in HOW:
            for streams in (("stdout",), ("stderr",), ("stdout", "stderr")):
                touches = ("out",) if verb == "trace-source" else ()
                yield Situation(
                    "{}-{}/{}".format("+".join(streams), how, verb),
                    command,
                    undamaged=True,
                    closed=dict.fromkeys(streams, how),
                    touches=touches,
                    fresh=how == "closed",
                )
    for how in HOW:
        for streams in (("stdout",), ("stderr",), ("stdout", "stderr")):
            yield Situation(
                "{}-{}/luigi-makes".format("+".join(streams), how),
                VERBS["luigi"],
                _unmade,
                undamaged=True,
                codes=(0,),
                closed=dict.fromkeys(streams, how),
                fresh=True,
            )


def _unmade(place: Place) -> None:
    remove(place, place.store)
