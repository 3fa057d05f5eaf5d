"""The results of a model in several runtimes as lines of text: the metrics of tasks/checks/run_on.py."""

from typing import Any, Dict, Iterator, List

from octet import sizes
from pipeline import formatting

WORDS = {"tensorflow": "TensorFlow 1.14", "litert": "LiteRT, XNNPACK", "litert-builtin": "LiteRT, built-in kernels",
         "micro": "Micro", "vela": "Vela"}


def lines(ran: Dict[str, Any]) -> Iterator[str]:
    """A line for each file in each runtime, and one for each target that is not installed."""
    machine = ran["machine"]
    yield "on {} {}, one processor of {} ({}), load {:.1f}".format(
        ran["samples"], ran["of"], machine["host"], machine["processor"], machine["load"])
    for run in ran["runs"]:
        yield "  {}, {} file: {}".format(WORDS[run["runtime"]], run["file"], "; ".join(_words(run)))
    for target in ran["not_installed"]:
        yield "  {}: not installed; `octet targets --install` makes its environment".format(target)


def _words(run: Dict[str, Any]) -> List[str]:
    if run["failed"]:
        return ["does not run: {}".format(formatting.cut(run["failed"], 160))]
    phrases = []
    if "largest_difference" in run:
        phrases.append("differs by {} codes at most, the same answer on {:.1%}".format(
            run["largest_difference"], run["agreement"]))
    if run["latency"]:
        phrases.append("{median_ms:.3g} ms ({p10_ms:.3g} to {p90_ms:.3g}, {inferences} inferences)".format(
            **run["latency"]))
    if run.get("compiled"):
        found = run["compiled"]
        phrases.append("{} operators on the CPU{}, {:,} cycles ({:.3g} ms on {}), {} of SRAM, {} of flash".format(
            found["cpu_operators"], " ({})".format(formatting.listed(found["on_cpu"])) if found["on_cpu"] else "",
            found["cycles"], found["inference_ms"], found["accelerator"], sizes.size(found["sram_bytes"]),
            sizes.size(found["flash_bytes"])))
    return phrases or ["ran"]
