"""Trial conversion: checks before the training that toco and the interpreter accept a network.

The functions of the later stages fold and rewrite the network, calibrate it on a few samples, freeze and convert it,
and run one sample in the interpreter.
"""

from types import SimpleNamespace
from typing import List, NamedTuple

import numpy as np
import tensorflow as tf

from octet.data.dataset import Part
from octet.errors import ConvertError, InterpreterError, OctetError
from tasks.evaluation import gaps
from tasks.graph import constants, io_spec
from tasks.keras_model import sessions
from tasks.quantize import freeze_eval_graph, quantized_graph
from tasks.tflite import conversion, toco
from tasks.tflite.interpreter import processes
from tasks.training.calibrate import calibrate

SAMPLES = 2
SETTINGS = SimpleNamespace(batch_size=SAMPLES, calibration_batches=1)
REFUSALS = (ConvertError, InterpreterError)


class Trial(NamedTuple):
    """content: the .tflite file, with untrained ranges. warnings: about errors that may occur after the training;
    usually none."""

    content: bytes
    warnings: List[str]


def convert(found: quantized_graph.Quantizable, network: io_spec.Network, part: Part) -> Trial:
    """Converts the untrained network.

    Raises ConvertError, AuditError or InterpreterError if the network is refused with its calibrated ranges and with
    ranges of ordinary width. If it is refused with the calibrated ranges only, this is a warning, because training
    changes the ranges.
    """
    warnings = []
    quantized, ended = found.quantized, quantized_graph.with_outputs_of(found.quantized, network)
    with quantized.graph.as_default(), tf.Session(graph=quantized.graph, config=constants.RUN_ONCE) as session:
        session.run(tf.global_variables_initializer())
        calibrate(session, network, quantized, part, SETTINGS, 0, lambda done, message: None)
        try:
            content = _convert_and_run(session, quantized, ended, part)
        except REFUSALS as refusal:
            _put_ordinary_ranges(session, quantized)
            try:
                content = _convert_and_run(session, quantized, ended, part)
            except REFUSALS:
                raise _before_training(refusal) from refusal
            warnings.append("the network cannot be converted with the ranges that it has before training. If training "
                            "does not change these, ConvertUint8 will fail: {}".format(gaps.reason(refusal)))
    try:
        toco.convert(found.folded, network, uint8=False)
    except ConvertError as refusal:
        warnings.append("the size of the float model's file will not be measured: {}".format(gaps.reason(refusal)))
    return Trial(content, warnings)


def _put_ordinary_ranges(session: tf.Session, quantized: quantized_graph.Quantized) -> None:
    """Gives every range an ordinary width, and no two tensors the same range."""
    random = np.random.RandomState(0)
    for trained in quantized.trained:
        sessions.put(session, trained.ends, [np.float32(-random.uniform(4, 8)), np.float32(random.uniform(4, 8))])


def _convert_and_run(session: tf.Session, quantized: quantized_graph.Quantized, network: io_spec.Network,
                     part: Part) -> bytes:
    ends = session.run([trained.ends for trained in quantized.trained])
    moved = {tensor: value for trained, values in zip(quantized.trained, ends)
             for tensor, value in zip(trained.moved, values)}
    frozen = freeze_eval_graph.freeze(session, io_spec.nodes(network, "outputs"), moved)
    converted = conversion.to_uint8(frozen, network)
    sample = [part.inputs[end["name"]][:1] for end in network["inputs"]]
    processes.over(converted.content, converted.contents, sample, lambda done: None)
    return converted.content


def _before_training(refusal: OctetError) -> OctetError:
    """The same error, about the recipe's model."""
    return type(refusal)("the network cannot be converted: {}".format(refusal.what), where="model.build",
                         why="{}: {}".format(refusal.where, refusal.why) if refusal.where else refusal.why,
                         next_step=refusal.next_step)
