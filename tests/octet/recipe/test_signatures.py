import functools
import textwrap

import pytest

from octet.errors import ModelError
from octet.recipe import signatures


def wrong(folder, source, args, name="build", passed=("input_shape", "classes")):
    (folder / "net.py").write_text(textwrap.dedent(source))
    signature = signatures.in_source(folder / "net.py", name)
    return signature and dict(signatures.problems(signature, args, passed))


def test_a_misspelt_argument_gets_a_suggestion_and_a_missing_one_is_reported(tmp_path):
    assert wrong(tmp_path, "def build(input_shape, classes, width: int, depth=3): pass", {"widht": 4}) == {
        "widht": "no argument of this name; did you mean 'width'?  There are: depth, width",
        "width": "expected a whole number, found no such key"}


def test_a_recipe_may_not_set_what_the_dataset_gives(tmp_path):
    assert list(wrong(tmp_path, "def build(input_shape, classes): pass", {"classes": 3})) == ["classes"]


def test_a_function_with_keywords_of_any_name_takes_all(tmp_path):
    assert wrong(tmp_path, "def build(*, input_shape, classes, **more): pass", {"any": 1}) == {}


@pytest.mark.parametrize("annotation", ["Optional", "Union", "ClassVar", "...", "Tuple[()]", "'a\\0b'"])
def test_an_annotation_that_is_no_type_allows_any_value(tmp_path, annotation):
    source = "from typing import ClassVar, Optional, Tuple, Union\ndef build(width: {} = None): pass"
    assert wrong(tmp_path, source.format(annotation), {"width": 1}, passed=()) == {}


def test_a_rebound_name_is_no_known_type(tmp_path):
    source = "from typing import Sequence\nclass Sequence: pass\ndef build(width: Sequence): pass"
    assert wrong(tmp_path, source, {"width": 1}, passed=()) == {}


def test_a_default_of_none_may_be_written_out_to_a_loaded_function_too():
    def build(width: int = None):
        pass

    signatures.expect(build, {"width": None}, "model.args", ModelError)
    with pytest.raises(ModelError, match="width: expected a whole number, or null"):
        signatures.expect(build, {"width": "a"}, "model.args", ModelError)


def test_a_decorated_function_has_the_signature_of_its_decorator():
    def dropping(function):
        @functools.wraps(function)
        def wrapper(*ends, dropout=0.1, **more):
            return function(*ends, width=3, **more)
        return wrapper

    @dropping
    def build(width):
        pass

    signatures.expect(build, {"dropout": 0.5}, "model.args", ModelError)


@pytest.mark.parametrize("annotation, fits, others", [
    ("int", [3, -1], [True, 3.0, "3", None, [3]]),
    ("float", [3, 3.5], [False, "3.5", None]),
    ("bool", [True], [1, "yes"]),
    ("str", ["a", ""], [1, None]),
    ("list", [[], [1, "a"]], [1, {}]),
    ("Sequence[int]", [[], [1, 2]], [[1, "a"], [1.5], 1, "ab"]),
    ("Tuple[int, float]", [[1, 2.5]], [[1], [1, 2, 3], ["a", 2]]),
    ("t.Tuple[int, ...]", [[], [1, 2]], [["a"]]),
    ("Optional[List[str]]", [None, ["a"]], ["a", [1]]),
    ("Union[int, str]", [1, "a"], [1.5, []]),
    ("Dict[str, List[int]]", [{}, {"a": [1]}], [{"a": 1}, []]),
    ("List", [[1, "a"]], [1]),
    ("Dict", [{"a": 1}], [[]]),
    ("'Sequence[int]'", [[1]], [1]),
    ("Any", [1, None, []], []),
    # Nothing is known of these, and so nothing is refused.
    ("Odd", [1, "a"], []),
    ("np.float32", [1, "a"], []),
    ("Sequence[np.int32]", [[1], ["a"]], [1]),
    ("tf.keras.layers.Layer", [1], []),
    ("Callable[[int], str]", [1], []),
    ("int if Odd else str", ["a"], []),
    ("3", [1], [])])
def test_a_value_is_checked_against_a_known_annotation(tmp_path, annotation, fits, others):
    source = """
        import typing as t
        from collections.abc import Iterable
        from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple, Union
        import numpy as np
        class Odd: pass
        def build(input_shape, classes, width: {}): pass
        """.format(annotation)
    for value in fits:
        assert wrong(tmp_path, source, {"width": value}) == {}, value
    for value in others:
        assert list(wrong(tmp_path, source, {"width": value})) == ["width"], value


def test_none_as_a_default_is_a_value_too(tmp_path):
    source = "def build(input_shape, classes, width: int = None): pass"
    assert wrong(tmp_path, source, {"width": None}) == {}
    assert wrong(tmp_path, source, {"width": "a"}) == {"width": "expected a whole number, or null, found \"a\""}


def test_a_name_that_means_something_else_in_that_file_is_no_type_of_ours(tmp_path):
    assert wrong(tmp_path, "int = str\ndef build(input_shape, classes, width: int): pass", {"width": "a"}) == {}
    assert wrong(tmp_path, "from nets import Sequence\n"
                           "def build(input_shape, classes, width: Sequence): pass", {"width": 1}) == {}


@pytest.mark.parametrize("source", [
    "@decorated\ndef build(): pass", "build = make", "from nets import build", "class build: pass",
    "if True:\n    def build(): pass", "def build(): pass\nbuild = other(build)", "def other(): pass", "def build(:"])
def test_a_signature_that_the_source_does_not_say_is_not_guessed(tmp_path, source):
    assert wrong(tmp_path, source, {"a": 1}) is None


def test_a_file_that_was_edited_is_read_again(tmp_path):
    assert wrong(tmp_path, "def build(first): pass", {"first": 1}, passed=()) == {}
    assert list(wrong(tmp_path, "def build(second=2): pass", {"first": 1}, passed=())) == ["first"]


def test_a_signature_that_is_not_in_the_source_is_read_from_the_function(tmp_path):
    def make(depth, input_shape, classes, width: [1] = 1, height: int = 2): pass
    built = functools.partial(make, 3)
    ours = ("input_shape", "classes")
    signatures.expect(built, {"width": 3}, "model.args", ModelError, ours)
    with pytest.raises(ModelError) as caught:
        signatures.expect(built, {"widht": 3, "height": "tall"}, "model.args", ModelError, ours)
    assert str(caught.value).splitlines()[:2] == [
        "model.args  widht: no argument of this name; did you mean 'width'?  There are: height, width",
        "height: expected a whole number, found \"tall\""]


def test_a_function_without_a_parameter_for_what_the_dataset_gives_is_the_only_problem(tmp_path):
    source = "def build(shape, num_classes, width=3): pass"
    said = "the function is called with input_shape and classes and does not take input_shape and classes: rename " \
           "shape to input_shape, num_classes to classes"
    assert wrong(tmp_path, source, {"widht": 4}) == {"": said}
    with pytest.raises(ModelError) as caught:
        signatures.expect(lambda shape, num_classes: None, {}, "model.args", ModelError, ("input_shape", "classes"))
    assert str(caught.value).startswith("model.build  " + said)
    assert wrong(tmp_path, "def build(input_shape, classes, width=3): pass", {"width": 4}) == {}
