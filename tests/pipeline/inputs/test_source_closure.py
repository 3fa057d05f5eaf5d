import sys

import pytest

from octet.errors import RecipeError
from pipeline.inputs import source_closure


@pytest.fixture
def checkout(tmp_path):
    """A small checkout: tasks/work -> tasks/a -> octet/b -> octet/deep/c; and octet/d alone."""
    files = {
        "tasks/__init__.py": "",
        "tasks/work.py": "import numpy\nfrom tasks import a\nfrom octet.errors import Oops\n",
        "tasks/a.py": "def f():\n    from octet import b\n    return b.x\n",
        "octet/__init__.py": "", "octet/errors.py": "class Oops(Exception): 'no'\n",
        "octet/b.py": "try:\n    import json\nexcept ImportError:\n    json = None\n"
                      "if json:\n    from .deep.c import x\n",
        "octet/deep/__init__.py": "", "octet/deep/c.py": "x = 1\n", "octet/d.py": "y = 1\n"}
    for name, text in files.items():
        put(tmp_path / "checkout" / name, text)
    return tmp_path / "checkout"


def put(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def work(checkout):
    return trees([checkout / "tasks" / "work.py"], checkout)


def trees(roots, checkout):
    return source_closure.Reader(checkout).of(roots).trees


def test_every_file_on_the_way_is_found_and_no_other(checkout):
    assert sorted(work(checkout)) == [
        "octet/__init__.py", "octet/b.py", "octet/deep/__init__.py", "octet/deep/c.py",
        "tasks/__init__.py", "tasks/a.py", "tasks/work.py"]


def test_a_helper_three_imports_away_changes_the_closure(checkout):
    before = work(checkout)
    put(checkout / "octet/deep/c.py", "x = 2\n")
    after = work(checkout)
    assert {name for name in after if after[name] != before[name]} == {"octet/deep/c.py"}


def test_a_parent_package_that_begins_to_do_something_changes_the_closure(checkout):
    before = work(checkout)
    put(checkout / "octet/deep/__init__.py", "import os\n")
    assert work(checkout) != before


def test_comments_docstrings_and_formatting_change_nothing(checkout):
    before = work(checkout)
    put(checkout / "tasks/a.py", '"""New."""\n# why\ndef f():\n    """f."""\n\n'
                              '    from octet import (\n        b)\n    return (b.x)\n')
    put(checkout / "octet/deep/c.py", '"""Also new."""\nx=1')
    assert work(checkout) == before


def test_a_string_that_is_no_docstring_counts(checkout):
    before = work(checkout)
    put(checkout / "octet/deep/c.py", "x = 1\n'not a docstring'\n")
    assert work(checkout) != before


def test_the_wording_of_an_error_changes_nothing(checkout):
    before = work(checkout)
    put(checkout / "octet/errors.py", "class Oops(Exception): 'yes'\nx = 2\n")
    assert work(checkout) == before


def test_a_literal_import_module_is_followed(checkout):
    put(checkout / "octet/b.py", "import importlib\nimportlib.import_module('octet.d')\n")
    assert "octet/d.py" in work(checkout)


def test_user_files_are_followed_in_their_own_folder(checkout, tmp_path):
    root = put(tmp_path / "mine" / "net.py", "import blocks\nfrom octet import d\nimport numpy\n")
    put(tmp_path / "mine" / "blocks.py", "import shapes.round\n")
    put(tmp_path / "mine" / "shapes" / "round.py", "r = 1\n")
    put(tmp_path / "mine" / "unrelated.py", "z = 1\n")
    assert sorted(trees([root], checkout)) == [
        "blocks.py", "net.py", "octet/__init__.py", "octet/d.py", "shapes/round.py"]


def test_a_dotted_user_package_is_followed_from_inside(checkout, tmp_path):
    root = put(tmp_path / "mine" / "nets" / "model.py",
               "from nets.blocks import b\nfrom . import t\n")
    put(tmp_path / "mine" / "nets" / "__init__.py", "")
    put(tmp_path / "mine" / "nets" / "blocks.py", "b = 1\n")
    put(tmp_path / "mine" / "nets" / "t.py", "")
    assert sorted(trees([root], checkout)) == ["__init__.py", "blocks.py", "model.py", "t.py"]


def test_a_users_tasks_package_does_not_stand_for_ours(checkout, tmp_path):
    root = put(tmp_path / "mine" / "net.py", "import tasks.a\n")
    put(tmp_path / "mine" / "tasks" / "a.py", "evil = 1\n")
    found = trees([root], checkout)
    assert found["tasks/a.py"] == work(checkout)["tasks/a.py"]


def test_a_moved_user_folder_is_the_same_source(checkout, tmp_path):
    for place in ("here", "there/deep"):
        put(tmp_path / place / "net.py", "import h\n")
        put(tmp_path / place / "h.py", "x = 1\n")
    assert trees([tmp_path / "here/net.py"], checkout) == trees(
        [tmp_path / "there/deep/net.py"], checkout)


def test_two_user_files_of_one_name_are_both_there(checkout, tmp_path):
    roots = [put(tmp_path / "a" / "x.py", "x = 1\n"), put(tmp_path / "b" / "x.py", "x = 2\n")]
    assert sorted(trees(roots, checkout)) == ["x.py", "x.py#2"]


def test_a_circle_of_imports_ends(checkout):
    put(checkout / "octet/deep/c.py", "import octet.b\nx = 1\n")
    assert "octet/b.py" in work(checkout)


def test_a_file_that_is_not_python_is_named_with_its_line(checkout):
    put(checkout / "tasks/a.py", "x = 1\ndef\n")
    with pytest.raises(RecipeError) as caught:
        work(checkout)
    assert caught.value.where.endswith("tasks/a.py:2")


def test_a_root_that_is_not_there_is_named(checkout):
    with pytest.raises(RecipeError, match="cannot read"):
        trees([checkout / "tasks" / "gone.py"], checkout)


def test_what_is_imported_from_elsewhere_is_named(checkout, tmp_path):
    root = put(tmp_path / "mine" / "net.py", "def build():\n    import scipy.linalg\n    import json\n")
    assert source_closure.Reader(checkout).of([root]).modules == {"scipy", "json"}


def test_an_inert_file_and_what_it_alone_imports_are_kept_beside_the_key(checkout):
    put(checkout / "octet/errors.py", "import yaml\nfrom octet import d, b\n")
    found = source_closure.Reader(checkout).of([checkout / "tasks" / "work.py"])
    assert {"octet/errors.py", "octet/d.py"} <= set(found.files) - set(found.trees)
    assert "octet/b.py" in found.trees
    assert "yaml" not in found.modules


def test_an_installed_root_is_a_module_and_no_source(checkout, tmp_path):
    root = put(tmp_path / "lib" / "site-packages" / "zoo" / "nets.py", "import zoo.blocks\n")
    assert source_closure.Reader(checkout).of([root]) == ({}, {"zoo"})


def test_importable_source_that_is_not_installed_is_followed(checkout, tmp_path, monkeypatch):
    put(tmp_path / "elsewhere" / "shared" / "__init__.py", "")
    put(tmp_path / "elsewhere" / "shared" / "blocks.py", "b = 1\n")
    root = put(tmp_path / "mine" / "net.py", "from shared import blocks\n")
    monkeypatch.setattr(sys, "path", sys.path + [str(tmp_path / "elsewhere")])
    found = source_closure.Reader(checkout).of([root])
    assert {file.path for file in found.files.values()} == {
        str(tmp_path / name) for name in ("mine/net.py", "elsewhere/shared/__init__.py",
                                          "elsewhere/shared/blocks.py")}
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "elsewhere"))  # a stage's process has none
    assert set(source_closure.Reader(checkout).of([root]).files) == {"net.py"}


def test_files_with_equal_trees_have_different_byte_digests(checkout):
    before = source_closure.Reader(checkout).of([checkout / "tasks" / "work.py"]).files["tasks/a.py"]
    put(checkout / "tasks/a.py", "# why\n" + (checkout / "tasks/a.py").read_text())
    after = source_closure.Reader(checkout).of([checkout / "tasks" / "work.py"]).files["tasks/a.py"]
    assert after.tree == before.tree and after.sha256 != before.sha256


def test_octets_own_files_are_source_where_octet_is_installed(checkout, tmp_path):
    installed = tmp_path / "lib" / "site-packages"
    checkout.rename(tmp_path / "moved")
    installed.parent.mkdir()
    (tmp_path / "moved").rename(installed)
    assert "octet/deep/c.py" in work(installed)
