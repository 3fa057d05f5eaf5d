"""The text of a recipe: what is refused, at which position, and with which words."""

import json
import shutil
import textwrap
import time
from pathlib import Path

import pytest

from octet import digest
from octet.errors import RecipeError
from octet.recipe import loading, schema, validation
from tests.octet.recipe.recipe_texts import RECIPES, SHORT, refusal, write

pytestmark = pytest.mark.usefixtures("inside")


def test_a_value_of_another_type_without_effect_is_reported_as_both():
    assert refusal(SHORT + "quantize: {delay: true}\n") == textwrap.dedent("""\
        r.yaml:3:12  quantize.delay: expected a whole number of at least 0, found true
        r.yaml:3:12  quantize.delay: is only for `batch_norm: live`; with folded batch norms, every tensor has a trained range from the first step""")
    assert "expected a whole number of at least 0, found a list" in refusal(SHORT + "quantize: {delay: [1]}\n")


def test_all_problems_are_reported_at_once_with_their_positions():
    write("parts/base.yaml", """\
        model: {build: lenet}
        train:
          epoch: 3
          schedule: cosin
        """)
    assert refusal("""\
        extends: parts/base.yaml
        data: {dataste: digits}
        train:
          epochs: 0
          learning_rate: 1e-3
          batch_size: 8.5
        train: {}
        quantize: {learning_rate: .nan, batch_size: true}
        convert:
        validate: {min_accuracy: 97}
        """) == textwrap.dedent("""\
        parts/base.yaml:3:3  train.epoch: no key of this name; did you mean 'epochs'?  There are: batch_norm_batches, batch_size, clip_norm, early_stopping, epochs, final_factor, keep, learning_rate, loss_weights, milestones, momentum, monitor, optimizer, plateau_epochs, rates, schedule, step_factor, warm_up, weight_average, weight_decay
        parts/base.yaml:4:3  train.schedule: expected one of constant, cosine, step, exponential, one_cycle, reduce_on_plateau, found 'cosin'; did you mean 'cosine'?
        r.yaml:2:1  data.dataset: expected the name of a dataset, found no such key
        r.yaml:2:8  data.dataste: no key of this name; did you mean 'dataset'?  There are: args, dataset, keep, limits, prepared_size
        r.yaml:4:3  train.epochs: expected a whole number of at least 1; 0 only with model.weights, found 0
        r.yaml:5:3  train.learning_rate: expected a number above 0, or null for the optimizer's, found '1e-3'; YAML reads that as text: write 1.0e-3
        r.yaml:6:3  train.batch_size: expected a whole number of at least 1, found 8.5
        r.yaml:7:1  train: written twice, first in line 3
        r.yaml:8:12  quantize.learning_rate: expected a number above 0, found .nan
        r.yaml:8:33  quantize.batch_size: expected a whole number of at least 1, found true
        r.yaml:9:1  convert: expected a mapping, found nothing
        r.yaml:10:12  validate.min_accuracy: expected a fraction from 0 to 1, or null, found 97""")


@pytest.mark.parametrize("text, said", [
    ("", "r.yaml:1:1  expected a mapping of sections, found an empty file"),
    ("# nothing\n", "r.yaml:1:1  expected a mapping of sections, found an empty file"),
    ("- a\n", "r.yaml:1:1  expected a mapping of sections, found a list"),
    ("lenet\n", "r.yaml:1:1  expected a mapping of sections, found 'lenet'"),
    ("data: [1\n", "r.yaml:2:1  not YAML: while parsing a flow sequence expected ',' or ']', "
                   "but got '<stream end>'"),
    ("data:\n\tdataset: digits\n", "r.yaml:2:1  not YAML: while scanning for the next token found "
                                   "character '\\t' that cannot start any token: indent with spaces"),
    (SHORT + "seed: !!python/object:os.system 1\n",
     "r.yaml:3:7  seed: not a YAML value: could not determine a constructor for the tag "
     "'tag:yaml.org,2002:python/object:os.system'"),
    (SHORT + "seed: 1.0\n",
     "r.yaml:3:1  seed: expected a whole number from 0 to 2147483647, found 1.0"),
    ("data: {dataset: no}\nmodel: {build: lenet}",
     "r.yaml:1:8  data.dataset: expected the name of a dataset, found false"),
    ("data: {dataset: digits}\nmodel: {build: lenet, kernel_width: 3}",
     "r.yaml:2:23  model.kernel_width: no key of this name; options of its own go in model.args; "
     "There are: approximate, args, build, files, new_layers, preprocess, weights"),
    ("data: {dataset: digits, args: {a: .inf}}\nmodel: {build: lenet}",
     "r.yaml:1:35  data.args.a: expected a finite number, found .inf"),
    ("data: {dataset: digits, args: {a: 2e3}}\nmodel: {build: lenet}",
     "r.yaml:1:35  data.args.a: found '2e3'; YAML reads that as text: write 2.0e+3, or quote it"),
    ("data: {dataset: digits, args: {a: 2020-01-01}}\nmodel: {build: lenet}",
     "r.yaml:1:35  data.args.a: expected text, a number, true, false, null, a list or a mapping, "
     "found a date: quote it"),
    ("data: {dataset: digits, args: {1: a}}\nmodel: {build: lenet}",
     "r.yaml:1:32  data.args.1: expected text as a key, found '1': quote it"),
    ("data: {dataset: digits, args: &a {b: *a}}\nmodel: {build: lenet}",
     "r.yaml:1:35  data.args.b: an anchor contains itself"),
    (SHORT + "extends: gone.yaml\n",
     "r.yaml:3:1  extends: cannot read gone.yaml: No such file or directory"),
    (SHORT + "extends: [a]\n", "r.yaml:3:1  extends: expected the path or the name of a recipe, found a list"),
    (SHORT + "extends: r.yaml\n", "r.yaml:3:1  extends: a cycle: r.yaml -> r.yaml"),
])
def test_what_is_no_recipe_is_refused_at_its_place(text, said):
    assert refusal(text) == said


def test_a_missing_recipe_is_reported():
    with pytest.raises(RecipeError, match="cannot read gone.yaml: No such file"):
        loading.load("gone.yaml")


@pytest.mark.parametrize("path, said", [
    ("below/digits", "No such file or directory; did you mean below/digits.yaml?"),
    ("below/digts.yaml", "No such file or directory; did you mean below/digits.yaml?"),
    ("blow/digits.yaml", "No such file or directory; there is no folder blow"),
    ("below/zzz.yaml", "No such file or directory\n"), ("below/", "Is a directory\n")])
def test_a_path_to_no_recipe_gets_a_suggestion(path, said):
    write("below/digits.yaml", SHORT)
    with pytest.raises(RecipeError) as caught:
        loading.load(loading.find(path, "."))
    assert said in str(caught.value)


def test_anchors_and_merge_keys_are_followed():
    loaded = loading.load(write("r.yaml", SHORT + """
train: &t {epochs: 7, learning_rate: 1}
quantize: {<<: *t, epochs: 3}
"""))
    assert loaded.sections()["quantize"]["epochs"] == 3
    assert json.dumps(loaded.sections()["quantize"]["learning_rate"]) == "1.0"


def test_a_mapping_with_a_merge_key_may_be_used_twice():
    write("letters.py", "def load(**args): pass\n")
    loaded = loading.load(write("r.yaml", """
        data: {dataset: ./letters.py, args: {t: &t {a: 1}, u: &u {<<: *t, a: 2}, v: *u, w: {<<: *u, a: 3}}}
        model: {build: lenet}
        """))
    assert loaded.sections()["data"]["args"] == {"t": {"a": 1}, "u": {"a": 2}, "v": {"a": 2}, "w": {"a": 3}}


@pytest.mark.parametrize("text", [
    "&r {<<: *r}", "&r {a: *r}", "!!set {a}", "? [a]\n: 1", "seed: 2019-13-45", "<<: 3",
    "train: {<<: [1]}", "data: &l [*l]", "train: {epochs: {a: 1}}", "1: 2", "\0", "a: b: c", "a\n---\nb",
    "seed: 1" + "0" * 400, "train: {learning_rate: 1" + "0" * 400 + "}", "*gone", "{}", "!x {}"])
def test_no_text_however_odd_ends_in_another_error(text):
    assert refusal(text).startswith("r.yaml:")


def test_a_recipe_is_validated_again_when_its_values_the_schema_or_pydantic_changed(tmp_path, monkeypatch):
    monkeypatch.setenv("OCTET_CACHE", str(tmp_path / "cache"))
    done = []
    complete = validation.complete
    monkeypatch.setattr(validation, "complete", lambda *args: done.append(args) or complete(*args))

    def sections(text):
        return loading.load(write("r.yaml", text)).sections()

    first = sections(SHORT)
    assert sections("# a comment\n" + SHORT) == first and len(done) == 1
    assert sections(SHORT + "seed: 2\n")["seed"] == 2 and len(done) == 2
    assert sections(SHORT + "train: {learning_rate: 1}\n") == sections(SHORT + "train: {learning_rate: 1.0}\n")
    assert sections(SHORT) == first and len(done) == 4
    for epochs in (3, 5):
        write("base.yaml", SHORT + "train: {{epochs: {}}}\n".format(epochs))
        assert sections("extends: base.yaml\n")["train"]["epochs"] == epochs
    *ours, pydantic, core = loading._code()
    for other in ([*ours, pydantic, pydantic], [*ours, core, core]):
        with monkeypatch.context() as inside:
            inside.setattr(loading, "_code", lambda other=other: other)
            assert sections(SHORT) == first
    assert sections(SHORT) == first and len(done) == 8
    for _ in range(2):
        assert "expected a whole number of at least 1, found 0" in refusal(SHORT + "train: {batch_size: 0}\n")


def test_a_schema_that_is_edited_while_a_process_runs_is_an_edit_for_the_next_one(tmp_path, monkeypatch):
    monkeypatch.setenv("OCTET_CACHE", str(tmp_path / "cache"))
    now_ns = time.time_ns
    monkeypatch.setattr(digest.time, "time_ns", lambda: now_ns() + 60 * 10 ** 9)
    monkeypatch.setattr(loading, "_SCHEMA", shutil.copy(schema.__file__, "schema.py"))
    done = []
    complete = validation.complete
    monkeypatch.setattr(validation, "complete", lambda *args: done.append(args) or complete(*args))
    file = write("r.yaml", SHORT)
    loading._code.cache_clear()  # as in a new process
    for _ in range(2):
        loading.load(file)
    assert len(done) == 1
    with open("schema.py", "a") as out:
        out.write("# edited\n")
    for _ in range(2):
        loading.load(file)
    assert len(done) == 2
    loading._code.cache_clear()
    loading.load(file)
    assert len(done) == 3  # this process still has the classes from before the edit
    loading._code.cache_clear()


def test_a_loaded_recipe_cannot_be_changed():
    loaded = loading.load(write("r.yaml", SHORT))
    with pytest.raises(AttributeError):
        loaded.complete = "{}"
    loaded.sections()["train"]["epochs"] = 3
    loaded.sections()["model"]["args"]["dense"] = 1
    assert loaded.sections()["train"]["epochs"] == 60
    assert loaded.sections()["model"]["args"] == {}


def test_a_bare_name_is_found_and_a_misspelt_one_gets_a_suggestion():
    write("recipes/mnist.yaml", SHORT)
    assert loading.find("mnist", "recipes") == Path("recipes/mnist.yaml")
    assert loading.find("sub/mnist", "recipes") == Path("sub/mnist")
    assert loading.find("mnist.yaml", "recipes") == Path("mnist.yaml")
    with pytest.raises(RecipeError) as caught:
        loading.find("mnits", "recipes")
    assert str(caught.value) == ("recipes  no recipe named 'mnits'\n"
                                 "    a name without a slash is one of the recipes there\n"
                                 "    did you mean 'mnist'?  There are: mnist")


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_recipe_of_the_catalogue_loads(path):
    json.dumps(loading.load(path).sections(), allow_nan=False)


def test_a_home_folder_that_does_not_exist_is_named():
    said = refusal("data: {dataset: image_folder, args: {path: ~no_such_user/x, size: [8, 8]}}\nmodel: {build: lenet}\n")
    assert said.startswith("r.yaml:1:38  data.args.path: '~no_such_user/x' begins with a home folder, and there is no "
                           "user no_such_user")
