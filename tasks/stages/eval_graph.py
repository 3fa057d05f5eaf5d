"""EvalGraph: builds and measures the evaluation graph of the trained network, with fixed ranges.

In:  TrainQAT's network.pb and variables; the part test; the recipe's metrics section.
Out: eval_graph.pb and its variables; network.json, which names its outputs.
"""

import logging
from typing import Any, Dict

import tensorflow as tf

from octet.job import Job, Progress
from tasks import prepared_data
from tasks.evaluation import evaluate_graph
from tasks.evaluation.own_metrics import OwnMetrics
from tasks.graph import io_spec
from tasks.quantize import quantized_graph


def run(job: Job, progress: Progress) -> Dict[str, Any]:
    source = job.input("TrainQAT")
    network = io_spec.read(source)
    quantized, network = quantized_graph.evaluation(io_spec.read_graph(source / "network.pb"), network)
    with quantized.graph.as_default(), tf.Session() as session:
        graph_def = quantized.graph.as_graph_def()
        saver = tf.train.Saver(tf.global_variables())
        saver.restore(session, str(source / "variables"))
        saver.save(session, str(job.out / "variables"), write_meta_graph=False, write_state=False)
        progress(0.1, "evaluating the fake-quantized graph")
        dataset = prepared_data.load(job)
        own = OwnMetrics(job.settings["metrics"], job.recipe_folder)
        figures, warnings = evaluate_graph.measured(
            session, io_spec.named(network, dataset), quantized.inputs, quantized.outputs, dataset.parts["test"],
            "the fake-quantized graph over the test part", own=own)
        measured = own.figures()
    for warning in warnings:
        logging.warning(warning)
        progress(1.0, warning)
    io_spec.write_graph(job.out / "eval_graph.pb", graph_def)
    io_spec.write(job.out, network)
    return {"test": figures, "metrics": measured}
