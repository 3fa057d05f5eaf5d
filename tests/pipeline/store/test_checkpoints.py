"""Checkpoints in the store: they are listed, removed and put aside. Links in their place are never followed."""

import hashlib
import os
import shutil
import time

import pytest

from octet.checkpoint_files import CheckpointFile
from octet.errors import StoreError
from pipeline.store import upkeep
from pipeline.store.artifacts import Store
from tests.pipeline.checkout import Checkout

KEY = "ab" * 32


def put(root, stage, key, epoch, content=b"weights"):
    folder = root / "partial" / stage / key
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / CheckpointFile(epoch, 0, hashlib.sha256(content).hexdigest()).name
    path.write_bytes(content)
    return path


def test_a_damaged_checkpoint_is_put_aside(tmp_path, capfd):
    store = Store(tmp_path / "store")
    whole = put(store.root, "TrainFloat", KEY, 6)
    spoiled = put(store.root, "TrainFloat", KEY, 7)
    spoiled.write_bytes(b"weightz")
    half = whole.parent / ".{}.part".format(spoiled.name)
    half.write_bytes(b"wei")
    assert store.checkpoints.epochs_done("TrainFloat", KEY) == 7
    folder = store.checkpoints.prepare_folder("TrainFloat", KEY)
    assert [path.name for path in folder.iterdir()] == [whole.name]
    assert store.checkpoints.epochs_done("TrainFloat", KEY) == 6
    (aside,) = store.quarantined()
    assert (store.root / "quarantine" / aside).read_bytes() == b"weightz" and aside in capfd.readouterr().err


def test_nothing_is_followed(tmp_path):
    store, outside = Store(tmp_path / "store"), tmp_path / "outside"
    outside.mkdir()
    canary = outside / CheckpointFile(9, 0, hashlib.sha256(b"canary").hexdigest()).name
    canary.write_bytes(b"canary")
    folder = put(store.root, "TrainFloat", KEY, 1).parent
    (folder / canary.name).symlink_to(canary)
    assert store.checkpoints.damaged("TrainFloat", KEY) == [canary.name]
    store.checkpoints.prepare_folder("TrainFloat", KEY)
    assert [path.name[:11] for path in folder.iterdir()] == ["epoch-00001"]
    shutil.rmtree(str(folder))
    folder.symlink_to(outside)
    assert store.checkpoints.epochs_done("TrainFloat", KEY) == 0 and store.checkpoints.unfinished() == []
    assert [place for place, _ in upkeep.misplaced(store)] == ["partial/TrainFloat/" + KEY]
    assert not store.checkpoints.remove("TrainFloat", KEY) and not os.path.lexists(str(folder))
    folder.symlink_to(outside)
    made = store.checkpoints.prepare_folder("TrainFloat", KEY)
    assert made.is_dir() and not made.is_symlink() and list(made.iterdir()) == []
    assert canary.read_bytes() == b"canary"


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path):
    (tmp_path / "store").write_text("no folder")
    with pytest.raises(StoreError):
        Store(tmp_path / "store").checkpoints.prepare_folder("TrainFloat", KEY)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A store without an artifact of TrainFloat, which has a checkpoint after epoch 3."""
    checkout = Checkout(tmp_path_factory.mktemp("checkpoints"))
    run = checkout.luigi(stage="TrainFloat")
    assert run.code == 0, run.said
    return checkout


@pytest.fixture
def begun(checkout):
    """The folder of the checkpoints of the stage that the next run makes."""
    for folder in (checkout.store / "artifacts/TrainFloat").glob("[!.]*"):
        folder.rename(checkout.folder / folder.name)
    key, = [path.name for path in checkout.folder.iterdir() if len(path.name) == 64]
    yield put(checkout.store, "TrainFloat", key, 3).parent
    shutil.rmtree(str(checkout.store / "partial"), ignore_errors=True)


def test_verbs_say_what_it_is_and_verify_finds_no_damage(checkout, begun):
    listed = checkout.octet("ls", "--artifacts").stdout
    assert "interrupted after epoch 3: checkpoints" in listed
    assert "interrupted after epoch 3: checkpoints" in checkout.octet("ls", checkout.mine / "faces.yaml").stdout
    verified = checkout.octet("verify")
    assert verified.returncode == 0 and " 0 damaged" in verified.stdout, verified.stdout
    path, = begun.iterdir()
    path.write_bytes(b"spoiled")
    verified = checkout.octet("verify")
    assert verified.returncode == 0 and path.name + " is not what was written; in quarantine" in verified.stdout
    assert list(begun.iterdir()) == []


def test_force_begins_again(checkout, begun):
    done = checkout.octet("force", checkout.mine / "faces.yaml", "TrainFloat")
    assert done.returncode == 0 and not begun.exists(), done.stderr
    refused = checkout.octet("force", checkout.mine / "faces.yaml", "TrainFloat")
    assert refused.returncode != 0 and "no fresh artifact to force" in refused.stderr


def test_gc_removes_old_checkpoints(checkout, begun):
    assert "checkpoints" not in checkout.octet("gc", "--delete").stdout and begun.exists()
    old = time.time() - 15 * 24 * 3600
    path, = begun.iterdir()
    os.utime(str(path), (old, old))
    assert "checkpoints after epoch 3: would go" in checkout.octet("gc").stdout and begun.exists()
    assert "checkpoints after epoch 3: gone" in checkout.octet("gc", "--delete").stdout and not begun.exists()


def test_an_invalid_number_of_days_is_refused(checkout):
    config = checkout.root / "luigi.cfg"
    text = config.read_text()
    try:
        config.write_text(text.replace("[octet]", "[octet]\nkeep_partial = soon"))
        refused = checkout.octet("gc")
        assert refused.returncode != 0 and "keep_partial: soon is not a number of days" in refused.stderr
        config.write_text(text.replace("[octet]", "[octet]\nkeep_partial = 0.5"))
        assert checkout.octet("gc").returncode == 0
    finally:
        config.write_text(text)


def test_what_is_published_needs_them_no_more(checkout, begun):
    run = checkout.luigi(stage="TrainFloat")
    assert run.code == 0 and "TrainFloat: resumes after epoch 3 of 1" in run.said, run.said
    assert not begun.exists()
