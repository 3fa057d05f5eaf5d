import json

import pytest

from octet import digest
from octet.errors import StoreError
from pipeline.files.safe_tree import Folder
from pipeline.store import manifest


@pytest.fixture
def folder(tmp_path):
    with Folder.at(tmp_path) as opened:
        yield opened


def test_what_is_written_is_read_back_with_its_format(folder, tmp_path):
    manifest.write(folder, {"stage": "Freeze", "metrics": {"loss": 0.5}, "outputs": []})
    record = manifest.read(folder)
    assert record["format"] == manifest.FORMAT and record["metrics"] == {"loss": 0.5}
    assert [path.name for path in tmp_path.iterdir()] == ["manifest.json"]


def test_a_diverged_loss_is_recorded(folder):
    manifest.write(folder, {"metrics": {"loss": float("nan"), "all": [1.0, float("-inf")]}})
    assert manifest.read(folder)["metrics"] == {"loss": "nan", "all": [1.0, "-inf"]}


def test_a_folder_without_manifest_has_none(folder, tmp_path):
    assert manifest.read(folder) is None


@pytest.mark.parametrize("spoil", [
    lambda text: text[:-20], lambda text: "", lambda text: "[1]", lambda text: "\0" * 40,
    lambda text: text.replace("0.5", "0.6"), lambda text: text.replace("0.5", "NaN")])
def test_a_spoiled_manifest_is_no_manifest(folder, tmp_path, spoil):
    manifest.write(folder, {"metrics": {"loss": 0.5}})
    path = tmp_path / "manifest.json"
    path.write_text(spoil(path.read_text()))
    assert manifest.read(folder) is None


def test_a_newer_format_is_refused_and_not_called_damaged(folder):
    manifest.write(folder, {"format": 3})
    with pytest.raises(StoreError, match="format 3"):
        manifest.read(folder)


def test_a_manifest_of_the_first_format_is_read_in_the_form_of_today(folder):
    manifest.write(folder, {"format": 1, "stage": "Freeze", "outputs": []})
    record = manifest.read(folder)
    assert record["stage"] == "Freeze" and record["sources"] == {} and record["why"] == []


def test_products_are_those_outputs_that_match_a_glob(folder, tmp_path):
    for name in ("network.pb", "variables.data-00000-of-00001", "events/log"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    outputs = manifest.outputs(folder, ("network.pb", "variables.data-*"))
    assert [(output["path"], output["bytes"], output["product"]) for output in outputs] == [
        ("events/log", 10, False), ("network.pb", 10, True),
        ("variables.data-00000-of-00001", 29, True)]
    assert manifest.products({"outputs": outputs}) == {
        name: digest.of_bytes(name.encode())
        for name in ("network.pb", "variables.data-00000-of-00001")}


def test_a_promised_product_that_is_missing_is_named(folder, tmp_path):
    (tmp_path / "log").write_text("")
    with pytest.raises(StoreError, match="'network.pb'"):
        manifest.outputs(folder, ("network.pb",))


def test_the_file_is_sorted_json(folder, tmp_path):
    manifest.write(folder, {"b": 1, "a": 2})
    assert list(json.loads((tmp_path / "manifest.json").read_text())) == [
        "a", "b", "format", "seal"]
