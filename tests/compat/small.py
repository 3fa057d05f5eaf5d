"""The results of the tiny networks, a dozen of which run in one recipe (see tiny.py).

`python -m tests.compat.small FOLDER` writes FOLDER/NAME.json for each network that must be refused."""

import json
import sys
import time
from pathlib import Path
from typing import Dict, List, Set

from octet.errors import ConvertError, OctetError
from pipeline.stage_specs import upward
from pipeline.staleness.plan import Plan
from tasks.graph import io_spec
from tasks.quantize import quantized_graph as quantization
from tasks.tflite import input_output_names, model_file
from tests.compat import newer, tiny
from tests.tasks.catalogue import REFUSED
from tests.tasks.networks import frozen
from tests.tasks.tflite import int8_operators


def rows(plan: Plan, names: List[str]) -> Dict[str, Dict]:
    """{name: results} of networks whose recipe's stages are all complete."""
    measured = json.loads((plan.folder("Measure") / "measurement.json").read_text("utf-8"))
    content = (plan.folder("ConvertUint8") / "model.tflite").read_bytes()
    network = io_spec.read(plan.folder("ConvertUint8"))
    # The measurement names operators like this.
    contents = input_output_names.with_graph_names(model_file.read(content), network)
    codes = tiny.load(names).parts["test"].inputs["image"]
    other = newer.of_file(content, contents, [codes])
    seconds = sum(plan.manifest(stage)["seconds"] for stage in upward("Measure")) / len(names)
    found, local = {}, {row["name"]: row for row in measured["parity"]["local"]}
    int8, why = {}, ""  # type: Dict[str, int8_operators.Found], str
    try:
        int8 = {each.name: each for each in int8_operators.of(content)}
    except ConvertError as error:
        why = error.why
    names_in_file = model_file.read(content).name
    outputs = [end["name"] for end in network["outputs"]]
    for name in names:
        place = outputs.index(tiny.OUTPUT.format(name))
        index = contents.outputs[place]
        mine = [local[contents.name(contents.operators[number])] for number in sorted(_behind(contents, index))]
        worst = max(mine, key=lambda operator: operator["lsb"])
        found[name] = {
            "lsb": max(map(int, measured["outputs"][outputs[place]]["output_difference_lsb"])),
            "local_lsb": worst["lsb"], "kernel": worst["kind"],
            "wrong": [operator["name"] for operator in mine if operator["name"] in measured["parity"]["wrong"]],
            "newer_lsb": other["outputs_lsb"] and other["outputs_lsb"][place], "newer_died": other["died"],
            "unlike": sorted({other["unlike"][number] for number in _behind(contents, index)} - {""}),
            "seconds": seconds,
            "int8_local": {"why": why} if why else int8_operators.worst(
                int8[names_in_file(contents.operators[number])] for number in _behind(contents, index))}
    return found


def refused(name: str) -> Dict:
    """The error with which a network is refused before training."""
    started = time.perf_counter()
    try:
        quantization.check_quantizable(*frozen(REFUSED[name]))
    except OctetError as error:
        return {"refused": [str(error).splitlines()[0], error.why, error.next_step],
                "seconds": time.perf_counter() - started}
    return {"error": "not refused", "seconds": time.perf_counter() - started}


def _behind(contents: model_file.Contents, output: int) -> Set[int]:
    """The numbers of the operators that an output depends on."""
    makers = {index: operator for operator in contents.operators for index in operator.outputs}
    found: Set[int] = set()
    left = [output]
    while left:
        operator = makers.get(left.pop())
        if operator is not None and operator.number not in found:
            found.add(operator.number)
            left.extend(operator.inputs)
    return found


def main(folder: str) -> int:
    for name in sorted(REFUSED):
        (Path(folder) / (name + ".json")).write_text(json.dumps(refused(name), sort_keys=True))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
