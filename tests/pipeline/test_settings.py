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
