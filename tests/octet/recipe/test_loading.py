import json
import shutil
import textwrap
import time
from pathlib import Path

import pytest

from octet import digest
from octet.errors import RecipeError
from octet.recipe import completion, loading, schema

RECIPES = Path(__file__).resolve().parents[3] / "recipes"


@pytest.fixture(autouse=True)
def inside(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def write(name, text):
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_text(textwrap.dedent(text))
    return name


def refusal(text):
    with pytest.raises(RecipeError) as caught:
        loading.load(write("r.yaml", text))
    *said, why, next_step = str(caught.value).splitlines()
    assert why == "    a recipe is understood to the last word, or nothing of it is run"
    assert next_step.startswith("    correct th") and next_step.endswith("; `octet check r.yaml` looks at it again")
    return "\n".join(said)


SHORT = "data: {dataset: digits}\nmodel: {build: lenet}\n"


PHASE = {"batch_size": 64, "momentum": 0.9, "clip_norm": None, "schedule": "cosine", "warm_up": None,
         "milestones": [0.5, 0.75], "step_factor": 0.1, "plateau_epochs": 5, "rates": {},
         "final_factor": 0.01, "weight_average": None, "keep": "best",
         "monitor": None, "early_stopping": None}


def test_a_short_recipe_has_every_default_filled_in():
    loaded = loading.load(write("r.yaml", SHORT))
    assert loaded.sections() == {
        "seed": 1,
        "data": {"dataset": "digits", "args": {}},
        "model": {"build": "lenet", "args": {}, "approximate": [], "preprocess": None, "weights": None,
                  "new_layers": [], "files": []},
        "train": {"epochs": 60, "optimizer": None, "learning_rate": None, "weight_decay": None, **PHASE,
                  "batch_norm_batches": 50, "loss_weights": {}},
        "augment": {"preset": "auto", **dict.fromkeys(
            "flip crop shift rotate shear zoom brightness contrast saturation hue noise cutout mixup cutmix".split())},
        "loss": {"kind": None, "function": None, "gamma": None, "delta": None, "label_smoothing": None,
                 "class_weights": None, "oversample": None, "sample_weights": None, "targets": {}},
        "metrics": {},
        "quantize": {"epochs": 5, "optimizer": "adam", "learning_rate": 0.0001, "weight_decay": 0.0, "distill": None,
                     "regularization": "none",
                     **PHASE, "batch_norm": "fold", "delay": 0, "default_ranges": None,
                     "calibration_batches": 20, "equalize": False, "freeze_ranges_after": None},
        "convert": {},
        "validate": {"max_accuracy_drop": 0.01, "min_accuracy": None, "min_agreement": None,
                     "min_balanced_accuracy": None, "min_class_recall": None, "max_f1_drop": None,
                     "min_mean_iou": None, "min_roc_auc": None, "min_average_precision": None,
                     "max_error_increase": None, "max_error": None, "max_wrong_operators": 0, "metrics": {}},
        "report": {"samples": "wrong"},
        "export": {"targets": []}}
    assert loaded.path == Path("r.yaml").absolute()
    assert loaded.folder == Path().absolute()
    assert loaded.where("model", "build") == "r.yaml:2:9"
    assert loaded.where("train", "epochs") == "r.yaml:1:1"


@pytest.mark.parametrize("train, said", [
    ("milestones: [0.3]", "r.yaml:3:9  train.milestones: is read only with `schedule: step`"),
    ("schedule: constant, final_factor: 0.1", "r.yaml:3:29  train.final_factor: is read only with `schedule: exp"),
    ("weight_average: 0.9, batch_norm_batches: 0", "r.yaml:3:30  train.batch_norm_batches: expected at least 1 with"),
    ("momentum: 0.8", "r.yaml:3:9  train.momentum: is read only with `optimizer: momentum` or `optimizer: nesterov`")])
def test_what_another_schedule_or_optimizer_reads_is_said_where_it_would_do_nothing(train, said):
    assert said in refusal(SHORT + "train: {" + train + "}\n")
    assert loading.load(write("r.yaml", SHORT + "train: {schedule: step, milestones: [0.3]}\n"))


@pytest.mark.parametrize("wrong", ["keras", "{mean: 0.5}", "{mean: [123.7, 116.8, 103.9], std: 1}", "{mean: 0.5, std: 0}",
                                   "{image: pytorch}", "{mean: [], std: 1}", "3", "[tf]"])
def test_a_preprocessing_is_one_that_there_is(wrong):
    assert "model.preprocess: expected caffe, torch, tf, or {mean, std}" in refusal(
        "data: {dataset: digits}\nmodel: {build: lenet, preprocess: " + wrong + "}\n")
    for right in ("tf", "{mean: [0.4, 0.5, 0.6], std: 0.2}", "{image: caffe, depth: {mean: 0, std: 1}}"):
        loading.load(write("r.yaml", "data: {dataset: digits}\nmodel: {build: lenet, preprocess: " + right + "}\n"))


def test_new_layers_are_for_weights_and_are_trained():
    model = "data: {dataset: digits}\nmodel: {build: lenet, %s}\n"
    assert "model.new_layers: is read only with `model.weights`" in refusal(model % "new_layers: [head]")
    given = model % "weights: a.h5, new_layers: [head]"
    assert loading.load(write("r.yaml", given)).sections()["train"]["epochs"] == 60
    assert "found 0: new layers have to be trained" in refusal(given + "train: {epochs: 0}\n")


def test_a_word_for_augment_is_its_preset():
    augment = loading.load(write("r.yaml", SHORT + "augment: standard\n")).sections()["augment"]
    assert augment["preset"] == "standard" and set(augment.values()) == {"standard", None}
    assert "augment.preset: expected one of auto, standard, none, found 'heavy'" in refusal(SHORT + "augment: heavy\n")


@pytest.mark.parametrize("setting", ["delay: 5", "default_ranges: measured"])
def test_what_only_live_batch_norm_reads_is_said_where_it_would_do_nothing(setting):
    with pytest.raises(RecipeError, match="r.yaml:3:12  quantize.[a-z_]+: is for `batch_norm: live` alone"):
        loading.load(write("r.yaml", SHORT + "quantize: {{{}}}\n".format(setting)))
    loading.load(write("r.yaml", SHORT + "quantize: {{batch_norm: live, {}}}\n".format(setting)))


def test_what_live_batch_norm_does_not_read_is_said_there():
    with pytest.raises(RecipeError, match="r.yaml:3:30  quantize.freeze_ranges_after: is not for `batch_norm: live`"):
        loading.load(write("r.yaml", SHORT + "quantize: {batch_norm: live, freeze_ranges_after: 0.5}\n"))
    loading.load(write("r.yaml", SHORT + "quantize: {freeze_ranges_after: 0.5}\n"))


def test_what_is_of_another_type_and_would_do_nothing_is_told_as_both():
    assert refusal(SHORT + "quantize: {delay: true}\n") == textwrap.dedent("""\
        r.yaml:3:12  quantize.delay: expected a whole number of at least 0, found true
        r.yaml:3:12  quantize.delay: is for `batch_norm: live` alone; folded, every tensor has a trained range from the first step""")
    assert "expected a whole number of at least 0, found a list" in refusal(SHORT + "quantize: {delay: [1]}\n")


def test_every_problem_is_told_at_once_with_its_place():
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
        r.yaml:2:8  data.dataste: no key of this name; did you mean 'dataset'?  There are: args, dataset
        r.yaml:4:3  train.epochs: expected a whole number of at least 1; 0 only with model.weights, found 0
        r.yaml:5:3  train.learning_rate: expected a number above 0, or null for the optimizer's, found '1e-3'; YAML takes that for text: write 1.0e-3
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
     "r.yaml:1:35  data.args.a: found '2e3'; YAML takes that for text: write 2.0e+3, or quote it"),
    ("data: {dataset: digits, args: {a: 2020-01-01}}\nmodel: {build: lenet}",
     "r.yaml:1:35  data.args.a: expected text, a number, true, false, null, a list or a mapping, "
     "found a date: quote it"),
    ("data: {dataset: digits, args: {1: a}}\nmodel: {build: lenet}",
     "r.yaml:1:32  data.args.1: expected text as a key, found '1': quote it"),
    ("data: {dataset: digits, args: &a {b: *a}}\nmodel: {build: lenet}",
     "r.yaml:1:35  data.args.b: an anchor holds itself"),
    (SHORT + "extends: gone.yaml\n",
     "r.yaml:3:1  extends: cannot read gone.yaml: No such file or directory"),
    (SHORT + "extends: [a]\n", "r.yaml:3:1  extends: expected the path or the name of a recipe, found a list"),
    (SHORT + "extends: r.yaml\n", "r.yaml:3:1  extends: a cycle: r.yaml -> r.yaml"),
])
def test_what_is_no_recipe_is_refused_at_its_place(text, said):
    assert refusal(text) == said


def test_a_recipe_that_is_not_there_is_said():
    with pytest.raises(RecipeError, match="cannot read gone.yaml: No such file"):
        loading.load("gone.yaml")


@pytest.mark.parametrize("path, said", [
    ("below/digits", "No such file or directory; did you mean below/digits.yaml?"),
    ("below/digts.yaml", "No such file or directory; did you mean below/digits.yaml?"),
    ("blow/digits.yaml", "No such file or directory; there is no folder blow"),
    ("below/zzz.yaml", "No such file or directory\n"), ("below/", "Is a directory\n")])
def test_a_path_to_no_recipe_is_told_the_nearest(path, said):
    write("below/digits.yaml", SHORT)
    with pytest.raises(RecipeError) as caught:
        loading.load(loading.find(path, "."))
    assert said in str(caught.value)


def test_a_cycle_through_two_recipes_names_both():
    write("other.yaml", "extends: r.yaml\n")
    assert refusal("extends: other.yaml\n") == (
        "other.yaml:1:1  extends: a cycle: r.yaml -> other.yaml -> r.yaml")


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


def test_extends_overrides_only_what_differs():
    write("base.yaml", SHORT + "train: {epochs: 9, batch_size: 5}\nvalidate: {max_accuracy_drop: 0.2}\n")
    loaded = loading.load(write("r.yaml", """
        extends: base.yaml
        train: {epochs: 4}
        validate: {max_accuracy_drop: null}
        """))
    assert (loaded.sections()["train"]["epochs"], loaded.sections()["train"]["batch_size"]) == (4, 5)
    assert loaded.sections()["validate"]["max_accuracy_drop"] is None
    assert loaded.where("train", "batch_size") == "base.yaml:3:20"
    assert loaded.where("train", "epochs") == "r.yaml:3:9"


def test_args_are_merged_for_the_same_model_and_dropped_for_another():
    write("base.yaml", "data: {dataset: digits}\nmodel: {build: lenet, args: {dense: 3, filters: [1]}}\n")
    same = loading.load(write("same.yaml", "extends: base.yaml\nmodel: {args: {dense: 4}}\n"))
    assert same.sections()["model"]["args"] == {"dense": 4, "filters": [1]}
    other = loading.load(write("other.yaml", "extends: base.yaml\nmodel: {build: resnet_v1}\n"))
    assert other.sections()["model"]["args"] == {}


def test_a_file_spec_stays_relative_to_the_recipe_that_wrote_it():
    write("below/base.yaml", "data: {dataset: digits}\nmodel: {build: './nets.py:f'}\n")
    write("below/nets.py", "def f(input_shape, classes): pass\n")
    loaded = loading.load(write("r.yaml", "extends: below/base.yaml\n"))
    assert loaded.sections()["model"]["build"] == "below/nets.py:f"


def test_the_path_of_data_stays_relative_to_the_recipe_that_wrote_it():
    write("below/base.yaml", "data: {dataset: npz, args: {path: pets.npz}}\nmodel: {build: lenet}\n")
    for text, path in (("", "below/pets.npz"), ("data: {args: {path: mine.npz}}\n", "mine.npz"),
                       ("data: {args: {low: 0}}\n", "below/pets.npz")):
        loaded = loading.load(write("r.yaml", "extends: below/base.yaml\n" + text))
        assert loaded.sections()["data"]["args"]["path"] == path
    write("above.yaml", "data: {dataset: npz, args: {path: ~/pets.npz}}\nmodel: {build: lenet}\n")
    assert loading.load(write("below/r.yaml", "extends: ../above.yaml\n")).sections()["data"]["args"]["path"] == "~/pets.npz"


def test_a_name_of_the_catalogue_may_be_extended():
    assert loading.load(write("r.yaml", "extends: digits\nseed: 7\n")).sections() == dict(
        loading.load(RECIPES / "digits.yaml").sections(), seed=7)
    write("mine/short.yaml", SHORT)
    assert loading.load(write("r.yaml", "extends: short\n"), lambda name: loading.find(name, "mine")).sections()["seed"] == 1
    write("digits", SHORT + "seed: 3\n")  # a file of this very name was meant before
    assert loading.load(write("r.yaml", "extends: digits\n")).sections()["seed"] == 3


WARM = "data: {dataset: digits}\nmodel: {build: lenet, weights: w.h5}\n"


@pytest.mark.parametrize("train, epochs", [
    ("", 0), ("train: {batch_size: 5}\n", 0), ("train: {epochs: 3}\n", 3), ("train: {epochs: 0}\n", 0)])
def test_weights_that_are_given_are_trained_on_only_where_the_recipe_says_so(train, epochs):
    assert loading.load(write("r.yaml", WARM + train)).sections()["train"]["epochs"] == epochs


def test_weights_are_relative_to_the_recipe_that_wrote_them_and_belong_to_its_model():
    write("below/base.yaml", WARM)
    assert loading.load(write("r.yaml", "extends: below/base.yaml\n")).sections()["model"]["weights"] == "below/w.h5"
    other = loading.load(write("r.yaml", "extends: below/base.yaml\nmodel: {build: resnet_v1}\n"))
    assert other.sections()["model"]["weights"] is None and other.sections()["train"]["epochs"] == 60


def test_files_are_relative_to_the_recipe_that_wrote_them_and_belong_to_its_model():
    write("below/base.yaml", "data: {dataset: digits}\nmodel: {build: lenet, files: [a.txt, /b.txt, ~/c.txt]}\n")
    files = loading.load(write("r.yaml", "extends: below/base.yaml\n")).sections()["model"]["files"]
    assert files == ["below/a.txt", "/b.txt", "~/c.txt"]
    other = loading.load(write("r.yaml", "extends: below/base.yaml\nmodel: {build: resnet_v1}\n"))
    assert other.sections()["model"]["files"] == []


@pytest.mark.parametrize("value", ["labels.txt", "[1]", "['']"])
def test_files_that_are_no_list_of_paths_are_refused(value):
    said = refusal("data: {dataset: digits}\nmodel: {build: lenet, files: " + value + "}\n")
    assert "model.files" in said and "expected a list of paths of files or folders" in said


def test_a_loss_weight_is_told_with_the_target_it_is_for():
    assert refusal(SHORT + "train: {loss_weights: {digit: -1, parity: half, odd: 2}}\n") == textwrap.dedent("""\
        r.yaml:3:24  train.loss_weights.digit: expected a mapping of targets to numbers of at least 0, found -1
        r.yaml:3:35  train.loss_weights.parity: expected a mapping of targets to numbers of at least 0, found 'half'""")


def test_a_recipe_is_validated_again_when_its_values_the_schema_or_pydantic_changed(tmp_path, monkeypatch):
    monkeypatch.setenv("OCTET_CACHE", str(tmp_path / "cache"))
    done = []
    complete = completion.complete
    monkeypatch.setattr(completion, "complete", lambda *args: done.append(args) or complete(*args))

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
    complete = completion.complete
    monkeypatch.setattr(completion, "complete", lambda *args: done.append(args) or complete(*args))
    file = write("r.yaml", SHORT)
    loading._code.cache_clear()  # as in a process that begins
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
    assert len(done) == 3  # the classes that this process had were those of before the edit
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


@pytest.mark.parametrize("loss, said", [
    ("{kind: focl}", "loss.kind: expected one of cross_entropy, focal, dice, iou, mse, mae, huber, or null, found 'focl'; did"),
    ("{class_weights: balance}", "loss.class_weights: expected balanced, or a mapping of classes to numbers of at least 0"),
    ("{class_weights: {defect: -1}}", "loss.class_weights: expected balanced, or a mapping of classes to numbers"),
    ("{class_weights: {defect: .nan}}", "loss.class_weights: expected balanced"),
    ("{label_smoothing: 1}", "loss.label_smoothing: expected a number from 0 to below 1, or null, found 1"),
    ("{targets: {label: {kind: fokal}}}", "loss.targets.label.kind: expected one of cross_entropy, focal"),
    ("{targets: {label: {gama: 2}}}", "loss.targets.label.gama: no key of this name; did you mean 'gamma'?"),
    ("{targets: {label: 3}}", "loss.targets.label: expected a mapping of targets to losses, found 3")])
def test_a_loss_that_means_nothing_is_told_once(loss, said):
    with pytest.raises(RecipeError) as refused:
        loading.load(write("r.yaml", SHORT + "loss: {}\n".format(loss)))
    assert said in str(refused.value) and str(refused.value).count("loss.") == 1


@pytest.mark.parametrize("train, key", [("{class_weight: {good: 1}}", "class_weights"), ("{loss: mse}", "kind")])
def test_what_is_a_loss_s_is_told_where_it_goes(train, key):
    with pytest.raises(RecipeError, match="write loss: {{{}: ...}}, for both phases".format(key)):
        loading.load(write("r.yaml", SHORT + "train: {}\n".format(train)))
