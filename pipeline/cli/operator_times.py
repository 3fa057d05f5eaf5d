"""The latency of each operator as tables, one for each runtime: from the metrics of tasks/checks/run_on.py."""

from typing import Any, Dict, List, Sequence

from pipeline import formatting
from pipeline.cli.runtimes_table import WORDS

LONGEST_NAME = 34


def show(runs: Sequence[Dict[str, Any]]) -> None:
    """Prints, for each runtime whose operators were timed, a table: operator, layer, multiply-accumulates, and median
    and spread in each file. Operators of two files are one row where they have the same name and kind."""
    for runtime in dict.fromkeys(run["runtime"] for run in runs if run.get("operators")):
        files = {run["file"]: run for run in runs if run["runtime"] == runtime and run.get("operators")}
        print("\n{}: microseconds of each operator alone, median (10 % to 90 %)".format(WORDS[runtime]))
        formatting.table(["operator", "layer", "MACs"] + ["{} file".format(name) for name in files], _rows(files))
        for name, run in files.items():
            for each in run["operators"]:
                if each["failed"]:
                    print("note: {} file, {} ({}): not timed: {}".format(
                        name, each["operator"], each["layer"], formatting.cut(each["failed"], 160)))


def _rows(files: Dict[str, Dict[str, Any]]) -> List[List[str]]:
    cells: Dict[Any, Dict[str, Dict[str, Any]]] = {}
    for name, run in files.items():
        for each in run["operators"]:
            cells.setdefault((each["operator"], each["layer"]), {})[name] = each
    rows = []
    for (operator, layer), by_file in cells.items():
        rows.append([operator, formatting.cut(layer, LONGEST_NAME),
                     "{:,}".format(next(iter(by_file.values()))["macs"])] + [
                         _time(by_file[name]["latency"]) if name in by_file else "" for name in files])
    rows.append(["sum", "", ""] + ["{:.0f}".format(1e3 * sum(
        each["latency"]["median_ms"] for each in run["operators"] if each["latency"])) for run in files.values()])
    rows.append(["whole file", "", ""] + [_time(run["latency"]) for run in files.values()])
    return rows


def _time(latency: Any) -> str:
    if latency is None:
        return "-"
    return "{:.1f} ({:.1f} to {:.1f})".format(*(1e3 * latency[name] for name in ("median_ms", "p10_ms", "p90_ms")))
