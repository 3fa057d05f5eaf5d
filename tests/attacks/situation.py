"""The description of a situation: what is prepared, which command runs, and which results are correct."""

from typing import Callable, Dict, Iterable, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from tests.attacks.situation_folder import Place

Prepare = Callable[[Place], None]
During = Callable[[Place, int], None]
"""`during(place, pid)` is called while the command runs as process `pid`."""

REFUSED = tuple(range(1, 15))
"""All exit codes of expected errors (octet/errors.py)."""


class Skip(Exception):
    """Raised by `prepare` if the machine does not allow the situation, such as mounting a small disk."""


class Situation(NamedTuple):
    """One row of the table. Its kind is the file that contains it.

    name: unique within its kind. command: the words of `luigi --module pipeline ...` or `octet ...`, with {places} of
    Place.words.
    prepare: called before the command. during: called while it runs.
    codes: the correct exit codes; if empty, any code is correct as long as the rules hold. says: words that the output
    must contain.
    touches: folders of the situation that the command may write to, besides store, cache and temporary folder.
    undamaged: whether `prepare` damages no artifact, so that everything published must be correct.
    new_keys: whether the situation has artifacts with other keys than the template.
    waits: whether the command may wait without end if it prints for what (`says`); it is then interrupted.
    env: environment variables; None removes one. limits: {name of a limit of `resource`: value}.
    closed: {'stdout', 'stderr': 'closed', 'full' (/dev/full) or 'pipe' (a pipe without a reader)}.
    fresh: run in a new interpreter instead of a fork of the worker, for what Python does at its start.
    plain: run without root's capability to ignore permissions, like another user."""

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
"""{short name: verb} of all commands that read a store."""


def spread(rows: Iterable[Situation], at_most: int) -> Iterator[Situation]:
    """At most this number of rows, evenly spaced. For combinations that are mostly alike."""
    listed: List[Situation] = list(rows)
    step = max(1.0, len(listed) / at_most)
    yield from (listed[int(index * step)] for index in range(min(at_most, len(listed))))
