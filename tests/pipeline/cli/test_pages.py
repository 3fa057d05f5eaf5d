"""Pages that `octet compare` and `octet report` write into the user's cache."""

import pytest

from octet.errors import StoreError
from pipeline.cli.pages import render


def test_a_page_that_cannot_be_put_in_place_leaves_nothing_behind(tmp_path, monkeypatch):
    monkeypatch.setenv("OCTET_CACHE", str(tmp_path))
    assert render.write("good", "<p>whole</p>").read_text() == "<p>whole</p>"
    (tmp_path / "pages" / "taken.html").mkdir()
    with pytest.raises(StoreError) as refused:
        render.write("taken", "<p>lost</p>")
    assert "cannot write the page" in refused.value.what and refused.value.where == str(tmp_path / "pages")
    assert sorted(path.name for path in (tmp_path / "pages").iterdir()) == ["good.html", "taken.html"]
