"""Freeze: replaces the variables of the evaluation graph by constants.

In:  EvalGraph's eval_graph.pb and variables.
Out: frozen.pb, checked: no variable, no training operation, a constant range in each fake-quant; network.json.
Fails with ConvertError for an operation that no .tflite file can have.
"""

from typing import Any, Dict

import tensorflow as tf

from octet.job import Job, Progress
from tasks.graph import constants, io_spec
from tasks.quantize import freeze_eval_graph


def run(job: Job, progress: Progress) -> Dict[str, Any]:
    source = job.input("EvalGraph")
    network = io_spec.read(source)
    variables = str(source / "variables")
    with tf.Graph().as_default() as graph, tf.Session(graph=graph, config=constants.RUN_ONCE) as session:
        tf.import_graph_def(io_spec.read_graph(source / "eval_graph.pb"), name="")
        tf.train.Saver({name: graph.get_tensor_by_name(name + ":0") for name in sorted(
            tf.train.load_checkpoint(variables).get_variable_to_shape_map())}).restore(session, variables)
        frozen = freeze_eval_graph.freeze(session, io_spec.nodes(network, "outputs"))
    io_spec.write_graph(job.out / "frozen.pb", frozen)
    io_spec.write(job.out, network)
    return {"nodes": len(frozen.node)}
