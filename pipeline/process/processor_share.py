"""Chooses the processors of a stage's process, where `[octet] processors` in luigi.cfg limits their number."""

import os
from contextlib import ExitStack, contextmanager
from functools import lru_cache
from typing import Iterator, Optional, Tuple

from octet.errors import StoreError
from pipeline import settings
from pipeline.process import scratch

PURPOSE = "processors"


@contextmanager
def taken() -> Iterator[Optional[Tuple[int, ...]]]:
    """The processors that one process may use while the block runs: those that the fewest other stages of this user on
    this host use. None if no limit is set: the process may then use all that this process may use.

    The name of a temporary folder, which is locked while the block runs, tells other runs which processors are in use.
    If no temporary folder can be made, other runs do not count this process."""
    number = _limit()
    if number is None:
        yield None
        return
    used = [int(processor) for purpose in scratch.locked() if purpose.startswith(PURPOSE)
            for processor in purpose.split("_")[1:]]
    by_use = sorted(os.sched_getaffinity(0), key=lambda processor: (used.count(processor), processor))
    chosen = tuple(sorted(by_use[:number]))
    with ExitStack() as stack:
        try:
            stack.enter_context(scratch.folder("_".join([PURPOSE, *map(str, chosen)]), "mark processors as used"))
        except StoreError:
            pass
        yield chosen


@lru_cache(maxsize=None)
def _limit() -> Optional[int]:
    """The setting `[octet] processors`; None if it is not set."""
    return settings.load().processors
