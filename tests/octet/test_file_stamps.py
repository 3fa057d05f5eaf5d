import os

import pytest

from octet import file_stamps


def put_back(path):
    before, content = path.stat(), path.read_bytes()
    path.write_bytes(b"another")
    path.write_bytes(content)
    os.utime(str(path), ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize("write", [
    put_back, lambda path: path.write_bytes(b"another"), lambda path: path.unlink(),
    lambda path: path.with_name("new.png").write_bytes(b""), lambda path: path.rename(path.with_name("b.png"))],
    ids=["put back", "written", "removed", "added", "renamed"])
def test_a_write_below_a_folder_is_seen(tmp_path, write):
    path = tmp_path / "photos/train/a.png"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"content")
    taken = {"data": (str(tmp_path / "photos"), file_stamps.of(str(tmp_path / "photos")))}
    path.read_bytes()
    assert file_stamps.changed(taken, "data") == []
    write(path)
    assert file_stamps.changed(taken, "data") == [str(tmp_path / "photos")]
    assert file_stamps.changed(taken, "model.") == []


def test_a_checkpoint_is_the_files_of_its_name(tmp_path):
    for ending in (".index", ".data-00000-of-00001"):
        (tmp_path / ("net" + ending)).write_text("1")
    before = file_stamps.of(str(tmp_path / "net"))
    (tmp_path / "network.index").write_text("another")
    assert file_stamps.of(str(tmp_path / "net")) == before
    (tmp_path / "net.index").write_text("22")
    assert file_stamps.of(str(tmp_path / "net")) != before
