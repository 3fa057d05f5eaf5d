import pytest


@pytest.fixture
def inside(tmp_path, monkeypatch):
    """Changes to a new working folder."""
    monkeypatch.chdir(tmp_path)
