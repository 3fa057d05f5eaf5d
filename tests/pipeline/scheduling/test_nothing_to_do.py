"""A run that finds everything fresh does not import libraries that only work needs."""

import re
import subprocess
import time

from tests.pipeline.checkout import Checkout

HEAVY = {"numpy", "pydantic", "pydantic_core", "PIL", "rich", "tensorflow"}


def imported(checkout):
    """The top-level modules that the real command imports for a recipe with everything fresh."""
    command = checkout.command()
    done = subprocess.run([command[0], "-X", "importtime"] + command[1:], cwd="/", env=checkout.environment,
                          timeout=120, capture_output=True, text=True)
    assert done.returncode == 0 and "is complete" in done.stdout and ": started" not in done.stderr, done.stderr
    return set(re.findall(r"^import time:.*\| +(\w+)[\w.]*$", done.stderr, re.MULTILINE))


def test_nothing_to_do_imports_nothing_that_only_work_needs(tmp_path):
    checkout = Checkout(tmp_path)
    assert checkout.luigi().code == 0
    time.sleep(2.1)  # the digests of files younger than two seconds are not cached
    assert checkout.luigi().made == []
    found = imported(checkout)
    assert {"luigi", "pipeline", "octet"} <= found and not HEAVY & found
    checkout.put("faces.yaml", (checkout.mine / "faces.yaml").read_text() + "# new, and the same values\n")
    assert not HEAVY & imported(checkout)
    checkout.change(checkout.mine / "faces.yaml", "train: {epochs: 1}", "train: {epochs: 1, schedule: cosine}")
    assert HEAVY & imported(checkout) == {"pydantic", "pydantic_core"}
