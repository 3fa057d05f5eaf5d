"""The verdict on a measurement: which gates of the recipe's `validate` section it misses."""

from typing import Dict, List

from octet.errors import GateError
from octet.judgement import judged


def misses(metrics: Dict, gates: Dict) -> List[str]:
    """One sentence with figures for each gate that an output or the file misses, or that fits no output."""
    return [str(one) for one in judged(metrics, gates) if not one.passed]


def judge(metrics: Dict, gates: Dict, where: str = "") -> None:
    """Raises GateError with the figures when `metrics` misses a gate."""
    found = misses(metrics, gates)
    if found:
        raise GateError(
            "the uint8 model misses {} of its gates".format(len(found)), where=where,
            why="\n".join(found),
            next_step="the measurement is kept: change the model, the data or the training, "
                      "or the gate in the recipe's section `validate`")
