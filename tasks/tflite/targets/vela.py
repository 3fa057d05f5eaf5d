"""Compiles a .tflite file for an Arm Ethos-U with Vela, and reads Vela's report."""

import csv
import re
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Dict

LONGEST_S = 600
_ON_CPU = re.compile(r"^CPU operators = (\d+)", re.MULTILINE)
_OPERATOR = re.compile(r"operator: (\w+), ofm: '(.*)'")
KIB = 1024


def compiled(python: str, content: bytes) -> Dict[str, Any]:
    """{accelerator, memory, cpu_operators, on_cpu: ["OPERATOR (layer)"], cycles, inference_ms, sram_bytes,
    flash_bytes}, as Vela estimates them for its default accelerator and memory; or {failed: the last line of its
    output}.

    python: the path of the Python of the environment with ethos-u-vela."""
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model.tflite"
        model.write_bytes(content)
        try:
            done = subprocess.run([str(Path(python).parent / "vela"), str(model), "--output-dir", folder],
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=LONGEST_S)
        except subprocess.TimeoutExpired:
            return {"failed": "it did not end within {} s".format(LONGEST_S)}
        except OSError as error:
            return {"failed": "it cannot be started: {}".format(error)}
        output = done.stdout.decode("utf-8", "replace")
        summaries = sorted(Path(folder).glob("*_summary_*.csv"))
        on_cpu = _ON_CPU.search(output)
        if done.returncode or not summaries or on_cpu is None:
            lines = [line for line in output.splitlines() if line.strip()]
            return {"failed": lines[-1] if lines else "it ended with {}".format(done.returncode)}
        with summaries[0].open(newline="") as file:
            figures = next(csv.DictReader(file))
        return {"accelerator": figures["accelerator_configuration"], "memory": figures["memory_mode"],
                "cpu_operators": int(on_cpu.group(1)),
                "on_cpu": ["{} ({})".format(*groups) for groups in _OPERATOR.findall(output)],
                "cycles": int(float(figures["cycles_total"])),
                "inference_ms": 1e3 * float(figures["inference_time"]),
                "sram_bytes": round(KIB * float(figures["sram_memory_used"])),
                "flash_bytes": round(KIB * (float(figures["on_chip_flash_memory_used"])
                                            + float(figures["off_chip_flash_memory_used"])))}
