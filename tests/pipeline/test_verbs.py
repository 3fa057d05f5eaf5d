"""The verbs of `octet` on a store that a real run made."""

import json
import os
import shutil

import pytest

from octet import identifier
from pipeline import cli
from pipeline.spec import STAGES
from pipeline.store import Store
from tests.pipeline.house import House, damage

ALL = list(STAGES)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Two recipes of one training: `faces`, and `second` with another learning rate."""
    house = House(tmp_path_factory.mktemp("verbs"))
    house.put("second.yaml", "extends: faces.yaml\nquantize: {learning_rate: 0.002}\n")
    for recipe in ("faces", "second"):
        run = house.luigi(recipe=recipe)
        assert run.code == 0, run.said
    house.built = house.store
    return house


@pytest.fixture
def house(built, tmp_path):
    """The house, with a copy of its store to spoil."""
    store = tmp_path / "store"
    shutil.copytree(str(built.built), str(store))
    built.use_store(store)
    yield built
    built.use_store(built.built)


def octet(house, *words, code=0):
    done = house.octet(*words)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout if code == 0 else done.stdout + done.stderr


def artifact(house, stage, recipe="faces"):
    """The folder of the artifact that a recipe's newest run came to."""
    stages = json.loads(octet(house, "ls", house.mine / (recipe + ".yaml"), "--json"))["stages"]
    key, = [row["key"] for row in stages if row["stage"] == stage]
    return Store(house.store).artifact(stage, key)


def trace(house, *words):
    return json.loads(octet(house, "trace", *words, "--json"))


def test_every_verb_is_listed_with_its_help(capsys):
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    helped = capsys.readouterr().out
    assert set(cli.verbs()) >= {"check", "ls", "why", "trace", "diff", "verify", "gc", "pin", "force", "accept"}
    assert all("\n    {} ".format(verb) in helped for verb in cli.verbs())


# trace

def test_a_copy_is_traced_by_its_content_to_every_stage(house, tmp_path):
    copy = shutil.copy(str(artifact(house, "ConvertUint8") / "model.tflite"), str(tmp_path / "found.tflite"))
    found = trace(house, copy)
    assert found["found_by"] == "its content"
    assert [record["stage"] for record in found["lineage"]] == ALL[:5]
    first = found["lineage"][0]
    assert set(first["inputs"]["data"]) == {"train", "validation"} and first["seed"] == 1
    assert first["sources"]["net.py"] and first["inputs"]["versions"]["numpy"]


def test_a_tflite_that_was_edited_is_traced_by_its_identifier(house, tmp_path):
    content = (artifact(house, "ConvertUint8", "second") / "model.tflite").read_bytes()
    edited = tmp_path / "edited.tflite"
    edited.write_bytes(b"X" + content[1:])
    found = trace(house, edited)
    assert found["found_by"] == "the identifier that it carries"
    assert found["lineage"][-1]["metrics"]["identifier"] == identifier.find(content)
    assert found["lineage"][1]["inputs"]["recipe"]["quantize"]["learning_rate"] == 0.002


def test_a_damaged_file_of_the_store_is_not_taken_for_what_it_was(house):
    path = artifact(house, "Freeze") / "frozen.pb"
    damage(path, b"other bytes")
    assert "no artifact holds this file" in octet(house, "trace", path, code=11)


@pytest.mark.parametrize("words", [["layers"], ["trace"], ["trace", "--used-by"]])
def test_what_cannot_be_read_is_said(house, words):
    assert "cannot be read: File name too long" in octet(house, *words, "n" * 300, code=11)


@pytest.mark.parametrize("words", [["pin"], ["diff", "Freeze"]])
def test_a_name_that_is_too_long_for_a_path_means_nothing(house, words):
    assert "no artifact is meant" in octet(house, *words, "n" * 300, code=2)


def test_layers_of_a_damaged_measurement_are_an_error(house):
    model = artifact(house, "ConvertUint8") / "model.tflite"
    damage(artifact(house, "ValidateInterpreter") / "measurement.json", b"[]")
    assert "its measurement is damaged, or was let go" in octet(house, "layers", model, code=11)


def test_layers_of_a_measurement_that_was_let_go_are_an_error(house, tmp_path):
    model = shutil.copy(str(artifact(house, "ConvertUint8", "second") / "model.tflite"), str(tmp_path))
    (house.mine / "second.yaml").rename(house.mine / "second.kept")
    try:
        octet(house, "gc", "--delete", "--runs", "0")
    finally:
        (house.mine / "second.kept").rename(house.mine / "second.yaml")
    assert "its measurement is damaged, or was let go" in octet(house, "layers", model, code=11)


def test_a_picture_of_the_lineage_has_every_artifact_and_part(house):
    path = artifact(house, "ValidateInterpreter")
    dot, mermaid = octet(house, "trace", path, "--dot"), octet(house, "trace", path, "--mermaid")
    for text in (dot, mermaid):
        assert all(word in text for word in ALL + ["train", "validation", "test", "nets.net:build"])
    assert dot.startswith("digraph") and mermaid.startswith("flowchart")
    assert dot.count("->") == mermaid.count("-->") == 14


def test_the_source_is_restored_byte_by_byte(house, tmp_path):
    octet(house, "trace", artifact(house, "TrainQAT"), "--source", tmp_path / "source")
    restored = tmp_path / "source" / "TrainFloat"
    for name, original in (("recipe/net.py", house.mine / "nets/net.py"),
                           ("recipe/blocks.py", house.mine / "nets/blocks.py"),
                           ("octet/datasets/dataset.py", house.root / "octet/datasets/dataset.py"),
                           ("octet/errors.py", house.root / "octet/errors.py")):
        assert (restored / name).read_bytes() == original.read_bytes()
    assert not (tmp_path / "source" / "TrainQAT" / "recipe").exists()
    assert "is not empty" in octet(house, "trace", artifact(house, "TrainQAT"),
                                   "--source", tmp_path / "source", code=2)


@pytest.mark.parametrize("what, first, then", [
    ("photos", {"TrainFloat", "TrainQAT", "EvalGraph", "ValidateInterpreter"}, {"Freeze", "ConvertUint8"}),
    ("image_folder", {"TrainFloat", "TrainQAT", "EvalGraph", "ValidateInterpreter"}, {"Freeze", "ConvertUint8"}),
    ("nets.net:build", {"TrainFloat"}, set(ALL) - {"TrainFloat"}),
    ("nets/blocks.py", {"TrainFloat"}, set(ALL) - {"TrainFloat"}),
    ("tasks/freeze.py", {"Freeze"}, {"ConvertUint8", "ValidateInterpreter"})])
def test_what_a_thing_went_into(house, what, first, then):
    path = house.mine / what
    rows = json.loads(octet(house, "trace", "--used-by", path if path.exists() else what, "--json"))
    assert {row["stage"] for row in rows if row["how"] != "made from these"} == first
    assert {row["stage"] for row in rows if row["how"] == "made from these"} == then


def test_what_nothing_used_is_said(house):
    assert "nothing in the store was made with it" in octet(house, "trace", "--used-by", "cifar10", code=11)


# diff

def test_diff_of_two_recipes_names_the_value_and_its_stage_first(house):
    stages = {stage["stage"]: stage for stage in json.loads(octet(
        house, "diff", house.mine / "faces.yaml", house.mine / "second.yaml", "--json"))}
    assert stages["TrainFloat"]["origin"] == []
    assert stages["TrainQAT"]["origin"] == ["quantize.learning_rate 0.0001 -> 0.002"]
    assert "ConvertUint8 made other bytes: model.tflite" in stages["ValidateInterpreter"]["origin"]


def test_diff_of_an_artifact_with_itself_is_the_same(house):
    key = artifact(house, "ConvertUint8").name
    out = octet(house, "diff", key[:5], artifact(house, "ConvertUint8") / "model.tflite")
    assert out.count("the same") == 5


def test_diff_of_what_is_not_there_is_an_error(house):
    assert "no artifact is meant" in octet(house, "diff", "nothing", "0123456789", code=2)
    assert "give 4 digits or more" in octet(house, "diff", "42a", "42a", code=2)


# verify

def test_verify_of_a_sound_store_is_quiet(house):
    assert octet(house, "verify") == "11 artifacts read, 0 damaged\n"


def test_verify_finds_quarantines_and_says_so_in_its_exit_code(house):
    path = artifact(house, "Freeze") / "frozen.pb"
    stat = path.stat()
    damage(path, bytes([path.read_bytes()[0] ^ 1]) + path.read_bytes()[1:])
    assert path.stat().st_mtime_ns == stat.st_mtime_ns
    assert "output frozen.pb damaged: sha256 differs" in octet(house, "verify", "--keep", code=11)
    assert "in quarantine" in octet(house, "verify", code=11)
    assert not path.exists() and len(os.listdir(str(house.store / "quarantine"))) == 1
    octet(house, "verify")
    assert house.luigi().made == ["Freeze"]


def test_verify_reports_a_lost_by_product_and_a_damaged_source(house):
    (artifact(house, "TrainFloat") / "events").unlink()
    source = sorted((house.store / "sources").glob("*/*"))[0]
    damage(source, source.read_bytes()[:-9])
    out = octet(house, "verify", code=11)
    assert "by-product events missing" in out and "source {}: damaged".format(source.name[:12]) in out
    assert artifact(house, "TrainFloat").exists()
    assert "known to be lost from now on" in out and octet(house, "verify") == "11 artifacts read, 0 damaged\n"


def test_a_damaged_by_product_is_put_aside_once(house):
    path = artifact(house, "TrainFloat") / "events"
    damage(path, b"other events")
    assert "by-product events damaged: 12 bytes instead of" in octet(house, "verify", "--keep", code=11)
    assert path.exists() and "known to be lost" in octet(house, "verify", code=11)
    aside, = (house.store / "quarantine").iterdir()
    assert not path.exists() and aside.read_bytes() == b"other events"
    assert octet(house, "verify") == "11 artifacts read, 0 damaged\n"
    octet(house, "force", house.mine / "faces.yaml", "TrainFloat")
    assert house.luigi().made == ["TrainFloat"]
    (artifact(house, "TrainFloat") / "events").unlink()  # of the new one nothing was said yet
    assert "by-product events missing" in octet(house, "verify", code=11)


# gc, pin

def gone(house):
    store = Store(house.store)
    return sorted(stage for stage, key in store.list() if store.state(stage, key) == "dropped")


def test_gc_keeps_what_is_fresh_and_the_last_runs(house):
    assert octet(house, "gc", "--delete", "--runs", "0").startswith("0 of 11 artifacts")
    (house.mine / "second.yaml").rename(house.mine / "second.kept")
    try:
        assert octet(house, "gc", "--delete").startswith("0 of 11 artifacts")
        assert gone(house) == []
        dry = octet(house, "gc", "--runs", "0")
        assert "5 of 11 artifacts" in dry and gone(house) == []
        octet(house, "gc", "--delete", "--runs", "0")
        assert gone(house) == sorted(ALL[1:])
    finally:
        (house.mine / "second.kept").rename(house.mine / "second.yaml")
    assert house.luigi().made == []
    assert house.why("second")["ValidateInterpreter"][0] == "dropped"
    assert house.luigi(recipe="second").made == ALL[1:]


def without_second(house, *words):
    """The command, while the recipe `second` is not there."""
    (house.mine / "second.yaml").rename(house.mine / "second.kept")
    try:
        return octet(house, *words)
    finally:
        (house.mine / "second.kept").rename(house.mine / "second.yaml")


def test_gc_keeps_what_is_pinned_and_what_it_was_made_from(house):
    octet(house, "pin", "{}:Freeze".format(house.mine / "second.yaml"))
    without_second(house, "gc", "--delete", "--runs", "0")
    assert gone(house) == ["ConvertUint8", "ValidateInterpreter"]


def test_a_pinned_model_keeps_its_measurement(house):
    octet(house, "pin", artifact(house, "ConvertUint8", "second") / "model.tflite")
    without_second(house, "gc", "--delete", "--runs", "0")
    assert gone(house) == []


def test_what_another_pin_needs_is_kept_when_one_is_removed(house):
    model, graph = ("{}:{}".format(house.mine / "second.yaml", stage) for stage in ("ConvertUint8", "EvalGraph"))
    octet(house, "pin", model, "--reason", "the one in the field")
    octet(house, "pin", graph)
    octet(house, "pin", graph, "--remove")
    without_second(house, "gc", "--delete", "--runs", "0")
    assert gone(house) == []
    assert "it is kept with ConvertUint8" in octet(house, "pin", graph, "--remove", code=2)
    pinned, = json.loads(octet(house, "pin", "--json"))
    assert pinned["stage"] == "ConvertUint8" and pinned["reason"] == "the one in the field"
    assert len(pinned["keeps"]) == 6 and "the one in the field" in octet(house, "pin")
    octet(house, "pin", model, "--remove")
    assert "nothing is pinned" in octet(house, "pin")
    without_second(house, "gc", "--delete", "--runs", "0")
    assert gone(house) == sorted(ALL[1:])


def test_gc_leaves_what_a_running_stage_reads(house):
    (house.mine / "second.yaml").rename(house.mine / "second.kept")
    try:
        folder = [path for path in (house.store / "artifacts" / "Freeze").iterdir()
                  if path != artifact(house, "Freeze")][0]
        with Store(house.store).lock("Freeze", folder.name, shared=True):
            assert "in use: left alone" in octet(house, "gc", "--delete", "--runs", "0")
    finally:
        (house.mine / "second.kept").rename(house.mine / "second.yaml")
    assert gone(house) == ["ConvertUint8", "EvalGraph", "TrainQAT", "ValidateInterpreter"]


def test_gc_deletes_nothing_while_a_recipe_cannot_be_read(house):
    house.put("broken.yaml", "data: 3\n")
    try:
        octet(house, "gc", "--delete", "--runs", "0", code=3)
    finally:
        (house.mine / "broken.yaml").unlink()
    assert gone(house) == []


# force, accept

def test_force_of_what_is_stale_anyway_is_an_error(house):
    (artifact(house, "Freeze") / "manifest.json").unlink()
    assert "there is no fresh artifact to force" in octet(
        house, "force", house.mine / "faces.yaml", "Freeze", code=2)


def test_an_acceptance_is_in_every_trace_after_it(house, tmp_path):
    before = artifact(house, "Freeze")
    path = house.root / "tasks" / "freeze.py"
    text = path.read_text()
    path.write_text(text.replace('{"nodes": 0}', '{"nodes": 1}'))
    try:
        octet(house, "accept", house.mine / "faces.yaml", "Freeze", "--reason", "only a metric")
        assert all(state == ["fresh"] for state in house.why().values())
        octet(house, "force", house.mine / "faces.yaml", "EvalGraph")
        assert house.why()["Freeze"] == ["waits", "waits for EvalGraph: fresh if the bytes come out the same"]
        octet(house, "gc", "--delete")
        assert gone(house) == []
        run = house.luigi()
        assert run.made == ["EvalGraph"] and run.code == 0
        after = artifact(house, "Freeze")
        assert after != before
        out = octet(house, "trace", after / "frozen.pb")
        assert "only a metric" in out and "although tasks/freeze.py: run() changed" in out
        assert "accepted  as {}".format(after.name[:12]) in octet(house, "trace", artifact(house, "ConvertUint8"))
        octet(house, "trace", after, "--source", tmp_path / "source")
        assert (tmp_path / "source/Freeze/tasks/freeze.py").read_text() == text
    finally:
        path.write_text(text)


def test_only_code_can_be_accepted(house):
    path = house.mine / "faces.yaml"
    text = path.read_text()
    path.write_text(text.replace("train: {epochs: 1}", "train: {epochs: 9}"))
    try:
        out = octet(house, "accept", path, "TrainFloat", code=2)
    finally:
        path.write_text(text)
    assert "more than code differs" in out and "train.epochs 1 -> 9" in out


# why, ls

def test_why_of_all_recipes_names_the_stale_ones(house):
    (artifact(house, "EvalGraph", "second") / "manifest.json").unlink()
    lines = octet(house, "why", "--all").splitlines()
    assert lines[0].split()[:3] == ["second:", "EvalGraph", "stale"] and "manifest.json missing" in lines[0]
    assert lines[-1] == "1 recipes are fresh, 1 are not"


def test_why_of_a_stage_that_is_none_says_the_nearest(house):
    assert "did you mean 'Freeze'?" in octet(house, "why", house.mine / "faces.yaml", "Freez", code=2)


def test_ls_lists_recipes_runs_and_stages(house):
    rows = json.loads(octet(house, "ls", "--json"))
    assert [(row["recipe"], row["run"], row["stages"], row["state"]) for row in rows] == [
        ("faces", 1, "6/6 intact", "done"), ("second", 1, "6/6 intact", "done")]
    runs = json.loads(octet(house, "ls", house.mine / "second.yaml", "--json"))
    assert runs["runs"][0]["made"] == ALL[1:]
    assert [row["stage"] for row in runs["stages"]] == ALL
    assert len(json.loads(octet(house, "ls", "--artifacts", "--json"))) == 11


def test_ls_takes_the_name_that_it_prints(house):
    elsewhere = house.put("elsewhere/third.yaml", "data: 3\n")
    assert house.luigi("--recipe", str(elsewhere)).code == 3
    house.put("elsewhere/faces.yaml", "data: 3\n")  # its name is that of another, in the folder of recipes
    assert house.luigi("--recipe", str(house.mine / "elsewhere" / "faces.yaml")).code == 3
    names = [line.split()[0] for line in octet(house, "ls").splitlines()[1:]]
    assert sorted(names) == [str(house.mine / "elsewhere" / "faces.yaml"), "faces", "second", "third"]
    for name in names:
        shown = octet(house, "ls", name)
        assert ("exit 3: " in shown) == ("elsewhere" in name or name == "third"), shown
    assert "third.yaml:1:1" in octet(house, "why", "third", code=3)
    shutil.rmtree(str(house.mine / "elsewhere"))


@pytest.mark.parametrize("name", ["typo.yaml", "no/such.yaml", "typo"])
def test_ls_of_a_recipe_that_is_none_is_an_error(house, name):
    assert name in octet(house, "ls", name, code=3)


def test_ls_fits_100_columns_whatever_a_failed_run_has_to_say(house):
    house.put("long.yaml", "data: {dataset: image_folder, args: {path: %s}}\nmodel: {build: lenet}\n" % ("x" * 120))
    assert house.luigi(recipe="long").code != 0
    try:
        for words in ([], ["long"], ["faces"], ["--artifacts"]):
            lines = octet(house, "ls", *words).split("\n\nrun ")[0].splitlines()
            assert len(lines) > 1 and max(map(len, lines)) <= 100, lines
    finally:
        (house.mine / "long.yaml").unlink()


def test_refused_runs_take_no_place_of_those_that_gc_keeps(house):
    path = house.mine / "faces.yaml"
    text = path.read_text()
    try:
        path.write_text("data: 3\n")
        for _ in range(4):
            assert house.luigi().code == 3
        path.write_text(text.replace("train: {epochs: 1}", "train: {epochs: 2}"))  # nothing is fresh for it
        assert json.loads(octet(house, "gc", "--json")) == []
        assert json.loads(octet(house, "gc", "--runs", "0", "--json")) != []
    finally:
        path.write_text(text)
