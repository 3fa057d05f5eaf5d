"""`octet why` and `octet ls`."""

import json
import shutil

import pytest

from tests.pipeline.cli.verbs.on_a_store import ALL, FLOAT, artifact, octet


def test_why_of_all_recipes_names_the_stale_ones(checkout):
    (artifact(checkout, "EvalGraph", "second") / "manifest.json").unlink()
    lines = octet(checkout, "why", "--all").splitlines()
    second = [line for line in lines if line.startswith("second:")]
    assert second[0].split()[:3] == ["second:", "EvalGraph", "stale"] and "manifest.json missing" in second[0]
    assert "own:" in lines[0]  # which never ran
    assert lines[-1] == "1 recipes are fresh, 2 are not"


def test_why_of_an_unknown_stage_suggests_the_nearest(checkout):
    assert "did you mean 'Freeze'?" in octet(checkout, "why", checkout.mine / "faces.yaml", "Freez", code=2)


def test_ls_lists_recipes_runs_and_stages(checkout):
    rows = json.loads(octet(checkout, "ls", "--json"))
    assert [(row["recipe"], row["run"], row["stages"], row["state"]) for row in rows] == [
        ("faces", 1, "12/12 intact", "done"), ("second", 1, "12/12 intact", "done")]
    runs = json.loads(octet(checkout, "ls", checkout.mine / "second.yaml", "--json"))
    assert runs["runs"][0]["made"] == FLOAT[1:]
    assert [row["stage"] for row in runs["stages"]] == ALL
    assert len(json.loads(octet(checkout, "ls", "--artifacts", "--json"))) == 19


def test_ls_accepts_the_names_that_it_prints(checkout):
    elsewhere = checkout.put("elsewhere/third.yaml", "data: 3\n")
    assert checkout.luigi("--recipe", str(elsewhere)).code == 3
    checkout.put("elsewhere/faces.yaml", "data: 3\n")  # another recipe in recipes/ has the same name
    assert checkout.luigi("--recipe", str(checkout.mine / "elsewhere" / "faces.yaml")).code == 3
    names = [line.split()[0] for line in octet(checkout, "ls").splitlines()[1:] if not line.startswith(" ")]
    assert sorted(names) == [str(checkout.mine / "elsewhere" / "faces.yaml"), "faces", "second", "third"]
    for name in names:
        shown = octet(checkout, "ls", name)
        assert ("exit 3: " in shown) == ("elsewhere" in name or name == "third"), shown
    assert "third.yaml:1:1" in octet(checkout, "why", "third", code=3)
    shutil.rmtree(str(checkout.mine / "elsewhere"))


@pytest.mark.parametrize("name", ["typo.yaml", "no/such.yaml", "typo"])
def test_ls_of_an_unknown_recipe_is_an_error(checkout, name):
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
