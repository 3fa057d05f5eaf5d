"""A small network through the whole quantization path without training: calibrated, frozen, converted, run."""

import os
import sys
import tempfile
from pathlib import Path
from typing import Dict, List, NamedTuple
from unittest import mock

import numpy as np
import tensorflow as tf

from tasks import network as net
from tasks.quantize import constants, coverage, plan, weights
from tasks.tflite import audit, interpreter, toco
from tasks.tflite import contents as tflite_contents

BATCHES = 3


class Converted(NamedTuple):
    """A network's uint8 file and its fake-quantized graph, and what both make of the same images.

    codes: uint8 per output; fake_quantized: the same outputs of the frozen graph, float32.
    lsb: the largest difference of the two, in units of the output's scale, per output.
    """

    content: bytes
    frozen: tf.GraphDef
    network: Dict
    ranges: List[coverage.Range]
    codes: List[np.ndarray]
    fake_quantized: List[np.ndarray]
    lsb: List[float]


def session_of(graph: tf.Graph) -> tf.Session:
    """A session that runs the graph as it is written: of one that runs a time or two, optimizing is most of the
    work."""
    config = tf.ConfigProto()
    config.graph_options.rewrite_options.disable_meta_optimizer = True
    return tf.Session(graph=graph, config=config)


def calibrated(graph_def, network, codes):
    """(frozen fake-quantized graph, network, coverage): ranges from `codes`, uint8 [N, ...] per input."""
    folded = plan.folded(graph_def, network)
    training = plan.rewritten(folded, network, training=True)
    with training.graph.as_default(), session_of(training.graph) as session:
        saver = tf.train.Saver(tf.global_variables())
        session.run(tf.global_variables_initializer())
        for number in range(BATCHES):
            feed = {tensor: net.real(end, values[number::BATCHES])
                    for tensor, end, values in zip(training.inputs, network["inputs"], codes)}
            feed[training.momentum] = 1 / (number + 1)
            session.run(training.outputs, feed)
        with tempfile.TemporaryDirectory() as folder:
            path = saver.save(session, folder + "/variables", write_meta_graph=False)
            evaluation = plan.rewritten(folded, network, training=False)
            nodes = [tensor.op.name for tensor in evaluation.outputs]
            with evaluation.graph.as_default(), session_of(evaluation.graph) as evaluating:
                tf.train.Saver(tf.global_variables()).restore(evaluating, path)
                frozen = tf.graph_util.convert_variables_to_constants(
                    evaluating, evaluation.graph.as_graph_def(), nodes)
    network = dict(network, outputs=[dict(end, node=node) for end, node in zip(network["outputs"], nodes)])
    return weights.keep_codes(constants.fold(frozen, nodes)), network, training.ranges


def convert(graph_def, network, codes) -> Converted:
    """The network, calibrated on `codes` (uint8 [N, ...] per input), as a file that was audited and run."""
    frozen, network, ranges = calibrated(graph_def, network, codes)
    # toco is found through PATH; whoever starts a stage's process puts it there.
    path = os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"]
    with tempfile.TemporaryDirectory() as folder, mock.patch.dict(os.environ, PATH=path):
        net.write_graph(Path(folder) / "frozen.pb", frozen)
        content = toco.convert(Path(folder) / "frozen.pb", network, uint8=True)
    contents = tflite_contents.read(content)
    audit.fully_uint8(contents, network, frozen)
    found = interpreter.over(content, contents, codes, lambda fraction: None)
    scales = [(contents.tensors[index].scale, contents.tensors[index].zero_point) for index in contents.outputs]
    expected = run(frozen, network, codes)
    lsb = [float(np.max(np.abs((ours.astype(np.float64) - zero_point) - theirs / scale)))
           for ours, theirs, (scale, zero_point) in zip(found, expected, scales)]
    return Converted(content, frozen, network, ranges, found, expected, lsb)


def run(graph_def, network, codes):
    """The outputs of a graph of constants for codes, uint8 [N, ...] per input."""
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(graph_def, name="")
        with session_of(graph) as session:
            return session.run(net.tensors(graph, network, "outputs"), {
                tensor: net.real(end, values) for tensor, end, values in zip(
                    net.tensors(graph, network, "inputs"), network["inputs"], codes)})
