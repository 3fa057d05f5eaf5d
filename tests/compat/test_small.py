import pytest

from tests.compat import __main__ as compat
from tests.compat import recipes

NAMES = ["conv_linear", "conv_bias_bn_relu"]


@pytest.mark.slow
def test_rows_of_networks_that_went_through_the_stages_in_one_recipe(tmp_path, monkeypatch):
    monkeypatch.setattr(compat, "FOLDER", tmp_path)
    monkeypatch.setattr(compat, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(compat, "ENVIRONMENT", dict(compat.ENVIRONMENT, LUIGI_CONFIG_PATH=str(tmp_path / "luigi.cfg")))
    recipes.written(tmp_path)
    (tmp_path / "luigi.cfg").write_text(compat.CONFIG)
    (tmp_path / "results").mkdir()
    compat._tiny(NAMES, run=True)
    for name in NAMES:
        row = compat._saved(name)
        assert "error" not in row and row["local_lsb"] <= 1 and not row["wrong"], row
