"""A small sample of the table. `python -m tests.attacks` runs all of it."""

import json
from pathlib import Path

import pytest

from octet import digest
from tests.attacks import judge, table
from tests.attacks.__main__ import known, run
from tests.attacks.situation import Situation, spread
from tests.attacks.situation_folder import Place, listing
from tests.attacks.substitutes import BYTES, THINGS

SAMPLE = 2
"""The number of situations of each kind."""
SLOW = ("/huge/", "memory", "endless/", "schedulers", "many", "elif", "address-space")


def sample():
    """[(kind, name)]: a few fast situations of each kind."""
    chosen = []
    for kind in table.names():
        light = [
            situation
            for name, situation in table.of(kind).items()
            if not any(word in kind + "/" + name for word in SLOW)
        ]
        chosen += [(kind, situation.name) for situation in spread(light, SAMPLE)]
    return chosen


@pytest.fixture(scope="module")
def results():
    """{(kind, name): result} of the sample, run by two workers."""
    return {(result["kind"], result["name"]): result for result in run(sample(), workers=2)}


@pytest.mark.parametrize("kind", table.names())
def test_a_sample_of_each_kind_breaks_no_rule(kind, results):
    wrong = {
        name: result["faults"]
        for (of, name), result in results.items()
        if of == kind and result.get("faults") and (kind, name) not in known()
    }
    assert wrong == {}


def test_the_table_has_enough_situations_of_each_kind():
    assert sum(len(table.of(kind)) for kind in table.names()) >= 1500


def test_known_failures_are_situations_of_the_table():
    assert [named for named in known() if named[1] not in table.of(named[0])] == []


@pytest.mark.parametrize("thing", list(THINGS.values()) + list(BYTES.values()), ids=list(THINGS) + list(BYTES))
def test_nothing_outside_its_folder_is_damaged(thing, tmp_path):
    (tmp_path / "situation").mkdir()
    outside = tmp_path / "canary"
    outside.mkdir()
    (outside / "kept").write_text("kept")
    (tmp_path / "situation" / "way-out").symlink_to(outside)
    place = Place(tmp_path, tmp_path / "situation")
    for target in (
        outside / "kept",
        tmp_path / "situation" / "way-out" / "kept",
        Path("/etc/hostname-of-nobody"),
        tmp_path / "situation" / ".." / "canary" / "kept",
    ):
        with pytest.raises(PermissionError):
            thing(place, target)
    assert (outside / "kept").read_text() == "kept"


@pytest.fixture
def place(tmp_path):
    """A situation whose store has one artifact with one product."""
    (tmp_path / "keys.json").write_text(json.dumps({"faces": {"Freeze": "0" * 64}}))
    place = Place(tmp_path, tmp_path / "situation")
    artifact = place.artifact("Freeze")
    artifact.mkdir(parents=True)
    (artifact / "frozen.pb").write_text("right")
    (artifact / "manifest.json").write_text("{}")
    (place.root / "canary").mkdir()
    return place


def faults_of(place, code=0, said="said", hung="", left=(), change=lambda: None, **situation):
    products = {"faces": {"Freeze": {"frozen.pb": digest.of_bytes(b"right")}}}
    before = listing(place.root)
    change()
    return judge.faults(
        place,
        Situation("tried", ("luigi", "Freeze"), **situation),
        judge.Outcome(code, said, 1.0, hung, list(left)),
        before,
        listing(place.root),
        products,
    )


def test_the_rules_accept_a_correct_end(place):
    assert faults_of(place) == [] and faults_of(place, code=3, codes=(3,)) == []


@pytest.mark.parametrize(
    "what, told",
    [
        (dict(said="Traceback (most recent call last):\n  ...\nKeyError: 7", code=1), "traceback: KeyError: 7"),
        (dict(code=1, said=" \n"), "exit code 1 without a word"),
        (dict(code=-11), "ended by signal 11"),
        (dict(code=None, hung="no end within 10 s"), "no end within 10 s"),
        (dict(code=2, codes=(0, 11)), "exit code 2, and not"),
        (dict(left=["sleep 600"]), "left running: sleep 600"),
        (dict(says="disk"), "does not say 'disk'"),
    ],
)
def test_the_rules_reject_a_wrong_end(place, what, told):
    (fault,) = faults_of(place, **what)
    assert fault.startswith(told)


def test_the_rules_reject_a_byte_that_changed_elsewhere(place):
    (fault,) = faults_of(place, change=lambda: (place.root / "canary" / "new").write_text("x"))
    assert fault == "changed outside the store: canary/new"
    assert faults_of(place, change=lambda: (place.store / "new").write_text("x")) == []


def test_the_rules_reject_an_artifact_that_is_complete_and_wrong(place):
    (place.artifact("Freeze") / "frozen.pb").write_text("wrong")
    assert "frozen.pb of Freeze is other than in an undisturbed run" in faults_of(place)[0]
    assert faults_of(place, code=11) == []  # it does not say that it is complete
    assert "published as Freeze" in faults_of(place, code=11, undamaged=True)[0]
