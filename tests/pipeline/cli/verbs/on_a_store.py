"""Helpers with which the tests of verbs read a store."""

import json

from pipeline.stage_specs import upward
from pipeline.store.artifacts import Store

ALL = list(upward("ValidateInterpreter"))
PREPARED, FLOAT = ALL[:3], ALL[4:]


def octet(checkout, *words, code=0):
    done = checkout.octet(*words)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout if code == 0 else done.stdout + done.stderr


def artifact(checkout, stage, recipe="faces"):
    """The folder of the last artifact of a recipe's newest run."""
    stages = json.loads(octet(checkout, "ls", checkout.mine / (recipe + ".yaml"), "--json"))["stages"]
    key, = [row["key"] for row in stages if row["stage"] == stage]
    return Store(checkout.store).artifact(stage, key)


def trace(checkout, *words):
    return json.loads(octet(checkout, "trace", *words, "--json"))


def gone(checkout):
    store = Store(checkout.store)
    return sorted(stage for stage, key in store.list() if store.state(stage, key) == "dropped")


def without_second(checkout, *words):
    """Runs the command while the recipe `second` is missing."""
    (checkout.mine / "second.yaml").rename(checkout.mine / "second.kept")
    try:
        return octet(checkout, *words)
    finally:
        (checkout.mine / "second.kept").rename(checkout.mine / "second.yaml")
