"""`make fuzz`: converts random networks, one seed after another, and compares each with float arithmetic.

    python -m tests.fuzz COUNT [FIRST_SEED]

A few networks are converted side by side in one file; if the file is wrong, each is converted alone. Prints each
network that is neither correct nor refused, reduced to the smallest network that still fails, and statistics after each
hundred. Exits with 1 if any network was wrong, or more than one in ten were refused."""

import collections
import itertools
import multiprocessing
import os
import re
import sys
import time
import warnings
from typing import List, Optional, Sequence, Set

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
warnings.filterwarnings("ignore")

import tensorflow as tf  # noqa: E402

tf.compat.v1.logging.set_verbosity(tf.compat.v1.logging.ERROR)

from tests.fuzz import conversion, shrink  # noqa: E402
from tests.fuzz.network import Network  # noqa: E402
from tests.fuzz.random_network import network  # noqa: E402

REPORT_EVERY = 100
TOGETHER = 5  # networks in one file: for a single one, starting toco and the interpreters is a third of the work


def main() -> int:
    count, first = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0
    found, started = collections.Counter(), time.monotonic()
    groups = [range(seed, min(seed + TOGETHER, first + count)) for seed in range(first, first + count, TOGETHER)]
    with multiprocessing.Pool(maxtasksperchild=10) as workers:  # TensorFlow releases little memory
        outcomes = itertools.chain.from_iterable(workers.imap(_tried, groups))
        for seed, words in enumerate(outcomes, first):
            found["refused" if words is None else "wrong" if words else "right"] += 1
            if words:
                print(words, flush=True)
            done = seed - first + 1
            if done % REPORT_EVERY == 0 or done == count:
                print("seeds {} to {}: {} right, {} refused, {} wrong, in {:.0f} s".format(
                    first, seed, found["right"], found["refused"], found["wrong"],
                    time.monotonic() - started), flush=True)
    return int(bool(found["wrong"]) or found["refused"] > 0.1 * count)


def _tried(seeds: Sequence[int]) -> List[Optional[str]]:
    """For each seed, the fault of its network and the smallest network that still has it; '' without a fault, None for
    a refusal."""
    together = _wrong(*map(network, seeds))
    if together == []:
        return [""] * len(seeds)
    found = [_alone(seed) for seed in seeds]
    if together and not any(found):
        found[0] = "seeds {} to {} side by side, each right alone: {}".format(seeds[0], seeds[-1], "; ".join(together))
    return found


def _alone(seed: int) -> Optional[str]:
    wrong = _wrong(network(seed))
    if not wrong:
        return None if wrong is None else ""
    return "seed {}: {}\n{}".format(seed, "; ".join(wrong), shrink.shrunk(
        network(seed), lambda less: bool(_kinds(wrong) & _kinds(_wrong(less) or []))))


def _wrong(*drawn: Network) -> Optional[List[str]]:
    """The fault of a result in words; None for a refusal."""
    try:
        outcome = conversion.outcome(*drawn)
    except Exception as error:  # a network that raises an unexpected error is a find
        return [repr(error)]
    return None if outcome.refused else outcome.wrong


def _kinds(wrong: List[str]) -> Set[str]:
    """Identifies a fault: the operators, outputs or errors that are wrong."""
    return {re.match(r"\w+", words).group() for words in wrong}


if __name__ == "__main__":
    sys.exit(main())
