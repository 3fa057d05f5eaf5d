"""Files and folders that a user names are written completely or not at all."""

import pytest

from octet.errors import StoreError, UsageError
from pipeline.files import new_files


def test_a_folder_that_was_not_filled_is_not_there(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        with new_files.folder(tmp_path / "made", "octet export") as folder:
            (folder / "first").write_text("1")
            assert not (tmp_path / "made").exists()
            raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []
    with new_files.folder(tmp_path / "made", "octet export") as folder:
        (folder / "first").write_text("1")
    assert [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")] == ["made", "made/first"]


def test_what_another_process_has_put_there_meanwhile_is_not_written_over(tmp_path):
    with pytest.raises(UsageError, match="exists already"):
        with new_files.folder(tmp_path / "made", "octet export"):
            (tmp_path / "made").mkdir()
    assert [path.name for path in tmp_path.iterdir()] == ["made"]


def test_a_file_that_could_not_be_written_is_not_there(tmp_path):
    with pytest.raises(UnicodeEncodeError):
        new_files.write(tmp_path / "recipe.yaml", "\udcff", "octet new")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(StoreError, match="File name too long"):
        new_files.write(tmp_path / ("n" * 300), "", "octet new")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UsageError, match="exists already"):
        new_files.write(tmp_path / "link", "", "octet new")
    assert not (tmp_path / "elsewhere").exists()
