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
    """The processors for one process, while the block runs: those that the fewest other stages of this user on this
    host have. None: no limit is set, and the process may use all that this one may use.

    A temporary folder that is locked while the block runs names the processors. Where there can be none, the stages of
    other runs are not counted."""
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
    return settings.load().processors
