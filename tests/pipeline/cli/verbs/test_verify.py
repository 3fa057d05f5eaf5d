"""`octet verify` finds damage and puts it into quarantine."""

import os

from tests.pipeline.checkout import damage
from tests.pipeline.cli.verbs.on_a_store import artifact, octet


def test_verify_of_a_sound_store_is_quiet(checkout):
    assert octet(checkout, "verify") == "19 artifacts read, 0 damaged\n"


def test_a_missing_store_is_not_reported_as_undamaged(checkout, tmp_path):
    checkout.use_store(tmp_path / "not mounted")
    said = octet(checkout, "verify", code=11)
    assert "there is no store" in said and str(tmp_path / "not mounted") in said
    run = checkout.luigi("--set", "train.epochs=none")
    assert run.code == 3, run.said
    assert "note: the store {} does not exist yet".format(tmp_path / "not mounted") in run.said


def test_verify_finds_quarantines_and_says_so_in_its_exit_code(checkout):
    path = artifact(checkout, "Freeze") / "frozen.pb"
    stat = path.stat()
    damage(path, bytes([path.read_bytes()[0] ^ 1]) + path.read_bytes()[1:])
    assert path.stat().st_mtime_ns == stat.st_mtime_ns
    assert "output frozen.pb damaged: sha256 differs" in octet(checkout, "verify", "--keep", code=11)
    assert "in quarantine" in octet(checkout, "verify", code=11)
    assert not path.exists() and len(os.listdir(str(checkout.store / "quarantine"))) == 1
    octet(checkout, "verify")
    assert checkout.luigi().made == ["Freeze"]


def test_verify_reports_a_lost_by_product_and_a_damaged_source(checkout):
    (artifact(checkout, "TrainFloat") / "events").unlink()
    source = sorted((checkout.store / "sources").glob("*/*"))[0]
    damage(source, source.read_bytes()[:-9])
    out = octet(checkout, "verify", code=11)
    assert "by-product events missing" in out and "source {}: damaged".format(source.name[:12]) in out
    assert artifact(checkout, "TrainFloat").exists()
    assert "marked as lost" in out and octet(checkout, "verify") == "19 artifacts read, 0 damaged\n"


def test_a_damaged_by_product_is_put_aside_once(checkout):
    path = artifact(checkout, "TrainFloat") / "events"
    damage(path, b"other events")
    assert "by-product events damaged: 12 bytes instead of" in octet(checkout, "verify", "--keep", code=11)
    assert path.exists() and "marked as lost" in octet(checkout, "verify", code=11)
    aside, = (checkout.store / "quarantine").iterdir()
    assert not path.exists() and aside.read_bytes() == b"other events"
    assert octet(checkout, "verify") == "19 artifacts read, 0 damaged\n"
    octet(checkout, "force", checkout.mine / "faces.yaml", "TrainFloat")
    assert checkout.luigi().made == ["TrainFloat"]
    (artifact(checkout, "TrainFloat") / "events").unlink()  # the new artifact has no mark yet
    assert "by-product events missing" in octet(checkout, "verify", code=11)
