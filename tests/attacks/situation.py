"""What a situation is: what is prepared, which command is run in it, and what may come of it."""

from typing import Callable, Dict, Iterable, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from tests.attacks.situation_folder import Place

Prepare = Callable[[Place], None]
During = Callable[[Place, int], None]
"""`during(place, pid)`: what happens while the command runs as process `pid`."""

REFUSED = tuple(range(1, 15))
"""Every exit code of an error that is told (octet/errors.py)."""


class Skip(Exception):
    """Raised by `prepare` where the machine does not allow a situation, such as mounting a small disk."""


class Situation(NamedTuple):
    """One row of the table. Its kind is the file that it stands in.

    name:     its own within its kind; what a failure is found by.
    command:  the words of `luigi --module pipeline ...` or `octet ...`, with {places} of Place.words.
    prepare:  called before the command is run.
    during:   called while it runs.
    codes:    the exit codes that are right; none given: any, as long as the net holds.
    says:     words that the output must have.
    touches:  folders of the situation that the command may write, beside store, cache and temporary folder.
    undamaged: whether no artifact is damaged by us, so that whatever is published must be right.
    new_keys: whether another recipe, model or data makes other artifacts than those of the template.
    waits:    whether the command is right to wait for ever, if it says for what (`says`); it is interrupted then.
    env:      environment variables, None for one that is taken away.
    limits:   {name of a limit of `resource`: value}.
    closed:   'stdout', 'stderr': closed; 'full': /dev/full; 'pipe': a pipe that nobody reads.
    fresh:    run in a new interpreter rather than in a fork of the worker: for what Python does at its start.
    plain:    run without root's right to read and write whatever it likes, as any user is.
    """

    name: str
    command: Tuple[str, ...]
    prepare: Prepare = lambda place: None
    during: Optional[During] = None
    codes: Optional[Sequence[int]] = None
    says: str = ""
    touches: Sequence[str] = ()
    undamaged: bool = False
    new_keys: bool = False
    waits: bool = False
    env: Dict[str, Optional[str]] = {}
    limits: Dict[str, int] = {}
    closed: Dict[str, str] = {}
    fresh: bool = False
    plain: bool = False


LUIGI = ("luigi", "ValidateInterpreter", "--recipe", "{recipe}", "--local-scheduler")
LUIGI_OTHER = ("luigi", "ValidateInterpreter", "--recipe", "{other}", "--local-scheduler")
LUIGI_FLOAT = ("luigi", "TrainFloat", "--recipe", "{recipe}", "--local-scheduler")
CHECK = ("octet", "check", "{recipe}")
WHY = ("octet", "why", "{recipe}")
VERBS: Dict[str, Tuple[str, ...]] = {
    "luigi": LUIGI,
    "why": WHY,
    "ls": ("octet", "ls"),
    "ls-recipe": ("octet", "ls", "{recipe}"),
    "ls-artifacts": ("octet", "ls", "--artifacts"),
    "verify": ("octet", "verify"),
    "verify-keep": ("octet", "verify", "--keep"),
    "gc": ("octet", "gc"),
    "gc-delete": ("octet", "gc", "--delete", "--runs", "1"),
    "gc-quarantine": ("octet", "gc", "--delete", "--quarantine"),
    "trace": ("octet", "trace", "{file}"),
    "trace-source": ("octet", "trace", "{file}", "--source", "{out}"),
    "trace-used-by": ("octet", "trace", "--used-by", "{net}"),
    "diff": ("octet", "diff", "{freeze}", "{freeze2}"),
    "pin": ("octet", "pin", "{freeze}"),
    "unpin": ("octet", "pin", "{freeze}", "--remove"),
    "force": ("octet", "force", "{recipe}", "Freeze"),
    "accept": ("octet", "accept", "{recipe}", "Freeze"),
}
"""Every way to ask a store, by a short name."""


def spread(rows: Iterable[Situation], at_most: int) -> Iterator[Situation]:
    """At most so many of the rows, taken evenly: for combinations of which most are alike."""
    listed: List[Situation] = list(rows)
    step = max(1.0, len(listed) / at_most)
    yield from (listed[int(index * step)] for index in range(min(at_most, len(listed))))
