"""Random texts as recipes: each is loaded, or refused with an error that a terminal can show."""

import json
import os
import unicodedata

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from octet.errors import RecipeError
from octet.recipe import loading

EXAMPLES = int(os.environ.get("OCTET_RANDOM_RECIPES", "150"))
WORDS = ["data", "model", "train", "quantize", "convert", "validate", "extends", "dataset", "build", "args", "path",
         "size", "weights", "epochs", "seed", "loss_weights", "digits", "npz", "image_folder", "lenet",
         "learning_rate", "<<", "&a", "*a",
         "!!int", "!!bool", "!!set", "!x", "null", "true", "~", "1", "-1", "1e3", ".inf", "0x1",
         "2020-01-01", "1:2:3", "'", '"', "\\0", "\\ud800", "./net.py", "a.b:c", "~x/y", "/dev/zero",
         "\x1b", "\u202e", "\x85", "é"]
PUNCTUATION = [":", ": ", "- ", "? ", ", ", "{", "}", "[", "]", "\n", "\n  ", "\n    ", "|", ">", "#", "%", "---", "\t",
               " "]
scalars = some.one_of(some.none(), some.booleans(), some.integers(), some.floats(), some.text(max_size=20),
                      some.sampled_from(WORDS))
names = some.one_of(some.sampled_from(WORDS), some.text(max_size=8))
values = some.recursive(scalars, lambda inner: some.one_of(
    some.lists(inner, max_size=4), some.dictionaries(names, inner, max_size=4)), max_leaves=12)
mappings = some.dictionaries(some.sampled_from(WORDS), values, max_size=4)
arguments = some.dictionaries(some.sampled_from(["path", "size", "channels", "classes", "inputs", "targets"]), values)
near_recipes = some.fixed_dictionaries({}, optional={
    "seed": values, "extends": values, "validate": values, "quantize": values, "convert": values,
    "train": some.one_of(values, mappings),
    "data": some.fixed_dictionaries({"dataset": some.sampled_from(["digits", "npz", "image_folder", "./d.py"])},
                                    optional={"args": arguments}),
    "model": some.fixed_dictionaries({"build": some.one_of(some.sampled_from(["lenet", "unet"]), names)},
                                     optional={"weights": values, "approximate": values, "args": mappings})})
texts = some.one_of(
    some.lists(some.sampled_from(WORDS + PUNCTUATION), max_size=40).map("".join).map(str.encode),
    some.binary(max_size=60), near_recipes.map(json.dumps).map(str.encode))


@settings(max_examples=EXAMPLES, deadline=None, database=None, derandomize=EXAMPLES == 150,
          suppress_health_check=list(HealthCheck))
@given(text=texts)
def test_a_random_text_is_a_recipe_or_is_refused_in_words(text, tmp_path_factory):
    folder = tmp_path_factory.getbasetemp()
    path = folder / "random.yaml"
    path.write_bytes(text)
    try:
        sections = loading.load(path).sections()
    except RecipeError as error:
        said = str(error)
        said.encode("utf-8")
        assert str(path) in said and len(said) < 20000
        assert not [sign for sign in said if unicodedata.category(sign) in ("Cc", "Cs") and sign not in "\n\t"]
    else:
        json.dumps(sections, allow_nan=False)
