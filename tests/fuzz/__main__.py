"""`make fuzz`: random networks, one seed after another, each converted and held against float arithmetic.

    python -m tests.fuzz COUNT [FIRST_SEED]

Prints each network that is neither right nor refused, made as small as still fails, and after each hundred how
many were what.
Exits with 1 when any was wrong, or more than one in ten were refused.
"""

import collections
import multiprocessing
import os
import sys
import time
import warnings
from typing import Optional

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
warnings.filterwarnings("ignore")

import tensorflow as tf  # noqa: E402

tf.compat.v1.logging.set_verbosity(tf.compat.v1.logging.ERROR)

from tests.fuzz import conversion, shrink  # noqa: E402
from tests.fuzz.network import Network, network  # noqa: E402

REPORT_EVERY = 100


def main() -> int:
    count, first = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0
    found, started = collections.Counter(), time.monotonic()
    with multiprocessing.Pool(maxtasksperchild=50) as workers:  # TensorFlow gives little memory back
        for seed, words in enumerate(workers.imap(_tried, range(first, first + count)), first):
            found["refused" if words is None else "wrong" if words else "right"] += 1
            if words:
                print(words, flush=True)
            done = seed - first + 1
            if done % REPORT_EVERY == 0 or done == count:
                print("seeds {} to {}: {} right, {} refused, {} wrong, in {:.0f} s".format(
                    first, seed, found["right"], found["refused"], found["wrong"],
                    time.monotonic() - started), flush=True)
    return int(bool(found["wrong"]) or found["refused"] > 0.1 * count)


def _tried(seed: int) -> Optional[str]:
    """What is wrong with the network of a seed, and the least network that still has it; '' for nothing, None
    for a refusal."""
    words = _wrong(network(seed))
    if words:
        words = "seed {}: {}\n{}".format(seed, words, shrink.shrunk(network(seed), _wrong))
    return words


def _wrong(drawn: Network):
    """What is wrong with what came of a network, in words; None for a refusal."""
    try:
        outcome = conversion.outcome(drawn)
    except Exception as error:  # a network that breaks the code is what is looked for
        return repr(error)
    return None if outcome.refused else "; ".join(outcome.wrong)


if __name__ == "__main__":
    sys.exit(main())
