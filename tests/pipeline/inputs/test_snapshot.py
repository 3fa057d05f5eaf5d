import subprocess
import sys
from pathlib import Path

import pytest

from octet.errors import DatasetError, OctetError, RecipeError
from pipeline.inputs import key, snapshot
from pipeline.stage_specs import STAGES

ROOT = Path(__file__).resolve().parents[3]
DATA = """
import hashlib, pathlib
def load(path): pass
def digest(part, path):
    return hashlib.sha256((pathlib.Path(path) / part).read_bytes()).hexdigest()
"""
RECIPE = """
data:  {dataset: ./faces.py, args: {path: photos}}
model: {build: ./net.py}
"""


@pytest.fixture
def checkout(tmp_path):
    """A checkout whose stages are empty files, and a user's folder beside it."""
    for spec in STAGES.values():
        put(tmp_path / "checkout/tasks" / (spec.module.replace(".", "/") + ".py"), "")
    put(tmp_path / "checkout/tasks/__main__.py", "")
    for part in ("train", "validation", "test"):
        put(tmp_path / "mine/photos" / part, part)
    put(tmp_path / "mine/faces.py", DATA)
    put(tmp_path / "mine/net.py", "import tensorflow\ndef build(input_shape, classes): pass\n")
    put(tmp_path / "mine/faces.yaml", RECIPE)
    return tmp_path


def put(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def take(checkout, recipe="mine/faces.yaml"):
    return snapshot.take(checkout / recipe, checkout / "checkout")


def test_it_holds_data_source_and_versions(checkout, monkeypatch):
    monkeypatch.chdir("/")
    taken = take(checkout)
    assert set(taken.data) == {"train", "validation", "test"}
    for stage in STAGES:
        assert ("net.py" in taken.source[stage]) == (stage == "TrainFloat")
        assert ("faces.py" in taken.source[stage]) == stage.startswith("PrepareData.")
    assert set(taken.source["Freeze"]) == {"tasks/__main__.py", "tasks/stages/freeze.py"}
    assert taken.versions["TrainFloat"]["tensorflow"][0].isdigit()
    assert set(taken.versions["Freeze"]) == {"python"}
    assert taken.sections["data"]["args"] == {"path": "photos"}


def test_a_copy_of_everything_elsewhere_is_the_same_content(checkout):
    import shutil
    before = take(checkout)
    shutil.copytree(str(checkout / "mine"), str(checkout / "copy"))
    (checkout / "copy/faces.yaml").rename(checkout / "copy/other.yaml")
    assert take(checkout, "copy/other.yaml").digest == before.digest


def test_a_changed_photo_changes_one_part(checkout):
    before = take(checkout)
    put(checkout / "mine/photos/test", "corrected")
    now = snapshot.data_now(before, ("train", "validation", "test"))
    assert [part for part in now if now[part] != before.data[part]] == ["test"]
    assert take(checkout).digest != before.digest


def test_what_can_only_refuse_a_network_retrains_none():
    source = snapshot.take(ROOT / "recipes/digits.yaml").source["TrainFloat"]
    assert "tasks/training/loop.py" in source
    assert not [name for name in source if name.startswith(("tasks/quantize", "tasks/tflite", "tasks/check"))]


def test_a_dataset_named_with_its_function_has_its_digest_beside_it(checkout):
    put(checkout / "mine/faces.yaml", RECIPE.replace("faces.py", "faces.py:load"))
    assert set(take(checkout).data) == {"train", "validation", "test"}


def test_the_content_of_the_weights_is_part_of_the_model(checkout):
    put(checkout / "mine/faces.yaml", RECIPE.replace("./net.py", "./net.py, weights: w.h5"))
    with pytest.raises(RecipeError, match="model.weights: there is no such file") as caught:
        take(checkout)
    assert "faces.yaml:3" in caught.value.where
    put(checkout / "mine/w.h5", "one")
    before = take(checkout)
    put(checkout / "mine/w.h5", "another")
    assert take(checkout).files["model.weights"] != before.files["model.weights"]
    assert take(checkout).digest != before.digest


def test_every_file_of_a_checkpoint_is_part_of_the_model(checkout):
    put(checkout / "mine/faces.yaml", RECIPE.replace("./net.py", "./net.py, weights: saved/net"))
    for ending in (".index", ".data-00000-of-00001"):
        put(checkout / ("mine/saved/net" + ending), "one")
    before = take(checkout)
    put(checkout / "mine/saved/net.data-00000-of-00001", "another")
    assert take(checkout).digest != before.digest


def test_what_the_models_function_reads_is_part_of_it_by_content(checkout):
    put(checkout / "mine/faces.yaml", RECIPE.replace("./net.py", "./net.py, files: [labels.txt, more]"))
    with pytest.raises(RecipeError, match="model.files: labels.txt: there is no such file") as caught:
        take(checkout)
    assert "faces.yaml:3" in caught.value.where
    put(checkout / "mine/labels.txt", "cat")
    put(checkout / "mine/more/deep/one", "1")
    before = take(checkout)
    (checkout / "mine/other").mkdir()
    (checkout / "mine/labels.txt").rename(checkout / "mine/other/labels.txt")
    put(checkout / "mine/faces.yaml", RECIPE.replace("./net.py", "./net.py, files: [other/labels.txt, more]"))
    above = {need: {} for need in STAGES["TrainFloat"].needs}
    preimages = [key.of(STAGES["TrainFloat"], taken, above)[1] for taken in (before, take(checkout))]
    assert preimages[0] == preimages[1] and "files" not in preimages[0]["recipe"]["model"]
    put(checkout / "mine/more/deep/one", "2")
    assert take(checkout).files["model.files: more"] != before.files["model.files: more"]
    put(checkout / "mine/other/labels.txt", "dog")
    assert take(checkout).files["model.files: labels.txt"] != before.files["model.files: labels.txt"]


def test_a_model_that_is_not_there_is_named_with_its_place(checkout):
    put(checkout / "mine/faces.yaml", RECIPE.replace("net.py", "nett.py"))
    with pytest.raises(RecipeError, match="model.build: no file './nett.py' in") as caught:
        take(checkout)
    assert "faces.yaml:3" in caught.value.where


def test_data_that_is_not_there_is_a_dataset_error(checkout):
    (checkout / "mine/photos/test").unlink()
    with pytest.raises(DatasetError, match="cannot read the test part"):
        take(checkout)


def test_wrong_arguments_are_reported_at_their_position(checkout):
    put(checkout / "mine/faces.yaml", RECIPE.replace("path: photos", "folder: photos"))
    with pytest.raises(RecipeError, match="faces.yaml:2:37  data.args.folder: no argument of this name"):
        take(checkout)


def test_a_heavy_dataset_is_asked_in_a_process_of_its_own(checkout):
    put(checkout / "mine/faces.py", "import tensorflow\n" + DATA)
    taken = take(checkout)
    assert set(taken.data) == {"train", "validation", "test"}
    here = str(checkout / "mine/faces.py")
    assert here not in [getattr(module, "__file__", None) for module in list(sys.modules.values())]
    put(checkout / "mine/photos/test", "corrected")
    assert snapshot.data_now(taken, ["test"])["test"] != taken.data["test"]


ENDS = "import os, sys\ndef load(path): pass\ndef digest(part, path):\n    "


@pytest.mark.parametrize("text, said, why", [
    ("import tensorflow\n" + ENDS + "print('so far', flush=True), os.kill(os.getpid(), 11)",
     "'./faces.py' gave no digest: the process was killed by SIGSEGV", "so far"),
    ("import tensorflow\n" + ENDS + "sys.exit('no licence')", "has no digest: SystemExit: no licence", "faces.py:5"),
    (ENDS + "sys.exit('no licence')", "has no digest: SystemExit: no licence", "faces.py:4"),
    ("import tensorflow, octet_test_nothing\n" + DATA, "cannot be imported: ModuleNotFoundError", "faces.py:1"),
    ("import tensorflow\ndef load(path): pass\n", "no function 'digest' in", ""),
], ids=["killed", "exits", "light and exits", "import", "no digest"])
def test_a_dataset_without_a_digest_is_reported_with_its_position(checkout, text, said, why):
    put(checkout / "mine/faces.py", text)
    with pytest.raises(OctetError) as caught:
        take(checkout)
    error = caught.value
    assert isinstance(error, (DatasetError, RecipeError)) and said in error.what and why in error.why
    assert error.where.endswith("faces.yaml:2:9") and ".log" not in str(error)


def test_it_imports_neither_tensorflow_nor_luigi_nor_the_model(checkout):
    code = ("import sys; from pathlib import Path; from pipeline.inputs import snapshot\n"
            "from pipeline.staleness import plan; from pipeline.store import artifacts\n"
            "snapshot.take(Path(sys.argv[1]), Path(sys.argv[2]))\n"
            "print([name for name in ('tensorflow', 'tasks') if name in sys.modules])")
    said = subprocess.run([sys.executable, "-c", code, str(checkout / "mine/faces.yaml"),
                           str(checkout / "checkout")], cwd=str(ROOT), stdout=subprocess.PIPE, check=True)
    assert said.stdout == b"[]\n"
