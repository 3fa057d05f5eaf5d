"""An interrupt in the middle of work that cannot be interrupted."""

import subprocess
import sys

import pytest

from tests.pipeline.checkout import ROOT

# pydantic's compiled code turns an exception from a signal handler into a panic, which `except Exception` misses.
SCRIPT = """
import os, signal, sys, threading, time
sys.path.insert(0, {root!r})
from pathlib import Path
from octet.recipe import loading

def interrupt():
    while "pydantic" not in sys.modules:
        time.sleep(0.0005)
    time.sleep({after})
    os.kill(os.getpid(), signal.{name})

class Terminated(BaseException):
    pass

def terminate(number, frame):
    raise Terminated

signal.signal(signal.SIGTERM, terminate)
threading.Thread(target=interrupt, daemon=True).start()
try:
    loading.load(Path({recipe!r}))
    time.sleep(5)
except (KeyboardInterrupt, Terminated):
    sys.exit(42)
"""


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
@pytest.mark.parametrize("after", [0.02, 0.1, 0.2, 0.3])
def test_an_interrupt_while_the_schema_is_made_is_an_interrupt(name, after, tmp_path):
    script = SCRIPT.format(root=str(ROOT), recipe=str(ROOT / "recipes" / "digits.yaml"), name=name, after=after)
    done = subprocess.run([sys.executable, "-c", script], stderr=subprocess.PIPE, text=True, timeout=60,
                          env={"PATH": "/usr/bin:/bin", "OCTET_CACHE": str(tmp_path), "HOME": str(tmp_path)})
    assert (done.returncode, done.stderr) == (42, "")
