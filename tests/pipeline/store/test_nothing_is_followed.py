"""Links in the store are never followed: whatever is in any place, everything outside stays unchanged.

A situation is a place in a store, a thing that is put there, and a sequence of commands. All of it is below pytest's
temporary folder. Every link leads to a canary beside the store."""

import contextlib
import io
import os
import shutil
import socket
import stat
from pathlib import Path
from typing import Dict, Iterator, List, Tuple

import pytest

from octet.errors import OctetError
from pipeline.store.artifacts import Store
from tests.pipeline.store.full_store import KEY, OTHER, PLACES, SOURCE, STAGE, Situation, octet, publish


def link_to_folder(path: Path, canary: Path) -> None:
    path.symlink_to(canary)


def link_to_file(path: Path, canary: Path) -> None:
    path.symlink_to(canary / "inner" / "treasure")


def link_to_what_is_not_there(path: Path, canary: Path) -> None:
    path.symlink_to(canary / "new")


def link_to_itself(path: Path, canary: Path) -> None:
    path.symlink_to(path)


def fifo(path: Path, canary: Path) -> None:
    os.mkfifo(str(path))


def unix_socket(path: Path, canary: Path) -> None:
    here = os.getcwd()
    os.chdir(str(path.parent))  # the name of a socket has 107 bytes at most
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(path.name[:90])
        os.rename(path.name[:90], path.name)
    finally:
        os.chdir(here)


def device(path: Path, canary: Path) -> None:
    try:
        os.mknod(str(path), stat.S_IFCHR | 0o666, os.makedev(1, 3))
    except PermissionError:
        pytest.skip("only root makes devices")


def other_kind(path: Path, canary: Path) -> None:
    """Puts a file in place of a folder, or a folder with a link in place of a file."""
    if "." in path.name or path.name in ("events", "frozen.pb", "more") or len(path.name) == 64:
        path.mkdir()
        (path / "link").symlink_to(canary)
    else:
        path.write_text("a file")


COMMON = (link_to_folder, fifo)
RARER = (link_to_file, link_to_what_is_not_there, link_to_itself, unix_socket, device, other_kind)


def put(situation: Situation, place: str, thing) -> Path:
    """Replaces what is at the place by `thing`."""
    path = situation.store.root / PLACES[place].format_map({
        "run folder": os.path.dirname(situation.record), "run": situation.record, "two": situation.source[:2],
        "source": situation.source})
    if path.is_dir():
        shutil.rmtree(str(path))
    elif path.exists():
        path.unlink()
    path.parent.mkdir(parents=True, exist_ok=True)
    thing(path, situation.canary)
    return path


def seen(folder: Path) -> Dict[str, Tuple]:
    """Everything about the files below a folder that a careless command could change."""
    found = {}
    for parent, folders, files in os.walk(str(folder)):
        for name in [""] + folders + files:
            path = os.path.join(parent, name)
            status = os.lstat(path)
            content = Path(path).read_bytes() if stat.S_ISREG(status.st_mode) else None
            found[path] = (status.st_mode, status.st_uid, status.st_nlink, status.st_mtime_ns, status.st_ctime_ns,
                           content)
    return found


def look_around(situation: Situation) -> None:
    for argv in (["ls"], ["ls", "--artifacts"], ["gc"], ["gc", "--quarantine"], ["verify", "--keep"], ["pin"],
                 ["trace", "--used-by", "a.py"], ["pin", KEY[:9]],
                 ["trace", str(situation.store.artifact(STAGE, KEY)), "--source", str(situation.folder / "restored")]):
        octet(*argv)


def verify(situation: Situation) -> None:
    octet("verify")
    code, said = octet("verify")
    assert code == 0, said


def delete(situation: Situation) -> None:
    octet("gc", "--delete", "--quarantine", "--runs", "0")


def make_again(situation: Situation) -> None:
    with contextlib.suppress(OctetError), contextlib.redirect_stderr(io.StringIO()):
        publish(situation.store, b"again")
        situation.store.marks.put("forced", STAGE, KEY, {"by": "me"})
        publish(situation.store, b"once more")


def copy(situation: Situation) -> None:
    with contextlib.suppress(OctetError), contextlib.redirect_stderr(io.StringIO()):
        situation.store.discard(situation.store.copy(STAGE, KEY, OTHER))


ORDERS = ((verify, delete, make_again, delete), (delete, verify, make_again), (make_again, delete, verify),
          (look_around, copy, verify, look_around, delete))


def situations() -> Iterator[Tuple]:
    for place in PLACES:
        waits = place in ("a manifest", "a product", "a pin", "a lock", "a log", "a run", "a source")
        for thing in COMMON + RARER:
            yield pytest.param(place, thing, id="{}: {}".format(place, thing.__name__),
                               marks=[pytest.mark.slow] if thing in RARER or thing == fifo and not waits else [])


@pytest.mark.timeout(60)
@pytest.mark.parametrize("place, thing", situations())
def test_what_lies_outside_is_not_touched(situation, place, thing):
    before, stored = seen(situation.canary), situation.folder / "kept"
    shutil.copytree(str(situation.store.root), str(stored), symlinks=True)
    for order in ORDERS:
        shutil.rmtree(str(situation.store.root))
        shutil.copytree(str(stored), str(situation.store.root), symlinks=True)
        put(situation, place, thing)
        for step in order:
            step(situation)
            assert seen(situation.canary) == before, step.__name__
        assert sorted(os.listdir(str(situation.folder))) == sorted(
            {"store", "canary", "kept", "luigi.cfg"} | ({"cache", "restored"} & set(os.listdir(str(situation.folder)))))
        restored = situation.folder / "restored"
        if restored.exists():
            shutil.rmtree(str(restored))


NEEDED = [name for name in PLACES if name not in (
    "a by-product", "the folder of a by-product", "something more in an artifact", "a leftover of another",
    "a note of a drop", "quarantine", "something in quarantine")]


@pytest.mark.parametrize("place", NEEDED)
def test_it_is_put_aside_as_the_link_that_it_is_and_made_again(situation, place):
    put(situation, place, link_to_folder)
    code, said = octet("verify")
    with contextlib.redirect_stderr(io.StringIO()):
        publish(situation.store)
    assert situation.store.state(STAGE, KEY) == "intact"
    if "leftover" in place:
        return  # `verify` leaves what a run may be working in
    aside, = [path for path in (situation.store.root / "quarantine").rglob("*") if path.is_symlink()]
    in_an_artifact = aside.parent.name != "quarantine"
    assert code == 11 and "a symbolic link" in said and str(aside.parent if in_an_artifact else aside) in said
    assert os.readlink(str(aside)) == str(situation.canary)


def strange_names() -> List[str]:
    return ["models/../../../../canary/x", "models/..", "/canary/x", "//canary", "a/../../../x", "../a/../../../x", "",
            ".", "..", "models/", "models//x", "a\0b", "\ud800", "models/./x", "octet/../../x", "a/..", "n" * 300]


@pytest.mark.parametrize("name", strange_names(), ids=repr)
def test_a_source_is_never_restored_outside(situation, name):
    before, store = seen(situation.canary), situation.store
    with store.lock(STAGE, OTHER):
        work = store.workspace(STAGE, OTHER)
        (work / "frozen.pb").write_bytes(b"other graph")
        (work / "network.json").write_text("{}")
        folder = store.publish(work, STAGE, OTHER, {"sources": {name: store.blobs.keep(SOURCE)}})
    code, said = octet("trace", str(folder), "--source", str(situation.folder / "restored" / "deep" / "deep"))
    assert code == 11 and ("leads out of the folder" in said or "File name too long" in said), said
    assert seen(situation.canary) == before and not (situation.folder / "restored" / "deep" / "x").exists()
    assert not list(situation.folder.rglob("x"))


def test_two_sources_of_one_place_are_refused(situation):
    store = situation.store
    with store.lock(STAGE, OTHER):
        work = store.workspace(STAGE, OTHER)
        (work / "frozen.pb").write_bytes(b"other graph")
        (work / "network.json").write_text("{}")
        kept = store.blobs.keep(SOURCE)
        folder = store.publish(work, STAGE, OTHER, {"sources": {"../net.py": kept, "up/net.py": kept}})
    code, said = octet("trace", str(folder), "--source", str(situation.folder / "restored"))
    assert code == 11 and "leads out of the folder" in said


def test_a_root_that_is_a_link_is_followed_once(situation):
    os.rename(str(situation.store.root), str(situation.folder / "elsewhere"))
    (situation.folder / "store").symlink_to(situation.folder / "elsewhere")
    store = Store(situation.folder / "store")
    assert store.state(STAGE, KEY) == "intact" and octet("verify")[0] == 0
    assert octet("trace", str(situation.folder / "store" / PLACES["an artifact"]))[0] == 0
    octet("gc", "--delete", "--runs", "0")
    assert store.state(STAGE, KEY) == "dropped"
