import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import models
from octet import datasets, lookup
from octet.errors import ModelError, RecipeError

ROOT = Path(__file__).resolve().parents[2]


def load(spec, folder):
    return lookup.load_attribute(spec, "models", "build", folder)


def test_listing_names_imports_neither_models_nor_tensorflow():
    code = ("import sys; from octet import lookup; print(lookup.names('models'));"
            "lookup.names('octet.datasets'); lookup.source_file('lenet', 'models', '.');"
            "assert not {'tensorflow', 'models.lenet'} & set(sys.modules)")
    out = subprocess.run([sys.executable, "-c", code], cwd=str(ROOT), check=True,
                         stdout=subprocess.PIPE).stdout.decode()
    assert "'lenet'" in out and "arguments" not in out


def test_a_member_is_known_without_looking_at_the_others():
    for catalogue, package in (("models", models), ("octet.datasets", datasets)):
        there = [info.name for info in pkgutil.iter_modules(package.__path__)]
        assert [name for name in there if lookup.is_member(name, catalogue)] == lookup.names(catalogue)
    for name in ("", "nets", "./mnist", "mnist:load", "tests.project", "_mnist"):
        assert not lookup.is_member(name, "octet.datasets")


def test_a_dataset_module_is_one_that_defines_load():
    assert not {"dataset", "check"} & set(lookup.names("octet.datasets"))


def test_a_file_is_loaded_under_a_private_name_and_afresh_when_changed(tmp_path):
    file = tmp_path / "yaml.py"
    file.write_text("def fn(): return 1\nbuild = fn\n")
    found = load("./yaml.py:fn", tmp_path)
    assert found() == 1 and found.__module__.startswith("_octet_user_")
    assert load("./yaml.py", tmp_path) is found
    file.write_text("def fn(): return 2\n")
    assert load("./yaml.py:fn", tmp_path)() == 2
    assert lookup.source_file("./yaml.py:fn", "models", tmp_path) == file


def test_a_dotted_path_is_looked_for_in_the_recipes_folder_alone(tmp_path):
    package = tmp_path / "octet_test_nets"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "inner.py").write_text("width = 3\n")
    (package / "nets.py").write_text("from octet_test_nets.inner import width\nimport json\n"
                                     "def build(): return width, json.dumps(1)\n")
    (tmp_path / "json.py").write_text("raise SystemError('shadowed')\n")
    before = list(sys.path), list(sys.meta_path)
    assert load("octet_test_nets.nets", tmp_path)() == (3, "1")
    assert (sys.path, sys.meta_path) == before
    assert lookup.source_file("octet_test_nets.nets:build", "models", tmp_path) == package / "nets.py"


def test_an_installed_dotted_path_is_found(tmp_path):
    assert load("json.encoder:JSONEncoder", tmp_path).__name__ == "JSONEncoder"
    assert lookup.source_file("json.encoder:x", "models", tmp_path).name == "encoder.py"


@pytest.mark.parametrize("spec", [
    "tensorflow.keras.applications:ResNet50", "tensorflow.keras.applications.mobilenet_v2:MobileNetV2",
    "tensorflow.compat.v1.keras.applications:VGG16", "tensorflow.python.keras.applications.vgg16:VGG16"])
def test_what_an_installed_package_offers_is_found_as_a_person_writes_it(tmp_path, spec):
    assert load(spec, tmp_path).__name__ == "wrapper"  # around Keras' own function
    path = lookup.source_file(spec, "models", tmp_path)
    assert "tensorflow" in path.parts and "site-packages" in path.parts


def test_an_installed_modules_file_is_found_without_importing_it():
    code = ("import sys; from octet import lookup;"
            "print(lookup.source_file('tensorflow.keras.applications:VGG16', 'models', '.'));"
            "assert 'tensorflow' not in sys.modules")
    out = subprocess.run([sys.executable, "-c", code], cwd=str(ROOT), check=True,
                         stdout=subprocess.PIPE).stdout.decode()
    assert out.endswith("tensorflow/__init__.py\n")


@pytest.mark.parametrize("spec, said", [
    ("tensorflow.keras.applications:ResNet51", "did you mean 'ResNet50'?"),
    ("tensorflow.keras.aplications:ResNet50", "no module 'aplications' in tensorflow.keras\n"
     "    the recipe names it\n    did you mean 'applications'?"),
    ("tensorflow.keras.applications.ResNet50", "'ResNet50' in tensorflow.keras.applications is not a module\n"
     "    the part before the colon must be a module\n"
     "    write the function after a colon: tensorflow.keras.applications:ResNet50"),
])
def test_a_name_that_an_installed_package_has_not_gets_a_suggestion(tmp_path, spec, said):
    with pytest.raises(RecipeError) as caught:
        load(spec, tmp_path)
    assert str(caught.value).startswith("model.build  ") and said in str(caught.value)


def test_a_users_own_package_is_not_looked_for_among_the_installed(tmp_path):
    (tmp_path / "octet_test_own").mkdir()
    (tmp_path / "octet_test_own" / "__init__.py").write_text("")
    assert lookup.source_file("octet_test_own.nets", "models", tmp_path) is None
    with pytest.raises(RecipeError, match="no module 'octet_test_own.nets'"):
        load("octet_test_own.nets", tmp_path)


def test_a_module_of_the_users_that_needs_another_is_an_error_of_the_model(tmp_path):
    package = tmp_path / "octet_test_needs"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "nets.py").write_text("import octet_test_gone\n")
    with pytest.raises(ModelError, match="No module named 'octet_test_gone'"):
        load("octet_test_needs.nets", tmp_path)


def test_a_name_that_is_taken_is_reported(tmp_path):
    (tmp_path / "json.py").write_text("def build(): pass\n")
    with pytest.raises(RecipeError, match="the name 'json' is taken by"):
        load("json:build", tmp_path)


@pytest.mark.parametrize("spec, said", [
    ("lenett", "model.build  no model named 'lenett'\n    a name without a dot or a slash refers to Octet's own\n"
     "    did you mean 'lenet'?  There are: "),
    ("./nest.py", "model.build  no file './nest.py' in {}\n    the recipe names it as its model\n"
     "    did you mean 'nets.py'?  There are: nets.py"),
    ("./nets.py:bild", "model.build  no function 'bild' in {}/nets.py\n    a model is a function\n"
     "    did you mean 'build'?  There are: build"),
    ("gone.nets", "model.build  no module 'gone.nets' in {}, and none is installed"),
    ("a..b", "model.build  no module 'a..b' in {}"),
    ("", "model.build  no model named ''"),
])
def test_a_spec_that_leads_nowhere_gets_a_suggestion(tmp_path, spec, said):
    (tmp_path / "nets.py").write_text("def build(): pass\n")
    with pytest.raises(RecipeError) as caught:
        load(spec, tmp_path)
    assert str(caught.value).startswith(said.format(tmp_path))
    assert lookup.source_file(spec.replace(":bild", "x"), "models", tmp_path) is None


def test_a_module_that_fails_is_an_error_with_its_line(tmp_path):
    (tmp_path / "nets.py").write_text("import json\n\nnope\n")
    with pytest.raises(ModelError) as caught:
        load("./nets.py", tmp_path)
    assert str(caught.value) == (
        "model.build  './nets.py' cannot be imported: NameError: name 'nope' is not defined\n"
        "    raised at {}/nets.py:3\n    correct that file, or name another model".format(tmp_path))


def put(folder, **files):
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / (name + ".py")).write_text(text)
    return folder


def test_a_file_imports_the_modules_beside_it_and_two_folders_may_have_modules_of_one_name(tmp_path):
    for name in ("one", "two"):
        put(tmp_path / name, utils="NAME = {!r}\n".format(name), net="import utils\ndef build(): return utils.NAME\n")
    assert [load("./net.py", tmp_path / name)() for name in ("one", "two", "one")] == ["one", "two", "one"]
    assert "utils" not in sys.modules


@pytest.mark.parametrize("written", [
    "from blocks import WIDTH", "import blocks\n    WIDTH = blocks.WIDTH",
    "from . import blocks\n    WIDTH = blocks.WIDTH",
    "from .blocks import WIDTH", "import parts.inner as inner\n    WIDTH = inner.WIDTH",
    "import parts.inner\n    WIDTH = parts.inner.WIDTH", "from parts import inner\n    WIDTH = inner.WIDTH",
    "from parts.inner import WIDTH", "from bare.more import WIDTH", "from bare import more\n    WIDTH = more.WIDTH",
    "from chain import WIDTH"])
def test_a_neighbour_may_be_imported_in_any_way_and_inside_a_function(tmp_path, written):
    put(tmp_path, blocks="WIDTH = 3\n", chain="from blocks import WIDTH\n",
        net="def build():\n    {}\n    return WIDTH\n".format(written))
    put(tmp_path / "parts", __init__="", inner="from blocks import WIDTH\n")
    put(tmp_path / "bare", more="from parts.inner import WIDTH\n")
    assert load("./net.py", tmp_path)() == 3


def test_a_neighbour_shadows_nothing_for_what_is_installed_or_ours(tmp_path):
    put(tmp_path, yaml="MINE = True\n", base64="MINE = True\n", net="""
import yaml, octet.errors, email.base64mime
import json
def build():
    import octet.datasets.digits
    import base64
    return yaml.MINE, base64.MINE, octet.errors.OctetError, json.dumps(1)
""")
    put(tmp_path / "octet", __init__="raise SystemError('shadowed')\n")
    put(tmp_path / "json", notes="raise SystemError('no package, but for what is in it')\n")
    assert load("./net.py", tmp_path)()[:2] == (True, True)
    assert not hasattr(__import__("yaml"), "MINE") and not hasattr(__import__("base64"), "MINE")


@pytest.mark.parametrize("source, said", [
    ("import octet_test_gone\n", "No module named 'octet_test_gone'\n    raised at {folder}/net.py:1\n"
     "    install the package that has the module 'octet_test_gone' into " + sys.prefix),
    ("import bloks\n", "did you mean 'blocks', which is beside it?"),
    ("import blocks.gone\n", "No module named 'blocks.gone'"),
    ("from blocks import gone\n", "cannot import name 'gone' from 'blocks'"),
    ("import fails\n",
     "ZeroDivisionError: division by zero\n    raised at {folder}/fails.py:2\n    correct that file")])
def test_an_import_error_of_a_neighbouring_file_is_reported_with_its_position_and_advice(tmp_path, source, said):
    put(tmp_path, blocks="", fails="\n1 / 0\n", net=source)
    with pytest.raises(ModelError) as caught:
        load("./net.py", tmp_path)
    assert said.format(folder=tmp_path) in str(caught.value)


def test_the_advice_is_never_to_edit_an_installed_library(tmp_path, monkeypatch):
    library = put(put(tmp_path / "site-packages") / "octet_test_library", __init__="", nets="import octet_test_gone\n",
                  broken="1 / 0\n").parent
    monkeypatch.syspath_prepend(str(library))
    for module, said in (("nets", "install the package that has the module 'octet_test_gone'"),
                         ("broken", "install another release of its package, or name another model")):
        with pytest.raises(ModelError) as caught:
            load("octet_test_library.{}:build".format(module), tmp_path / "recipes")
        assert said in str(caught.value) and "mend that" not in str(caught.value)
