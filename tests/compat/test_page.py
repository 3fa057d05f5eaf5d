import json

from tests.compat import page
from tests.compat.recipes import Row

GOOD = {"local_lsb": 1, "kernel": "CONV_2D", "wrong": [], "lsb": 3, "within_2": 0.5, "newer_lsb": 2, "newer_died": "",
        "unlike": ["ADD by 1"], "size_bytes": {"float": 4000, "uint8": 1000}, "seconds": 12.3}


def _text(folder, **results):
    for name, result in results.items():
        (folder / (name + ".json")).write_text(json.dumps(result))
    rows = [Row("applications", name, "32x32x3", folder / (name + ".yaml")) for name in ("Small", "Large", "Never")]
    return page.text(rows, folder)


def test_the_page_shows_measured_and_missing_results(tmp_path):
    (tmp_path / "Small.alone.json").write_text(json.dumps({"alone": "toco: no | range"}))
    text = _text(tmp_path, Small=GOOD, Large={"error": "TrainFloat failed\nfor a reason"})
    assert "| Small | 32x32x3 | 1 CONV_2D | 3, 50 % | 2; ADD by 1 | 4,000, 1,000 | 12 | toco: no \\| range |\n" in text
    assert "| Large | 32x32x3 | **failed**: TrainFloat failed for a reason | | | | | not run yet |\n" in text
    assert "Not run yet: Never.\n" in text
    assert text == _text(tmp_path)


def test_a_kernel_beyond_its_bound_is_in_its_row(tmp_path):
    assert "**beyond its bound**: block/add" in _text(tmp_path, Small=dict(GOOD, wrong=["block/add"]))


def test_kernels_of_the_newer_runtime_are_named_only_if_outputs_differ(tmp_path):
    assert "ADD by 1" not in _text(tmp_path, Small=dict(GOOD, newer_lsb=1))


def _run(runtime, file, **more):
    return {"runtime": runtime, "file": file, "failed": "", "largest_difference": 2, "agreement": 1.0, **more}


def test_other_runtimes_have_a_row_with_what_each_said(tmp_path):
    runs = [_run("litert", "uint8"), _run("litert-builtin", "uint8", largest_difference=0),
            _run("litert", "int8", failed="no | kernel"), _run("micro", "int8", agreement=0.875),
            _run("vela", "uint8", compiled={"cpu_operators": 1, "inference_ms": 0.2839})]
    text = _text(tmp_path, Small=dict(GOOD, int8={"lsb": 7, "size_bytes": 1200, "agreement": 0.99, "local": {
        "lsb": 1, "kernel": "MUL", "died": []}},
                                      runtimes={"runs": runs}),
                 Large=dict(GOOD, int8={"why": "PACK has no int8 form here"}, runtimes={"error": "no room"}))
    assert ("| Small | 1,200 | 1 MUL | 7, 99% | 2, 100% | 0, 100% | does not run: no \\| kernel | not run | 2, 88% | "
            "1 on the CPU, 0.284 ms |\n") in text
    assert "| Large | - | - | PACK has no int8 form here |" + 6 * " no room |" + "\n" in text


def test_a_row_from_before_other_runtimes_were_tried_is_left_out_of_their_table(tmp_path):
    assert "| Small | -" not in _text(tmp_path, Small=GOOD)
