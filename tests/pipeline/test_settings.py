"""The settings in luigi.cfg."""

import pytest

from octet.errors import UsageError
from pipeline import settings


@pytest.mark.parametrize("name", ["store", "recipes", "recipe"])
def test_a_path_that_is_empty_is_refused(name, tmp_path, monkeypatch):
    config = tmp_path / "luigi.cfg"
    monkeypatch.setenv("LUIGI_CONFIG_PATH", str(config))
    config.write_text("[octet]\n{} =\n".format(name))
    with pytest.raises(UsageError) as refused:
        settings.load()
    assert refused.value.where == str(config)
    config.write_text("[octet]\n")  # as the error says
    settings.load()


@pytest.mark.parametrize("path", ["%(x)s", "~/store", "~", "~other/store", "$HOME/store", "/data/${USER}/store"])
def test_a_path_is_not_made_of_names_that_other_programs_replace(path, tmp_path, monkeypatch):
    config = tmp_path / "luigi.cfg"
    monkeypatch.setenv("LUIGI_CONFIG_PATH", str(config))
    config.write_text("[octet]\nstore = {}\n".format(path))
    with pytest.raises(UsageError, match="is not replaced here"):
        settings.load()


@pytest.mark.parametrize("path", ["100%/store", "a~b/store", "store~", "/data/(x)/s", "a$"])
def test_a_path_may_have_odd_letters(path, tmp_path, monkeypatch):
    config = tmp_path / "luigi.cfg"
    monkeypatch.setenv("LUIGI_CONFIG_PATH", str(config))
    config.write_text("[octet]\nstore = {}\n".format(path))
    assert settings.load().store == tmp_path / path


def test_a_key_that_has_no_effect_is_refused(tmp_path, monkeypatch):
    config = tmp_path / "luigi.cfg"
    monkeypatch.setenv("LUIGI_CONFIG_PATH", str(config))
    config.write_text("[octet]\nprocessor = 1\n")
    with pytest.raises(UsageError) as refused:
        settings.load()
    assert refused.value.next_step.startswith("did you mean 'processors'?")
    config.write_text("[DEFAULT]\nmine = 1\n[octet]\nprocessors = 1\n")  # a default is meant for all sections
    assert settings.load().processors == 1


@pytest.mark.parametrize("comment", ["  # mine", " ; mine"])
def test_a_comment_behind_a_value_is_refused(comment, tmp_path, monkeypatch):
    config = tmp_path / "luigi.cfg"
    monkeypatch.setenv("LUIGI_CONFIG_PATH", str(config))
    config.write_text("[octet]\nstore = here{}\n".format(comment))
    with pytest.raises(UsageError, match="a comment behind the value"):
        settings.load()
    config.write_text("[octet]\n{}\nstore = here\n".format(comment.strip()))  # as the error says
    assert settings.load().store == tmp_path / "here"


def test_the_settings_in_the_documentation_can_be_copied(tmp_path, monkeypatch):
    page = (settings.ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
    shown = page[page.index("    [octet]"):page.index("The file is looked for")]
    (tmp_path / "luigi.cfg").write_text("\n".join(line[4:] for line in shown.splitlines()))
    monkeypatch.setenv("LUIGI_CONFIG_PATH", str(tmp_path / "luigi.cfg"))
    assert settings.load()._replace(config_path=None) == settings.Settings(
        None, "mnist", tmp_path / "store", tmp_path / "recipes", 14, 2)
