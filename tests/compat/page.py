"""Writes docs/compatibility.md from the results."""

import datetime
import json
import platform
from pathlib import Path
from typing import Dict, List, Optional, Sequence

from importlib_metadata import version

from octet import processors
from octet.target_runtimes import DISTRIBUTIONS
from tests.compat.recipes import Row
from tests.tasks.catalogue import CONVERTED, FARTHER, REFUSED

HEAD = """\
# Which networks become uint8

Written by `make compat`; do not edit. Only what was seen stands here. Last written {date}, on {machine} with
{processors} processors and no accelerator, Python {python}, TensorFlow {tensorflow}, numpy {numpy}, tflite-runtime
{tflite_runtime}. {done} of {all} networks are measured; an interrupted run resumes.

No default ranges are used anywhere. Whatever has a figure was converted, audited (uint8
throughout, every scale the one that training used) and run in the interpreter of TensorFlow 1.14.

- **local**: each operator of the file alone, on the codes that it has on real samples and on codes over their whole
  range, against the same arithmetic in float: the largest difference in LSB, and the kernel. The bound is 1; that of
  LOG_SOFTMAX is 6, which cuts off its lowest codes at a few scales of its input.
- **int8 local**: each operator of the int8 file alone, in tflite-runtime's built-in kernels, on codes over their whole
  range, against the same arithmetic in float: the largest difference in codes, and the kernel.
- **end to end**: the outputs of the file against those of the fake-quantized graph on the same samples, in LSB of the
  output: the most, and the share of the values that are within 2. What the operators before it were off adds up.
- **2.11**: the outputs in tflite-runtime 2.11 against those in 1.14, in LSB; where that is more than 1, the kernels
  that differ when they are alone and given the codes that they had in 1.14, and by how much. By 1 it is a matter of
  rounding: in MobileNetV2 and ResNet50 122 codes of 8.8 million differed, all of which ought to lie half way between
  two codes, to a thousandth of one.
- **contrib.quantize alone**: the network as Keras builds it, `create_training_graph`, {steps} steps,
  `create_eval_graph`, frozen, toco, interpreter, without Octet.
"""
APPLICATIONS = """
## tf.keras.applications

Ten classes, the smallest picture that the network takes, random weights, three steps in each phase, through the real
stages (`luigi --module pipeline ValidateInterpreter`). The weights are as good as random and the batch norms have
seen 24 pictures, so the differences of these deep networks' outputs say how errors of 1 LSB grow in an untrained
network, and little of a trained one.
"""
OURS = """
## Models of this project

The recipe of that name with 2 epochs and 1 quantized epoch, through the real stages.
"""
RUNTIMES = """
## The same files in other runtimes

The networks of the two tables above: the uint8 file and its int8 twin in the runtimes that
`octet targets --install` installs, {versions}.
Each cell is the largest difference from the uint8 file in TensorFlow 1.14, in codes, and the share of the samples
whose largest output is the same. The column "int8" is tflite-runtime over all test samples; the columns after it are up
to 32 test samples. XNNPACK is LiteRT's default. Vela compiles for an Ethos-U55-256: the column has the operators left
on the CPU, and Vela's estimate of the time of an inference. The networks of tf.keras.applications are untrained: their
outputs lie close together, and a small difference changes which is the largest.

| network | bytes int8 | int8 local | int8 | {columns} |
|---|---|---|---|---|---|---|---|---|---|
"""
RAN = {("litert", "uint8"): "uint8, XNNPACK", ("litert-builtin", "uint8"): "uint8, built-in",
       ("litert", "int8"): "int8, XNNPACK", ("litert-builtin", "int8"): "int8, built-in",
       ("micro", "int8"): "int8, Micro", ("vela", "uint8"): "uint8, Vela"}
"""{(runtime, file), as `octet targets --run --json` names them: the column}."""
SMALL = """
## Tiny networks, one for each thing that may fail

From `tests/tasks/catalogue.py`; ways of writing Keras (`as_...`) are from `keras_styles.py` beside it:
random pictures of 8x8x3, random weights, three steps in each phase, through the real stages, a dozen side by side in
one recipe (`tests/compat/tiny.py`). For contrib.quantize alone each is a network of its own; one that ends in a linear
layer gets a ReLU behind it there, because a linear output alone stops toco. What a kernel rounds otherwise than the
fake-quantized graph does is added up by a layer behind it: most where the values lie half way between two codes
everywhere, as 2 * code / 255 - 1 does (scaling_of_input). clip_of_a_large_sum is a step, narrower than a code of what
it reads: one code, off before it, is half of the range behind it, and with other weights the outputs are the same, or
off by up to 8. RESIZE_BILINEAR truncates, which resize_bilinear_to_4_times shows, without a layer behind it; between
pixels by halves and thirds other kernels do it.
"""
REFUSALS = """
## Refused, before the first training step

| operation | in these words | contrib.quantize alone |
|---|---|---|
"""
LARGE_COLUMNS = """\
| network | input | local | end to end | 2.11 | bytes float, uint8 | seconds | contrib.quantize alone |
|---|---|---|---|---|---|---|---|
"""
SMALL_COLUMNS = """\
| network | local | int8 local | end to end | 2.11 | contrib.quantize alone |
|---|---|---|---|---|---|
"""


def text(rows: Sequence[Row], results: Path) -> str:
    """The page for the rows that have a result in the folder `results`, in the order of `rows` and by name."""
    found = {path.stem: json.loads(path.read_text("utf-8")) for path in sorted(results.glob("*.json"))
             if not path.name.endswith(".alone.json")}
    alone = {path.name[:-len(".alone.json")]: json.loads(path.read_text("utf-8"))["alone"]
             for path in results.glob("*.alone.json")}
    small = sorted({**CONVERTED, **FARTHER})
    names = [row.name for row in rows] + small + sorted(REFUSED)
    parts = [HEAD.format(
        date=datetime.date.today().isoformat(), machine=platform.machine(), processors=processors.usable(),
        steps=2, python=platform.python_version(), done=len(set(names) & set(found)), all=len(names),
        **{name.replace("-", "_"): version(name) for name in ("tensorflow", "numpy", "tflite-runtime")})]
    for head, table in ((APPLICATIONS, "applications"), (OURS, "ours")):
        mine = [row for row in rows if row.table == table]
        parts += [head, "\n", LARGE_COLUMNS]
        parts += [_large(row, found[row.name], alone) for row in mine if row.name in found]
        parts.append(_not_run([row.name for row in mine if row.name not in found]))
    parts.append(RUNTIMES.format(
        columns=" | ".join(RAN.values()),
        versions=", ".join("{} {}".format(*distribution) for distribution in DISTRIBUTIONS.values())))
    parts += [_runtimes(row.name, found[row.name]) for row in rows if "runtimes" in found.get(row.name, {})]
    parts += [SMALL, "\n", SMALL_COLUMNS]
    parts += [_small(name, found[name], alone) for name in small if name in found]
    parts += [_not_run([name for name in small if name not in found]), REFUSALS]
    parts += ["| {} | {} | {} |\n".format(name, _cell("; ".join(found[name]["refused"])
              if "refused" in found[name] else found[name]["error"]), _alone(name, alone))
              for name in sorted(REFUSED) if name in found]
    return "".join(parts)


def _large(row: Row, result: Dict, alone: Dict[str, str]) -> str:
    if "error" in result:
        return "| {} | {} | **failed**: {} | | | | | {} |\n".format(
            row.name, row.size, _cell(result["error"]), _alone(row.name, alone))
    return "| {} | {} | {} | {}, {:.0f} % | {} | {}, {:,} | {:.0f} | {} |\n".format(
        row.name, row.size, _local(result), result["lsb"], 100 * result["within_2"], _newer(result),
        _bytes(result["size_bytes"]["float"]), result["size_bytes"]["uint8"], result["seconds"],
        _alone(row.name, alone))


def _runtimes(name: str, result: Dict) -> str:
    int8, ran = result["int8"], result["runtimes"]
    runs = {(run["runtime"], run["file"]): run for run in ran.get("runs", ())}
    cells = ["-", "-", int8["why"]] if "why" in int8 else [
        "{:,}".format(int8["size_bytes"]), _int8_local(int8["local"]), _difference(int8["lsb"], int8["agreement"])]
    for place in RAN:
        run = runs.get(place)
        if run is None:
            cells.append(ran.get("error", "not run"))
        elif run["failed"]:
            cells.append("does not run: {}".format(run["failed"]))
        elif run.get("compiled"):
            cells.append("{cpu_operators} on the CPU, {inference_ms:.3g} ms".format(**run["compiled"]))
        else:
            cells.append(_difference(run["largest_difference"], run["agreement"]))
    return "| {} | {} |\n".format(name, " | ".join(_cell(words) for words in cells))


def _int8_local(found: Dict) -> str:
    if "why" in found:
        return found["why"]
    return "{}{}{}".format(found["lsb"], " {}".format(found["kernel"]) if found["lsb"] else "",
                           "; not run: {}".format(", ".join(found["died"])) if found["died"] else "")


def _difference(codes: int, agreement: Optional[float]) -> str:
    return "{}{}".format(codes, "" if agreement is None else ", {:.0%}".format(agreement))


def _bytes(size: Optional[int]) -> str:
    return "-" if size is None else "{:,}".format(size)


def _small(name: str, result: Dict, alone: Dict[str, str]) -> str:
    if "error" in result:
        return "| {} | **failed**: {} | | | | {} |\n".format(name, _cell(result["error"]), _alone(name, alone))
    return "| {} | {} | {} | {:.1f} | {} | {} |\n".format(
        name, _local(result), _cell(_int8_local(result["int8_local"])), result["lsb"], _newer(result),
        _alone(name, alone))


def _local(result: Dict) -> str:
    kernel = " {}".format(result["kernel"]) if result["local_lsb"] else ""
    wrong = "; **beyond its bound**: " + ", ".join(result["wrong"]) if result["wrong"] else ""
    return _cell("{}{}{}".format(result["local_lsb"], kernel, wrong))


def _newer(result: Dict) -> str:
    agrees = not result["newer_died"] and result["newer_lsb"] <= 1
    unlike = "; " + ", ".join(result["unlike"]) if result["unlike"] and not agrees else ""
    died = "does not run: " + result["newer_died"] if result["newer_died"] else result["newer_lsb"]
    return _cell("{}{}".format(died, unlike))


def _alone(name: str, alone: Dict[str, str]) -> str:
    return _cell(alone[name]) if name in alone else "not run yet"


def _not_run(names: List[str]) -> str:
    return "\nNot run yet: {}.\n".format(", ".join(names)) if names else ""


def _cell(words: str) -> str:
    return " ".join(words.replace("|", "\\|").split())
