"""Freeze: the evaluation graph with its variables as constants.

In:  EvalGraph's eval_graph.pb and variables.
Out: frozen.pb, proven to hold no variable and no training op; network.json.
"""

import tensorflow as tf
from tensorflow.python.tools.freeze_graph import freeze_graph_with_def_protos

from octet.errors import ConvertError
from octet.job import Job, Progress
from tasks import network as net

FORBIDDEN = ("Variable", "VarHandle", "Assign", "Apply", "ReadVariable", "Save", "Restore")


def run(job: Job, progress: Progress) -> dict:
    source = job.input("EvalGraph")
    network = net.read(source)
    outputs = net.nodes(network, "outputs")
    frozen = freeze_graph_with_def_protos(
        net.read_graph(source / "eval_graph.pb"), None, str(source / "variables"),
        ",".join(outputs), None, None, "", True, "")
    left = sorted(node.name for node in frozen.node if node.op.startswith(FORBIDDEN))
    if left:
        raise ConvertError("the frozen graph still holds {}".format(", ".join(left)),
                           why="a .tflite file can hold neither variables nor training ops")
    net.write_graph(job.out / "frozen.pb", tf.graph_util.extract_sub_graph(frozen, outputs))
    net.write(job.out, network)
    return {"nodes": len(frozen.node)}
