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
