"""The networks of tests/tasks/catalogue.py, several in one file: `python -m tests.compat.small FOLDER`.

Writes FOLDER/NAME.json for each, as soon as it is known; what is there already is left alone.
"""

import json
import sys
import time
from pathlib import Path
from typing import Dict, List, Set

import numpy as np

from octet.errors import OctetError
from tasks.quantize import plan
from tasks.tflite import contents as tflite_contents
from tasks.tflite import parity
from tests.compat import newer
from tests.tasks import conversion
from tests.tasks.catalogue import CONVERTED, FARTHER, REFUSED
from tests.tasks.networks import frozen

GROUP = 12
CODES = np.random.RandomState(0).randint(0, 256, (12, 8, 8, 3)).astype(np.uint8)
NETWORKS = {**CONVERTED, **FARTHER}


def converted(names: List[str]) -> Dict[str, Dict]:
    """{name: what was found} of networks that are converted together."""
    started = time.perf_counter()
    graph_def, network = frozen({name: NETWORKS[name] for name in names})
    plan.quantizable(graph_def, network)
    done = conversion.convert(graph_def, network, [CODES])
    contents = tflite_contents.read(done.content)
    known = parity.inside(done.content, contents, [CODES])
    findings = parity.local(done.content, contents, known, lambda fraction: None)
    other = newer.compared(done.content, contents, [CODES], known, contents.outputs)
    seconds = (time.perf_counter() - started) / len(names)
    rows = {}
    for place, name in enumerate(names):
        mine = _behind(contents, contents.outputs[place])
        worst = max((findings[number] for number in mine), key=lambda finding: finding.lsb)
        rows[name] = {
            "lsb": done.lsb[place], "local_lsb": worst.lsb, "kernel": worst.kind,
            "wrong": [findings[number].name for number in sorted(mine) if findings[number].wrong],
            "newer_lsb": other["outputs_lsb"] and other["outputs_lsb"][place], "newer_died": other["died"],
            "unlike": sorted({other["unlike"][number] for number in mine} - {""}), "seconds": seconds}
    return rows


def refused(name: str) -> Dict:
    """The words in which a network is refused before training."""
    started = time.perf_counter()
    try:
        plan.quantizable(*frozen(REFUSED[name]))
    except OctetError as error:
        return {"refused": [str(error).splitlines()[0], error.why, error.next_step],
                "seconds": time.perf_counter() - started}
    return {"error": "not refused", "seconds": time.perf_counter() - started}


def _behind(contents: tflite_contents.Contents, output: int) -> Set[int]:
    """The numbers of the operators that an output hangs on."""
    makers = {index: operator for operator in contents.operators for index in operator.outputs}
    found: Set[int] = set()
    left = [output]
    while left:
        operator = makers.get(left.pop())
        if operator is not None and operator.number not in found:
            found.add(operator.number)
            left.extend(operator.inputs)
    return found


def _alone(name: str) -> Dict:
    try:
        return converted([name])[name]
    except Exception as error:  # the page says which
        return {"error": "{}: {}".format(type(error).__name__, str(error)[:600])}


def main(folder: str) -> int:
    place = Path(folder)
    left = [name for name in sorted(NETWORKS) if not (place / (name + ".json")).exists()]
    for start in range(0, len(left), GROUP):
        names = left[start:start + GROUP]
        try:
            rows = converted(names)
        except Exception:  # which of them it was is said by each on its own
            rows = {name: _alone(name) for name in names}
        for name, row in rows.items():
            (place / (name + ".json")).write_text(json.dumps(row, sort_keys=True))
            print(name, row, flush=True)
    for name in sorted(REFUSED):
        row = refused(name)
        (place / (name + ".json")).write_text(json.dumps(row, sort_keys=True))
        print(name, row, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
