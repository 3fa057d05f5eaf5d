"""No attack: every verb on an undamaged store. A failure here is a fault of the table."""

from typing import Iterator

from tests.attacks.situation import CHECK, LUIGI_OTHER, VERBS, Situation

TOUCHES = {"trace-source": ("out",)}

CODES = {"accept": (2,)}  # there is nothing to accept


def situations() -> Iterator[Situation]:
    for verb, command in list(VERBS.items()) + [("check", CHECK), ("luigi-other", LUIGI_OTHER)]:
        yield Situation(verb, command, codes=CODES.get(verb, (0,)), touches=TOUCHES.get(verb, ()), undamaged=True)
