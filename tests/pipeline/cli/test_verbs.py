"""The verbs of `octet` on a store that a real run made."""

import json
import os
import shutil

import pytest

from octet import model_identifier
from pipeline.cli import main
from pipeline.spec import upward
from pipeline.store.artifacts import Store
from tests.pipeline.checkout import Checkout, damage

ALL = list(upward("ValidateInterpreter"))
PREPARED, FLOAT = ALL[:3], ALL[4:]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Two recipes of one training: `faces`, and `second` with another learning rate."""
    checkout = Checkout(tmp_path_factory.mktemp("verbs"))
    checkout.put("second.yaml", "extends: faces.yaml\nquantize: {learning_rate: 0.002}\n")
    for recipe in ("faces", "second"):
        run = checkout.luigi(recipe=recipe)
        assert run.code == 0, run.said
    checkout.built = checkout.store
    return checkout


@pytest.fixture
def checkout(built, tmp_path):
    """The checkout, with a copy of its store to spoil."""
    store = tmp_path / "store"
    shutil.copytree(str(built.built), str(store))
    built.use_store(store)
    yield built
    built.use_store(built.built)


def octet(checkout, *words, code=0):
    done = checkout.octet(*words)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout if code == 0 else done.stdout + done.stderr


def artifact(checkout, stage, recipe="faces"):
    """The folder of the artifact that a recipe's newest run came to."""
    stages = json.loads(octet(checkout, "ls", checkout.mine / (recipe + ".yaml"), "--json"))["stages"]
    key, = [row["key"] for row in stages if row["stage"] == stage]
    return Store(checkout.store).artifact(stage, key)


def trace(checkout, *words):
    return json.loads(octet(checkout, "trace", *words, "--json"))


def test_every_verb_is_listed_with_its_help(capsys):
    with pytest.raises(SystemExit):
        main.main(["--help"])
    helped = capsys.readouterr().out
    assert set(main.verbs()) >= {"check", "ls", "why", "trace", "diff", "verify", "gc", "pin", "force", "accept"}
    assert all("\n    {} ".format(verb) in helped for verb in main.verbs())


# trace

def test_a_copy_is_traced_by_its_content_to_every_stage(checkout, tmp_path):
    copy = shutil.copy(str(artifact(checkout, "ConvertUint8") / "model.tflite"), str(tmp_path / "found.tflite"))
    found = trace(checkout, copy)
    assert found["found_by"] == "its content"
    by_stage = {record["stage"]: record for record in found["lineage"]}
    assert sorted(by_stage, key=ALL.index) == [stage for stage in upward("ConvertUint8") if stage != "SummarizeData"]
    assert [set(by_stage[stage]["inputs"]["data"]) for stage in PREPARED] == [{"train"}, {"validation"}, {"test"}]
    trained = by_stage["TrainFloat"]
    assert trained["seed"] == 1 and trained["sources"]["net.py"] and trained["inputs"]["versions"]["numpy"]


def test_a_tflite_that_was_edited_is_traced_by_its_identifier(checkout, tmp_path):
    content = (artifact(checkout, "ConvertUint8", "second") / "model.tflite").read_bytes()
    edited = tmp_path / "edited.tflite"
    edited.write_bytes(b"X" + content[1:])
    found = trace(checkout, edited)
    assert found["found_by"] == "the identifier that it carries"
    assert found["lineage"][-1]["metrics"]["identifier"] == model_identifier.find(content)
    trained, = [record for record in found["lineage"] if record["stage"] == "TrainQAT"]
    assert trained["inputs"]["recipe"]["quantize"]["learning_rate"] == 0.002


def test_a_damaged_file_of_the_store_is_not_taken_for_what_it_was(checkout):
    path = artifact(checkout, "Freeze") / "frozen.pb"
    damage(path, b"other bytes")
    assert "no artifact holds this file" in octet(checkout, "trace", path, code=11)


@pytest.mark.parametrize("words", [["layers"], ["trace"], ["trace", "--used-by"]])
def test_what_cannot_be_read_is_said(checkout, words):
    assert "cannot be read: File name too long" in octet(checkout, *words, "n" * 300, code=11)


@pytest.mark.parametrize("words", [["pin"], ["diff", "Freeze"]])
def test_a_name_that_is_too_long_for_a_path_means_nothing(checkout, words):
    assert "no artifact has this name" in octet(checkout, *words, "n" * 300, code=2)


def test_layers_of_a_damaged_measurement_are_an_error(checkout):
    model = artifact(checkout, "ConvertUint8") / "model.tflite"
    damage(artifact(checkout, "Measure") / "measurement.json", b"[]")
    assert "its measurement is damaged, or was deleted to free space" in octet(checkout, "layers", model, code=11)


def test_layers_of_a_measurement_that_was_let_go_are_an_error(checkout, tmp_path):
    model = shutil.copy(str(artifact(checkout, "ConvertUint8", "second") / "model.tflite"), str(tmp_path))
    (checkout.mine / "second.yaml").rename(checkout.mine / "second.kept")
    try:
        octet(checkout, "gc", "--delete", "--runs", "0")
    finally:
        (checkout.mine / "second.kept").rename(checkout.mine / "second.yaml")
    assert "its measurement is damaged, or was deleted to free space" in octet(checkout, "layers", model, code=11)


def test_a_picture_of_the_lineage_has_every_artifact_and_part(checkout):
    path = artifact(checkout, "ValidateInterpreter")
    dot, mermaid = octet(checkout, "trace", path, "--dot"), octet(checkout, "trace", path, "--mermaid")
    for text in (dot, mermaid):
        assert all(word in text for word in set(ALL) - {"Report", "SummarizeData"} | {
            "train", "validation", "test", "nets.net:build"})
    assert dot.startswith("digraph") and mermaid.startswith("flowchart")
    assert dot.count("->") == mermaid.count("-->") == 20
    assert "gone" not in dot + mermaid


def test_the_source_is_restored_byte_by_byte(checkout, tmp_path):
    octet(checkout, "trace", artifact(checkout, "TrainQAT"), "--source", tmp_path / "source")
    restored = tmp_path / "source" / "TrainFloat"
    for name, original in (("recipe/net.py", checkout.mine / "nets/net.py"),
                           ("recipe/blocks.py", checkout.mine / "nets/blocks.py"),
                           ("octet/data/dataset.py", checkout.root / "octet/data/dataset.py"),
                           ("octet/errors.py", checkout.root / "octet/errors.py")):
        assert (restored / name).read_bytes() == original.read_bytes()
    assert not (tmp_path / "source" / "TrainQAT" / "recipe").exists()
    assert "is not empty" in octet(checkout, "trace", artifact(checkout, "TrainQAT"),
                                   "--source", tmp_path / "source", code=2)


@pytest.mark.parametrize("what, first, then", [
    ("photos", set(PREPARED), set(ALL[3:])),
    ("image_folder", set(PREPARED), set(ALL[3:])),
    ("nets.net:build", {"TrainFloat"}, set(FLOAT[1:])),
    ("nets/blocks.py", {"TrainFloat"}, set(FLOAT[1:])),
    ("tasks/stages/freeze.py", {"Freeze"}, {"ConvertUint8", "Measure", "Report", "ValidateInterpreter"})])
def test_what_a_thing_went_into(checkout, what, first, then):
    path = checkout.mine / what
    rows = json.loads(octet(checkout, "trace", "--used-by", path if path.exists() else what, "--json"))
    assert {row["stage"] for row in rows if row["how"] != "made from these"} == first
    assert {row["stage"] for row in rows if row["how"] == "made from these"} == then


def test_what_nothing_used_is_said(checkout):
    assert "nothing in the store was made with it" in octet(checkout, "trace", "--used-by", "cifar10", code=11)


# diff

def test_diff_of_two_recipes_names_the_value_and_its_stage_first(checkout):
    stages = {stage["stage"]: stage for stage in json.loads(octet(
        checkout, "diff", checkout.mine / "faces.yaml", checkout.mine / "second.yaml", "--json"))}
    assert stages["TrainFloat"]["origin"] == []
    assert stages["TrainQAT"]["origin"] == ["quantize.learning_rate 0.0001 -> 0.002"]
    assert "ConvertUint8 made other bytes: model.tflite" in stages["Measure"]["origin"]


def test_diff_of_an_artifact_with_itself_is_the_same(checkout):
    key = artifact(checkout, "ConvertUint8").name
    out = octet(checkout, "diff", key[:5], artifact(checkout, "ConvertUint8") / "model.tflite")
    assert out.count("the same") == 8


def test_diff_of_what_is_not_there_is_an_error(checkout):
    assert "no artifact has this name" in octet(checkout, "diff", "nothing", "0123456789", code=2)
    assert "give 4 digits or more" in octet(checkout, "diff", "42a", "42a", code=2)


# verify

def test_verify_of_a_sound_store_is_quiet(checkout):
    assert octet(checkout, "verify") == "19 artifacts read, 0 damaged\n"


def test_verify_finds_quarantines_and_says_so_in_its_exit_code(checkout):
    path = artifact(checkout, "Freeze") / "frozen.pb"
    stat = path.stat()
    damage(path, bytes([path.read_bytes()[0] ^ 1]) + path.read_bytes()[1:])
    assert path.stat().st_mtime_ns == stat.st_mtime_ns
    assert "output frozen.pb damaged: sha256 differs" in octet(checkout, "verify", "--keep", code=11)
    assert "in quarantine" in octet(checkout, "verify", code=11)
    assert not path.exists() and len(os.listdir(str(checkout.store / "quarantine"))) == 1
    octet(checkout, "verify")
    assert checkout.luigi().made == ["Freeze"]


def test_verify_reports_a_lost_by_product_and_a_damaged_source(checkout):
    (artifact(checkout, "TrainFloat") / "events").unlink()
    source = sorted((checkout.store / "sources").glob("*/*"))[0]
    damage(source, source.read_bytes()[:-9])
    out = octet(checkout, "verify", code=11)
    assert "by-product events missing" in out and "source {}: damaged".format(source.name[:12]) in out
    assert artifact(checkout, "TrainFloat").exists()
    assert "known to be lost from now on" in out and octet(checkout, "verify") == "19 artifacts read, 0 damaged\n"


def test_a_damaged_by_product_is_put_aside_once(checkout):
    path = artifact(checkout, "TrainFloat") / "events"
    damage(path, b"other events")
    assert "by-product events damaged: 12 bytes instead of" in octet(checkout, "verify", "--keep", code=11)
    assert path.exists() and "known to be lost" in octet(checkout, "verify", code=11)
    aside, = (checkout.store / "quarantine").iterdir()
    assert not path.exists() and aside.read_bytes() == b"other events"
    assert octet(checkout, "verify") == "19 artifacts read, 0 damaged\n"
    octet(checkout, "force", checkout.mine / "faces.yaml", "TrainFloat")
    assert checkout.luigi().made == ["TrainFloat"]
    (artifact(checkout, "TrainFloat") / "events").unlink()  # of the new one nothing was said yet
    assert "by-product events missing" in octet(checkout, "verify", code=11)


# gc, pin

def gone(checkout):
    store = Store(checkout.store)
    return sorted(stage for stage, key in store.list() if store.state(stage, key) == "dropped")


def test_gc_keeps_what_is_fresh_and_the_last_runs(checkout):
    assert octet(checkout, "gc", "--delete", "--runs", "0").startswith("0 of 19 artifacts")
    (checkout.mine / "second.yaml").rename(checkout.mine / "second.kept")
    try:
        assert octet(checkout, "gc", "--delete").startswith("0 of 19 artifacts")
        assert gone(checkout) == []
        dry = octet(checkout, "gc", "--runs", "0")
        assert "7 of 19 artifacts" in dry and gone(checkout) == []
        octet(checkout, "gc", "--delete", "--runs", "0")
        assert gone(checkout) == sorted(FLOAT[1:])
    finally:
        (checkout.mine / "second.kept").rename(checkout.mine / "second.yaml")
    assert checkout.luigi().made == []
    assert checkout.why("second")["ValidateInterpreter"][0] == "dropped"
    assert checkout.luigi(recipe="second").made == FLOAT[1:]


def without_second(checkout, *words):
    """The command, while the recipe `second` is not there."""
    (checkout.mine / "second.yaml").rename(checkout.mine / "second.kept")
    try:
        return octet(checkout, *words)
    finally:
        (checkout.mine / "second.kept").rename(checkout.mine / "second.yaml")


def test_gc_keeps_what_is_pinned_and_what_it_was_made_from(checkout):
    octet(checkout, "pin", "{}:Freeze".format(checkout.mine / "second.yaml"))
    without_second(checkout, "gc", "--delete", "--runs", "0")
    assert gone(checkout) == ["ConvertUint8", "Measure", "Report", "ValidateInterpreter"]


def test_a_pinned_model_keeps_its_measurement(checkout):
    octet(checkout, "pin", artifact(checkout, "ConvertUint8", "second") / "model.tflite")
    without_second(checkout, "gc", "--delete", "--runs", "0")
    assert gone(checkout) == []


def test_what_another_pin_needs_is_kept_when_one_is_removed(checkout):
    model, graph = ("{}:{}".format(checkout.mine / "second.yaml", stage) for stage in ("ConvertUint8", "EvalGraph"))
    octet(checkout, "pin", model, "--reason", "the one in the field")
    octet(checkout, "pin", graph)
    octet(checkout, "pin", graph, "--remove")
    without_second(checkout, "gc", "--delete", "--runs", "0")
    assert gone(checkout) == []
    assert "it is kept with ConvertUint8" in octet(checkout, "pin", graph, "--remove", code=2)
    pinned, = json.loads(octet(checkout, "pin", "--json"))
    assert pinned["stage"] == "ConvertUint8" and pinned["reason"] == "the one in the field"
    assert len(pinned["keeps"]) == 11 and "the one in the field" in octet(checkout, "pin")
    octet(checkout, "pin", model, "--remove")
    assert "nothing is pinned" in octet(checkout, "pin")
    without_second(checkout, "gc", "--delete", "--runs", "0")
    assert gone(checkout) == sorted(FLOAT[1:])


def test_gc_leaves_what_a_running_stage_reads(checkout):
    (checkout.mine / "second.yaml").rename(checkout.mine / "second.kept")
    try:
        folder = [path for path in (checkout.store / "artifacts" / "Freeze").iterdir()
                  if path != artifact(checkout, "Freeze")][0]
        with Store(checkout.store).lock("Freeze", folder.name, shared=True):
            assert "in use: left alone" in octet(checkout, "gc", "--delete", "--runs", "0")
    finally:
        (checkout.mine / "second.kept").rename(checkout.mine / "second.yaml")
    assert gone(checkout) == ["ConvertUint8", "EvalGraph", "Measure", "Report", "TrainQAT", "ValidateInterpreter"]


def test_gc_deletes_nothing_while_a_recipe_cannot_be_read(checkout):
    checkout.put("broken.yaml", "data: 3\n")
    try:
        octet(checkout, "gc", "--delete", "--runs", "0", code=3)
    finally:
        (checkout.mine / "broken.yaml").unlink()
    assert gone(checkout) == []


# force, accept

def test_force_of_what_is_stale_anyway_is_an_error(checkout):
    (artifact(checkout, "Freeze") / "manifest.json").unlink()
    assert "there is no fresh artifact to force" in octet(
        checkout, "force", checkout.mine / "faces.yaml", "Freeze", code=2)


def test_an_acceptance_is_in_every_trace_after_it(checkout, tmp_path):
    before = artifact(checkout, "Freeze")
    path = checkout.root / "tasks/stages/freeze.py"
    text = path.read_text()
    path.write_text(text.replace('{"nodes": 0}', '{"nodes": 1}'))
    try:
        octet(checkout, "accept", checkout.mine / "faces.yaml", "Freeze", "--reason", "only a metric")
        assert all(state == ["fresh"] for state in checkout.why().values())
        octet(checkout, "force", checkout.mine / "faces.yaml", "EvalGraph")
        assert checkout.why()["Freeze"] == ["waits", "waits for EvalGraph: fresh if the bytes come out the same"]
        octet(checkout, "gc", "--delete")
        assert gone(checkout) == []
        run = checkout.luigi()
        assert run.made == ["EvalGraph"] and run.code == 0
        after = artifact(checkout, "Freeze")
        assert after != before
        out = octet(checkout, "trace", after / "frozen.pb")
        assert "only a metric" in out and "although tasks/stages/freeze.py: run() changed" in out
        assert "accepted  as {}".format(after.name[:12]) in octet(checkout, "trace", artifact(checkout, "ConvertUint8"))
        octet(checkout, "trace", after, "--source", tmp_path / "source")
        assert (tmp_path / "source/Freeze/tasks/stages/freeze.py").read_text() == text
    finally:
        path.write_text(text)


def test_only_code_can_be_accepted(checkout):
    path = checkout.mine / "faces.yaml"
    text = path.read_text()
    path.write_text(text.replace("train: {epochs: 1}", "train: {epochs: 9}"))
    try:
        out = octet(checkout, "accept", path, "TrainFloat", code=2)
    finally:
        path.write_text(text)
    assert "more than code differs" in out and "train.epochs 1 -> 9" in out


# why, ls

def test_why_of_all_recipes_names_the_stale_ones(checkout):
    (artifact(checkout, "EvalGraph", "second") / "manifest.json").unlink()
    lines = octet(checkout, "why", "--all").splitlines()
    second = [line for line in lines if line.startswith("second:")]
    assert second[0].split()[:3] == ["second:", "EvalGraph", "stale"] and "manifest.json missing" in second[0]
    assert "own:" in lines[0]  # which never ran
    assert lines[-1] == "1 recipes are fresh, 2 are not"


def test_why_of_a_stage_that_is_none_says_the_nearest(checkout):
    assert "did you mean 'Freeze'?" in octet(checkout, "why", checkout.mine / "faces.yaml", "Freez", code=2)


def test_ls_lists_recipes_runs_and_stages(checkout):
    rows = json.loads(octet(checkout, "ls", "--json"))
    assert [(row["recipe"], row["run"], row["stages"], row["state"]) for row in rows] == [
        ("faces", 1, "12/12 intact", "done"), ("second", 1, "12/12 intact", "done")]
    runs = json.loads(octet(checkout, "ls", checkout.mine / "second.yaml", "--json"))
    assert runs["runs"][0]["made"] == FLOAT[1:]
    assert [row["stage"] for row in runs["stages"]] == ALL
    assert len(json.loads(octet(checkout, "ls", "--artifacts", "--json"))) == 19


def test_ls_takes_the_name_that_it_prints(checkout):
    elsewhere = checkout.put("elsewhere/third.yaml", "data: 3\n")
    assert checkout.luigi("--recipe", str(elsewhere)).code == 3
    checkout.put("elsewhere/faces.yaml", "data: 3\n")  # its name is that of another, in the folder of recipes
    assert checkout.luigi("--recipe", str(checkout.mine / "elsewhere" / "faces.yaml")).code == 3
    names = [line.split()[0] for line in octet(checkout, "ls").splitlines()[1:] if not line.startswith(" ")]
    assert sorted(names) == [str(checkout.mine / "elsewhere" / "faces.yaml"), "faces", "second", "third"]
    for name in names:
        shown = octet(checkout, "ls", name)
        assert ("exit 3: " in shown) == ("elsewhere" in name or name == "third"), shown
    assert "third.yaml:1:1" in octet(checkout, "why", "third", code=3)
    shutil.rmtree(str(checkout.mine / "elsewhere"))


@pytest.mark.parametrize("name", ["typo.yaml", "no/such.yaml", "typo"])
def test_ls_of_a_recipe_that_is_none_is_an_error(checkout, name):
    assert name in octet(checkout, "ls", name, code=3)


def test_ls_fits_100_columns_whatever_a_failed_run_has_to_say(checkout):
    name = "a_recipe_with_" + "a_long_name_" * 5
    long = checkout.put(name + ".yaml",
                        "data: {dataset: image_folder, args: {path: %s}}\nmodel: {build: lenet}\n" % ("x" * 120))
    assert checkout.luigi(recipe=name).code != 0
    try:
        for words in ([], [name], ["faces"], ["--artifacts"]):
            lines = octet(checkout, "ls", *words).split("\n\n{}:".format(name))[0].splitlines()
            assert len(lines) > 1 and max(map(len, lines)) <= 100, lines
        assert name in octet(checkout, "ls").splitlines(), "a name is not cut"
    finally:
        long.unlink()


def test_refused_runs_take_no_place_of_those_that_gc_keeps(checkout):
    path = checkout.mine / "faces.yaml"
    text = path.read_text()
    try:
        path.write_text("data: 3\n")
        for _ in range(4):
            assert checkout.luigi().code == 3
        path.write_text(text.replace("train: {epochs: 1}", "train: {epochs: 2}"))  # nothing is fresh for it
        assert json.loads(octet(checkout, "gc", "--json")) == []
        assert json.loads(octet(checkout, "gc", "--runs", "0", "--json")) != []
    finally:
        path.write_text(text)


# export

def test_an_export_is_made_when_it_is_asked_for_and_copied_out(checkout, tmp_path):
    folder, recipe = tmp_path / "out", checkout.mine / "faces.yaml"
    assert "Export" not in checkout.why()  # nobody has asked for it: that is no fault
    assert "luigi --module pipeline Export --recipe {}".format(recipe) in octet(
        checkout, "export", recipe, folder, code=11)
    assert not folder.exists()
    assert checkout.luigi(stage="Export").made == ["Export"]
    assert checkout.why()["Export"] == ["fresh"]
    octet(checkout, "export", recipe, folder)
    made = artifact(checkout, "Export")
    names = sorted(str(path.relative_to(made)) for path in made.rglob("*") if path.is_file())
    assert sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()) == sorted(
        set(names) - {"manifest.json"} | {"origin.json"})
    card = (folder / "card.md").read_text()
    assert card.startswith((made / "card.md").read_text() + "\n## Where it came from\n")
    for words in ("- recipe: faces\n", "- dataset: image_folder\n", "- network: nets.net:build\n", "channels: 1"):
        assert words in card
    assert "is there already" in octet(checkout, "export", recipe, folder, code=2)
    damage(made / "samples" / "input_0.npy", b"X" * (made / "samples" / "input_0.npy").stat().st_size)
    assert "damaged" in octet(checkout, "export", recipe, tmp_path / "another", code=11)
    assert not (tmp_path / "another").exists()
