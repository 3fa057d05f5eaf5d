import pytest


@pytest.fixture
def inside(tmp_path, monkeypatch):
    """The working folder is a new one."""
    monkeypatch.chdir(tmp_path)
