"""Imports the parts of tf.contrib that Octet uses. Loading all of tf.contrib takes 0.35 CPU seconds.

User code that imports tf.contrib, or uses it as an attribute of `tensorflow`, still loads all of it.
"""

import importlib
import sys
from contextlib import contextmanager
from importlib.machinery import PathFinder
from importlib.util import module_from_spec
from typing import Iterator

import tensorflow as tf
from tensorflow.python.framework import op_def_registry

NAME = "tensorflow.contrib"


@contextmanager
def _without_its_init() -> Iterator[None]:
    """Within the block, imports of modules of tf.contrib do not run its `__init__`, which imports all of them. The next
    import of tf.contrib after the block runs it."""
    if NAME in sys.modules:
        yield
        return
    spec = PathFinder.find_spec(NAME, sys.modules["tensorflow"].__path__)
    if spec is None:
        raise ImportError("no module named {!r}".format(NAME))
    sys.modules[NAME] = module_from_spec(spec)
    try:
        yield
    finally:
        del sys.modules[NAME]


with _without_its_init():
    from tensorflow.contrib.quantize.python import common, quant_ops, quantize, quantize_graph

__all__ = ["common", "expect_operations", "quant_ops", "quantize", "quantize_graph"]


def expect_operations(graph_def: tf.GraphDef) -> None:
    """Loads all of tf.contrib where the graph has an operation that only tf.contrib registers: user code in another
    process may have used tf.contrib to build it."""
    known = op_def_registry.get_registered_ops()
    functions = {function.signature.name for function in graph_def.library.function}
    nodes = [graph_def.node] + [function.node_def for function in graph_def.library.function]
    if any(node.op not in known and node.op not in functions for some in nodes for node in some):
        importlib.import_module(NAME)
