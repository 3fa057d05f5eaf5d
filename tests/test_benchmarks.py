"""Imports the benchmarks, which no other test runs."""

import subprocess
import sys

from tests.pipeline.checkout import ROOT

IMPORT_ALL = """
import importlib, pkgutil
import benchmarks
for module in pkgutil.iter_modules(benchmarks.__path__):
    importlib.import_module("benchmarks." + module.name)
"""


def test_every_benchmark_can_be_imported():
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", IMPORT_ALL], cwd=str(ROOT), stderr=subprocess.PIPE,
                          encoding="utf-8")
    assert done.returncode == 0, done.stderr
