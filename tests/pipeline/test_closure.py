import pytest

from octet.errors import RecipeError
from pipeline import closure


@pytest.fixture
def house(tmp_path):
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
        put(tmp_path / "house" / name, text)
    return tmp_path / "house"


def put(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def work(house):
    return closure.of([house / "tasks" / "work.py"], house)


def test_every_file_on_the_way_is_found_and_no_other(house):
    assert sorted(work(house)) == [
        "octet/__init__.py", "octet/b.py", "octet/deep/__init__.py", "octet/deep/c.py",
        "tasks/__init__.py", "tasks/a.py", "tasks/work.py"]


def test_a_helper_three_imports_away_changes_the_closure(house):
    before = work(house)
    put(house / "octet/deep/c.py", "x = 2\n")
    after = work(house)
    assert {name for name in after if after[name] != before[name]} == {"octet/deep/c.py"}


def test_a_parent_package_that_begins_to_do_something_changes_the_closure(house):
    before = work(house)
    put(house / "octet/deep/__init__.py", "import os\n")
    assert work(house) != before


def test_comments_docstrings_and_formatting_change_nothing(house):
    before = work(house)
    put(house / "tasks/a.py", '"""New."""\n# why\ndef f():\n    """f."""\n\n'
                              '    from octet import (\n        b)\n    return (b.x)\n')
    put(house / "octet/deep/c.py", '"""Also new."""\nx=1')
    assert work(house) == before


def test_a_string_that_is_no_docstring_counts(house):
    before = work(house)
    put(house / "octet/deep/c.py", "x = 1\n'not a docstring'\n")
    assert work(house) != before


def test_the_wording_of_an_error_changes_nothing(house):
    before = work(house)
    put(house / "octet/errors.py", "class Oops(Exception): 'yes'\nx = 2\n")
    assert work(house) == before


def test_a_literal_import_module_is_followed(house):
    put(house / "octet/b.py", "import importlib\nimportlib.import_module('octet.d')\n")
    assert "octet/d.py" in work(house)


def test_user_files_are_followed_in_their_own_folder(house, tmp_path):
    root = put(tmp_path / "mine" / "net.py", "import blocks\nfrom octet import d\nimport numpy\n")
    put(tmp_path / "mine" / "blocks.py", "import shapes.round\n")
    put(tmp_path / "mine" / "shapes" / "round.py", "r = 1\n")
    put(tmp_path / "mine" / "unrelated.py", "z = 1\n")
    assert sorted(closure.of([root], house)) == [
        "blocks.py", "net.py", "octet/__init__.py", "octet/d.py", "shapes/round.py"]


def test_a_dotted_user_package_is_followed_from_inside(house, tmp_path):
    root = put(tmp_path / "mine" / "nets" / "model.py",
               "from nets.blocks import b\nfrom . import t\n")
    put(tmp_path / "mine" / "nets" / "__init__.py", "")
    put(tmp_path / "mine" / "nets" / "blocks.py", "b = 1\n")
    put(tmp_path / "mine" / "nets" / "t.py", "")
    assert sorted(closure.of([root], house)) == ["__init__.py", "blocks.py", "model.py", "t.py"]


def test_a_users_tasks_package_does_not_stand_for_ours(house, tmp_path):
    root = put(tmp_path / "mine" / "net.py", "import tasks.a\n")
    put(tmp_path / "mine" / "tasks" / "a.py", "evil = 1\n")
    found = closure.of([root], house)
    assert found["tasks/a.py"] == work(house)["tasks/a.py"]


def test_a_moved_user_folder_is_the_same_source(house, tmp_path):
    for place in ("here", "there/deep"):
        put(tmp_path / place / "net.py", "import h\n")
        put(tmp_path / place / "h.py", "x = 1\n")
    assert closure.of([tmp_path / "here/net.py"], house) == closure.of(
        [tmp_path / "there/deep/net.py"], house)


def test_two_user_files_of_one_name_are_both_there(house, tmp_path):
    roots = [put(tmp_path / "a" / "x.py", "x = 1\n"), put(tmp_path / "b" / "x.py", "x = 2\n")]
    assert sorted(closure.of(roots, house)) == ["x.py", "x.py#2"]


def test_a_circle_of_imports_ends(house):
    put(house / "octet/deep/c.py", "import octet.b\nx = 1\n")
    assert "octet/b.py" in work(house)


def test_a_file_that_is_not_python_is_named_with_its_line(house):
    put(house / "tasks/a.py", "x = 1\ndef\n")
    with pytest.raises(RecipeError) as caught:
        work(house)
    assert caught.value.where.endswith("tasks/a.py:2")


def test_a_root_that_is_not_there_is_named(house):
    with pytest.raises(RecipeError, match="cannot read"):
        closure.of([house / "tasks" / "gone.py"], house)
