"""The runtimes and accelerators that a .tflite file can be checked for, by the names that a recipe uses."""

from typing import Any, Dict

NAMES = ("tflite-1.14", "litert", "micro", "ethos-u", "edgetpu", "nnapi")
"""Each has a list of supported operators, tasks/tflite/targets/lists/NAME.json."""

DISTRIBUTIONS = {"litert": ("ai-edge-litert", "2.3.0"), "micro": ("tflite-micro", "0.dev20261023182759"),
                 "ethos-u": ("ethos-u-vela", "5.2.0")}
"""{target: (distribution on PyPI, version)} of the runtimes and compilers from which the lists were made."""


def supported_operators(fit: Dict[str, Any]) -> str:
    """How much of a file a target supports, as text. fit: the metrics of one file in tasks/checks/targets.py."""
    words = str(fit["verdict"])
    if fit["elsewhere"]:
        words = "{} of {} operators".format(fit["operators"] - fit["elsewhere"], fit["operators"])
    return words + (", Android API level {} or higher".format(fit["level"]) if fit["level"] and not fit["why"] else "")
