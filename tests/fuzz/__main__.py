"""`make fuzz`: random networks, one seed after another, each converted and held against float arithmetic.

    python -m tests.fuzz COUNT [FIRST_SEED]

Prints each network that is neither right nor refused, made as small as still fails, and how many were what.
Exits with 1 when any was wrong, or more than one in ten were refused.
"""

import collections
import os
import sys
import time
import warnings

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
warnings.filterwarnings("ignore")

from tests.fuzz import conversion, shrink  # noqa: E402
from tests.fuzz.network import Network, network  # noqa: E402


def main() -> int:
    count, first = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0
    found, started = collections.Counter(), time.monotonic()
    for seed in range(first, first + count):
        words = _wrong(network(seed))
        found["refused" if words is None else "wrong" if words else "right"] += 1
        if words:
            print("seed {}: {}".format(seed, words))
            print(shrink.shrunk(network(seed), _wrong), flush=True)
    print("{} right, {} refused, {} wrong, in {:.0f} s".format(
        found["right"], found["refused"], found["wrong"], time.monotonic() - started))
    return int(bool(found["wrong"]) or found["refused"] > 0.1 * count)


def _wrong(drawn: Network):
    """What is wrong with what came of a network, in words; None for a refusal."""
    try:
        outcome = conversion.outcome(drawn)
    except Exception as error:  # a network that breaks the code is what is looked for
        return repr(error)
    return None if outcome.refused else "; ".join(outcome.wrong)


if __name__ == "__main__":
    sys.exit(main())
