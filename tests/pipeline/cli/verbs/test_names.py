"""Every name that a command prints is accepted by the commands that show a run or an artifact."""

import json
import subprocess

import pytest

from tests.pipeline.cli.verbs.on_a_store import ALL, FLOAT, artifact, octet

# How an artifact of the stage Report, or the run that made it, can be named.
NAMES = {
    "a recipe": lambda checkout, page: "second",
    "a run": lambda checkout, page: "second:1",
    "a stage of a recipe": lambda checkout, page: "second:Report",
    "a stage of a run": lambda checkout, page: "second:1:Report",
    "a key": lambda checkout, page: page.name,
    "digits of a key": lambda checkout, page: page.name[:12],
    "a file": lambda checkout, page: page / "report.html",
}
SHOWN = {"ls": "{}", "why": "Report ", "report": "second-{}.html", "trace": "recipe    second",
         "data": "samples: 8 train, 2 validation, 4 test",
         "diff": "quantize.learning_rate 0.002 -> 0.0001", "compare": "quantize.learning_rate"}
"""{verb: what it prints}; {} is for the first digits of the page's key."""


@pytest.mark.parametrize("verb", SHOWN)
@pytest.mark.parametrize("name", NAMES)
def test_each_way_to_name_a_page_is_accepted(built, name, verb):
    page = artifact(built, "Report", "second")
    words = [NAMES[name](built, page)]
    shown = octet(built, verb, *words, *(["faces"] if verb in ("diff", "compare") else []))
    assert SHOWN[verb].format(page.name[:12]) in shown


@pytest.mark.parametrize("words", [["check"], ["force", "TrainQAT"], ["accept", "TrainQAT"]], ids=" ".join)
def test_a_command_that_needs_a_recipe_as_it_is_now_refuses_a_run_or_an_artifact(built, words):
    page = artifact(built, "Report", "second")
    for name in sorted(set(NAMES) - {"a recipe"}):
        refused = octet(built, words[0], NAMES[name](built, page), *words[1:], code=2)
        assert "the command needs a recipe as it is now" in refused
        assert ("name the recipe: second" in refused) == (name not in ("a key", "digits of a key", "a file")), name


def test_a_folder_with_the_name_of_a_recipe_does_not_hide_the_recipe(built, tmp_path):
    (tmp_path / "second").mkdir()
    for words in (["why", "second", "TrainQAT"], ["data", "second"]):
        command = [str(built.python), "-m", "pipeline.cli.main"] + words
        seen = [subprocess.run(command, cwd=folder, env=built.environment, timeout=60, capture_output=True, text=True)
                for folder in ("/", str(tmp_path))]
        assert seen[0].returncode == 0 and seen[1].stdout == seen[0].stdout, seen


def test_a_run_by_number_is_what_was_recorded_and_not_the_recipe_as_it_is_now(checkout):
    before = artifact(checkout, "Report", "second")
    recipe = checkout.mine / "second.yaml"
    text = recipe.read_text()
    try:
        recipe.write_text(text.replace("0.002", "0.003"))
        assert "no complete page" in octet(checkout, "report", "second", code=11)
        assert before.name[:12] in octet(checkout, "report", "second:1")
        assert checkout.luigi(recipe="second").code == 0
        assert before.name[:12] not in octet(checkout, "report", "second:2")
        assert before.name[:12] in octet(checkout, "report", "second:1")
        of_run = json.loads(octet(checkout, "ls", "second:1", "--json"))
        assert [row["run"] for row in of_run["runs"]] == [1] and [row["stage"] for row in of_run["stages"]] == ALL
        why = json.loads(octet(checkout, "why", "second:2", "--json"))
        assert [stage for stage, said in why.items() if said["state"] == "made"] == FLOAT[1:]
        assert [said["state"] for said in why.values()] == ["fresh"] * 5 + ["made"] * 7
        assert not any("runs only if" in reason for said in why.values() for reason in said["reasons"])
        assert why["TrainQAT"]["reasons"] == ["quantize.learning_rate 0.002 -> 0.003"]
        assert octet(checkout, "why", "second:2", "TrainQAT").split()[:2] == ["TrainQAT", "made"]
    finally:
        recipe.write_text(text)


@pytest.mark.parametrize("words, code, said", [
    (["why", "second:1", "Export"], 2, "Export has no part in it"),
    (["why", "second:1", "--set", "train.epochs=3"], 2, "--set changes a recipe"),
    (["report", "second:9"], 2, "no run 9 of second"),
    (["ls", "sceond:1"], 3, "did you mean 'second'?"),
    (["report", "second:TrainFloat"], 11, "there is no Report of it"),
    (["export", "second:1", "folder"], 11, "there is no Export of it"),
    (["data", "second:1", "--sheet", "some.png"], 2, "--sheet needs a recipe"),
    (["data", "second:PrepareData.test"], 11, "there is no SummarizeData of it"),
    (["why", "abcdef"], 2, "no artifact has this name"),
])
def test_what_is_not_there_is_reported(built, words, code, said):
    assert said in octet(built, *words, code=code)
