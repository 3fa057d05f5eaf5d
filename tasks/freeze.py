"""Freeze: the evaluation graph with its variables as constants.

In:  EvalGraph's eval_graph.pb and variables.
Out: frozen.pb, proven to hold no variable and no training op, each fake-quant's range a constant;
     network.json.
Fails with ConvertError when something is left that no .tflite file can hold.
"""

import tensorflow as tf
from tensorflow.python.tools.freeze_graph import freeze_graph_with_def_protos

from octet.errors import ConvertError
from octet.job import Job, Progress
from tasks import network as net
from tasks.quantize import constants, weights

FORBIDDEN = ("Variable", "VarHandle", "Assign", "Apply", "ReadVariable", "Save", "Restore")
OURS = "_octet"  # how the attributes begin that a graph carries from pass to pass


def run(job: Job, progress: Progress) -> dict:
    source = job.input("EvalGraph")
    network = net.read(source)
    outputs = net.nodes(network, "outputs")
    frozen = freeze_graph_with_def_protos(
        net.read_graph(source / "eval_graph.pb"), None, str(source / "variables"),
        ",".join(outputs), None, None, "", True, "")
    # The arithmetic of the ranges (of weights, of what a kernel's limits widen) becomes numbers.
    frozen = _plain(weights.keep_codes(constants.fold(frozen, outputs)))
    left = sorted(node.name for node in frozen.node if node.op.startswith(FORBIDDEN))
    if left:
        raise ConvertError("the frozen graph still holds {}".format(", ".join(left)),
                           where="frozen.pb", why="a .tflite file can hold neither variables nor training ops",
                           next_step="please report the network")
    net.write_graph(job.out / "frozen.pb", frozen)
    net.write(job.out, network)
    return {"nodes": len(frozen.node)}


def _plain(graph_def: tf.GraphDef) -> tf.GraphDef:
    """The graph without the attributes by which Octet's own passes speak to each other."""
    for node in graph_def.node:
        for key in [key for key in node.attr if key.startswith(OURS)]:
            del node.attr[key]
    return graph_def
