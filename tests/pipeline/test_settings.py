"""What luigi.cfg sets."""

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
