"""Runs a small, untrained network through the whole quantization path: it is calibrated, frozen, converted and run."""

import math
import tempfile
from typing import Dict, List, NamedTuple
from unittest import mock

import numpy as np
import tensorflow as tf

from tasks.graph import constants, io_spec
from tasks.quantize import freeze_eval_graph, quantized_graph
from tasks.quantize.ir.kernel_groups import FAKE_QUANT
from tasks.quantize.ir.nodes import FLOOR, MARK_ATTR, attribute_of
from tasks.quantize.kernels import uint8_kernels
from tasks.quantize.ranges import coverage
from tasks.tflite import conversion as file_conversion
from tasks.tflite import model_file
from tasks.tflite.interpreter import processes
from tasks.tflite.parity import operators

BATCHES = 3
OFF = 1e-3  # float32 in another order of operations: 1e-4 was the largest difference of 80 random networks
ROUGHLY_OFF = 0.1


class Converted(NamedTuple):
    """A network's uint8 file and its fake-quantized graph, with the results of both for the same images.

    codes: uint8 for each output. fake_quantized: the same outputs of the frozen graph, float32. lsb: the largest
    difference between the two for each output, in units of its scale. unrounded: the same outputs of the training graph
    without rounding, float32."""

    content: bytes
    frozen: tf.GraphDef
    network: Dict
    ranges: List[coverage.RangeSource]
    codes: List[np.ndarray]
    fake_quantized: List[np.ndarray]
    lsb: List[float]
    unrounded: List[np.ndarray]


def session_of(graph: tf.Graph) -> tf.Session:
    """A session that runs the graph without optimizing it."""
    return tf.Session(graph=graph, config=constants.RUN_ONCE)


def calibrated(graph_def, network, codes):
    """(frozen fake-quantized graph, network, coverage, outputs of `unrounded`). The ranges are calibrated on `codes`,
    uint8 [N, ...] for each input."""
    folded = quantized_graph.apply_rewrites(graph_def, network)
    training = quantized_graph.insert_fake_quants(folded, network, training=True)
    exact = unrounded(training, network, codes)
    with training.graph.as_default(), session_of(training.graph) as session:
        saver = tf.train.Saver(tf.global_variables())
        session.run(tf.global_variables_initializer())
        for number in range(BATCHES):
            feed = {tensor: io_spec.real(end, values[number::BATCHES])
                    for tensor, end, values in zip(training.inputs, network["inputs"], codes)}
            feed[training.momentum] = 1 / (number + 1)
            session.run(training.outputs, feed)
        with tempfile.TemporaryDirectory() as folder:
            feed[training.momentum] = 0.0
            known = session.run(_ends(training.graph), feed)
            path = saver.save(session, folder + "/variables", write_meta_graph=False)
            evaluation, ended = quantized_graph.evaluation(folded, network)
            with evaluation.graph.as_default(), session_of(evaluation.graph) as evaluating:
                tf.train.Saver(tf.global_variables()).restore(evaluating, path)
                found = evaluating.run(_ends(evaluation.graph))
                frozen = freeze_eval_graph.freeze(evaluating, io_spec.nodes(ended, "outputs"))
    assert found.keys() == known.keys()
    for name, ends in known.items():  # a range that differs from that in training
        np.testing.assert_allclose(found[name], ends, rtol=1e-4, err_msg=name)
    return frozen, ended, training.ranges, exact


def _ends(graph):
    """{name: (low, high)} of all fake-quants of a graph."""
    return {operation.name: list(operation.inputs[1:3]) for operation in graph.get_operations()
            if operation.type == FAKE_QUANT}


def unrounded(training, network, codes):
    """The outputs, float32, of a new training graph that is calibrated on `codes` in one step, with every range as a
    clamp but without rounding. They equal the outputs of the float network unless a range is wrong. Two things are
    missing: ranges that belong to a kernel, which may end up to a code below the values, and the codes that L2
    normalization gets for its kernel."""
    with training.graph.as_default():
        start = tf.global_variables_initializer()
    quantized = training.graph.as_graph_def()
    nodes = {node.name: node for node in quantized.node}
    made = tf.GraphDef(versions=quantized.versions)
    nothing = made.node.add()
    nothing.CopyFrom(constants.constant("nothing", np.float32(0.0)))
    for node in quantized.node:
        if node.op != FAKE_QUANT:
            copy = made.node.add()
            copy.CopyFrom(node)
            if attribute_of(node, MARK_ATTR) == FLOOR:
                copy.input[2] = nothing.name
            continue
        if all(constants.behind(nodes, end).op == "Const" for end in node.input[1:3]):  # none of the trained variables
            clamp = [made.node.add(name=node.name, op="Identity", input=node.input[:1])]
        else:
            above = made.node.add(name=node.name + "/above", op="Maximum", input=node.input[:2])
            clamp = [above, made.node.add(name=node.name, op="Minimum", input=[above.name, node.input[2]])]
        for each in clamp:
            each.attr["T"].type = tf.float32.as_datatype_enum
    with tf.Graph().as_default() as graph, session_of(graph) as session:
        tf.import_graph_def(made, name="")
        session.run(start.name)
        feed = {tensor.name: io_spec.real(end, values)
                for tensor, end, values in zip(training.inputs, network["inputs"], codes)}
        feed[training.momentum.name] = 1.0
        return session.run([tensor.name for tensor in training.outputs], feed)


def convert(graph_def, network, codes) -> Converted:
    """Calibrates the network on `codes` (uint8 [N, ...] for each input), converts it, audits the file and runs it."""
    frozen, network, ranges, exact = calibrated(graph_def, network, codes)
    content, contents, _ = file_conversion.to_uint8(frozen, network)
    found = processes.over(content, contents, codes, lambda fraction: None)
    scales = [(contents.tensors[index].scale, contents.tensors[index].zero_point) for index in contents.outputs]
    expected = run(frozen, network, codes)
    lsb = [float(np.max(np.abs((ours.astype(np.float64) - zero_point) - theirs / scale)))
           for ours, theirs, (scale, zero_point) in zip(found, expected, scales)]
    return Converted(content, frozen, network, ranges, found, expected, lsb, exact)


def faults(converted: Converted, graph_def, network, codes) -> List[str]:
    """A line for each fault of the result: operators that compute something else, and outputs that differ from the
    float network's by more than rounding."""
    contents = model_file.read(converted.content)
    found = operators.local(converted.content, contents, operators.inside(converted.content, contents, codes),
                         lambda done: None)
    wrong = ["{} {}: {}".format(each.kind, each.name, each.gap or each.died or "{} LSB".format(each.lsb))
             for each in found if each.wrong or each.gap]
    expected = run(graph_def, network, codes)
    off = _off(converted.unrounded, expected)
    if not max(off) < OFF:
        # A batch norm with a variance of 0 amplifies float32's rounding thousands of times, in the folded graph, too.
        # And the range of a sigmoid's input ends at 4,054, also for other readers of the tensor: range health reports
        # what that clips.
        folded = quantized_graph.apply_rewrites(graph_def, network)
        uncut = {name: each._replace(scales=(each.scales[0], math.inf)) for name, each in uint8_kernels.TABLE.items()
                 if each.scales}
        with mock.patch.dict(uint8_kernels.TABLE, uncut):
            found = unrounded(quantized_graph.insert_fake_quants(folded, network, training=True), network, codes)
        computed = run(folded, network, codes)
        off = [max(exact, rough * OFF / ROUGHLY_OFF) for exact, rough in zip(
            _off(found, computed), _off(computed, expected))]
    return wrong + ["output {} without rounding is {:.2g} of its range off".format(place, each)
                    for place, each in enumerate(off) if not each < OFF]


def _off(found, expected):
    """The distance of each output from the expected one, as a fraction of its range."""
    return [np.abs(ours - theirs).max() / max(np.ptp(theirs), 1e-3) for ours, theirs in zip(found, expected)]


def run(graph_def, network, codes):
    """The outputs of a graph of constants for codes, uint8 [N, ...] for each input."""
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(graph_def, name="")
        with session_of(graph) as session:
            return session.run(io_spec.tensors(graph, network, "outputs"), {
                tensor: io_spec.real(end, values) for tensor, end, values in zip(
                    io_spec.tensors(graph, network, "inputs"), network["inputs"], codes)})
