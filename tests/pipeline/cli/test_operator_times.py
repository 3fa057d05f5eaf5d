"""The tables of `octet targets --time-operators`."""

from pipeline.cli import operator_times


def _operator(kind, layer, macs, median_ms=None, failed=""):
    latency = None if median_ms is None else {"median_ms": median_ms, "p10_ms": median_ms / 2, "p90_ms": 2 * median_ms,
                                              "inferences": 7}
    return {"operator": kind, "layer": layer, "macs": macs, "latency": latency, "failed": failed}


def _run(file, operators, whole_ms):
    return {"runtime": "litert", "file": file, "operators": operators,
            "latency": {"median_ms": whole_ms, "p10_ms": whole_ms, "p90_ms": whole_ms, "inferences": 9}}


def test_an_operator_of_one_file_only_is_a_row_and_one_without_a_time_has_its_reason(capsys):
    operator_times.show([
        _run("uint8", [_operator("CONV_2D", "first", 1200, 0.008), _operator("ADD", "join", 0, 0.002)], 0.011),
        _run("int8", [_operator("CONV_2D", "first", 1200, 0.004), _operator("QUANTIZE", "join/input_0", 0, 0.001),
                      _operator("ADD", "join", 0, failed="no\nkernel")], 0.006),
        {"runtime": "micro", "file": "uint8", "failed": "Type UINT8 not supported", "latency": None}])
    head, titles, *rows, note = [line for line in capsys.readouterr().out.splitlines() if line]
    assert head == "LiteRT, XNNPACK: microseconds of each operator alone, median (10 % to 90 %)"
    assert [row.split() for row in [titles, *rows]] == [
        ["operator", "layer", "MACs", "uint8", "file", "int8", "file"],
        "CONV_2D first 1,200 8.0 (4.0 to 16.0) 4.0 (2.0 to 8.0)".split(),
        "ADD join 0 2.0 (1.0 to 4.0) -".split(),
        "QUANTIZE join/input_0 0 1.0 (0.5 to 2.0)".split(),
        "sum 10 5".split(),
        "whole file 11.0 (11.0 to 11.0) 6.0 (6.0 to 6.0)".split()]
    assert note == "note: int8 file, ADD (join): not timed: no kernel"


def test_runs_without_times_print_nothing(capsys):
    operator_times.show([{"runtime": "litert", "file": "uint8", "latency": None}])
    assert capsys.readouterr().out == ""
