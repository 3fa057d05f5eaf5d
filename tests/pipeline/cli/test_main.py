"""The `octet` command on a real store."""

import pytest

from octet.errors import StoreError
from pipeline.cli import main
from pipeline.store.artifacts import Store


@pytest.fixture
def store(tmp_path, monkeypatch):
    (tmp_path / "luigi.cfg").write_text("[octet]\nstore = store\n")
    monkeypatch.setenv("LUIGI_CONFIG_PATH", str(tmp_path / "luigi.cfg"))
    return Store(tmp_path / "store")


def publish(store):
    workspace = store.workspace("Freeze", "f" * 64)
    for name in ("frozen.pb", "network.json"):
        (workspace / name).write_text(name)
    return store.publish(workspace, "Freeze", "f" * 64, {
        "inputs": {"recipe": {"seed": 1}, "data": {"test": "d" * 64}, "source": {"a.py": "a" * 64},
                   "versions": {"numpy": "1"}, "upstream": {}},
        "metrics": {"accuracy": {"float": 0.5}}, "git": {"commit": "abc", "dirty": True},
        "finished": "2026-01-01T00:00:00Z"})


@pytest.mark.parametrize("words, told", [
    (["chek", "digits"], "no command named 'chek'\n    the first word must be a command\n    did you mean 'check'?"),
    (["check", "--foo"], "octet check  no option --foo"),
    (["check", "digits", "--jsn"], "no option --jsn\n"
     "    did you mean '--json'?"),
    (["check"], "the following arguments are required: recipe"), ([], "arguments are required: COMMAND"),
    (["--foo"], "octet --foo  no option --foo"),
    (["ls", "a", "b"], "octet ls  'b' is an extra word")])
def test_unknown_words_are_reported_without_the_usage(store, capsys, words, told):
    assert main.main(words) == 2
    said = capsys.readouterr()
    assert told in said.err and 2 <= len(said.err.splitlines()) <= 3 and said.out == ""


@pytest.mark.parametrize("words, told", [
    (["pin", "nothing", "--reason", "-5"], "nothing"), (["gc", "--runs", "-1"], "-1"),
    (["pin", "nothing", "--reason", "-- labels were wrong"], "nothing"), (["trace", "--", "-x.tflite"], "-x.tflite")])
def test_what_is_a_value_to_the_parser_is_no_option(store, capsys, words, told):
    assert main.main(words) != 0
    said = capsys.readouterr().err
    assert told in said and "no option" not in said


def test_ls_of_an_empty_store_says_so(store, capsys):
    assert main.main(["ls", "--artifacts"]) == 0
    assert "no artifacts" in capsys.readouterr().out


def test_ls_shows_stage_key_and_metrics(store, capsys):
    publish(store)
    assert main.main(["ls", "--artifacts"]) == 0
    out = capsys.readouterr().out
    assert "Freeze" in out and "f" * 12 in out and "accuracy.float=0.5" in out and "intact" in out


def test_trace_finds_a_copy_by_its_content(store, tmp_path, capsys):
    publish(store)
    (tmp_path / "copy.pb").write_text("frozen.pb")
    assert main.main(["trace", str(tmp_path / "copy.pb")]) == 0
    out = capsys.readouterr().out
    assert "d" * 64 in out and "abc with changes" in out and "a.py" not in out
    assert main.main(["trace", str(tmp_path / "copy.pb"), "--all"]) == 0
    out = capsys.readouterr().out
    assert "a.py" in out and "abc, with changes" in out


def test_trace_of_a_stranger_is_an_error(store, tmp_path, capsys):
    (tmp_path / "stranger").write_text("?")
    assert main.main(["trace", str(tmp_path / "stranger")]) == StoreError.exit_code
    assert "no artifact holds this file" in capsys.readouterr().err


def test_every_verb_is_listed_with_its_help(capsys):
    with pytest.raises(SystemExit):
        main.main(["--help"])
    helped = capsys.readouterr().out
    assert set(main.verbs()) >= {"check", "ls", "why", "trace", "diff", "verify", "gc", "pin", "force", "accept"}
    assert all("\n    {} ".format(verb) in helped for verb in main.verbs())
