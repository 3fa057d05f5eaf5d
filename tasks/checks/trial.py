"""Trial conversion: checks that toco and the interpreter accept a network, before hours of training.

The pipeline's own functions fold and rewrite the network, calibrate it on a few samples, freeze and convert it, and run
one sample in the interpreter.
"""

from types import SimpleNamespace
from typing import Dict, List, NamedTuple

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
REFUSALS = (ConvertError, InterpreterError)


class Trial(NamedTuple):
    """content: the .tflite file, with ranges that are not the trained ones. warnings: about refusals that may come
    later; usually none."""

    content: bytes
    warnings: List[str]


def convert(found: quantized_graph.Quantizable, network: io_spec.Network, part: Part) -> Trial:
    """The network as it is untrained, converted. It trains no variable.

    Raises ConvertError, AuditError or InterpreterError for a network that is refused with any ranges. A refusal with
    only the ranges of the untrained network is a warning: training changes them.
    """
    warnings = []
    values = _calibrated(found.quantized, network, part)
    evaluation, ended = quantized_graph.evaluation(found.folded, network)
    with evaluation.graph.as_default(), tf.Session(graph=evaluation.graph, config=constants.RUN_ONCE) as session:
        _put(session, values)
        try:
            content = _convert_and_run(session, ended, part)
        except REFUSALS as refusal:
            _put(session, _ordinary(evaluation))
            try:
                content = _convert_and_run(session, ended, part)
            except REFUSALS:
                raise _before_training(refusal) from refusal
            warnings.append("with the ranges that it has untrained the network is refused, and so it would be if "
                            "training left them like this: {}".format(gaps.reason(refusal)))
    try:
        toco.convert(found.folded, network, uint8=False)
    except ConvertError as refusal:
        warnings.append("the size of the float model's file will not be measured: {}".format(gaps.reason(refusal)))
    return Trial(content, warnings)


def _calibrated(quantized: quantized_graph.Quantized, network: io_spec.Network, part: Part) -> Dict[str, np.ndarray]:
    """{variable: value} of the training graph, calibrated on a few samples."""
    settings = SimpleNamespace(batch_size=SAMPLES, calibration_batches=1)
    with quantized.graph.as_default(), tf.Session(graph=quantized.graph, config=constants.RUN_ONCE) as session:
        session.run(tf.global_variables_initializer())
        calibrate(session, network, quantized, part, settings, 0, lambda done, message: None)
        return session.run({variable.op.name: variable for variable in tf.global_variables()})


def _ordinary(quantized: quantized_graph.Quantized) -> Dict[str, np.ndarray]:
    """{variable: value} that makes every range of ordinary width, and no two ranges equal."""
    random, values = np.random.RandomState(0), {}
    for trained in quantized.trained:
        values[trained.ends.low.op.name] = np.float32(-random.uniform(4, 8))
        values[trained.ends.high.op.name] = np.float32(random.uniform(4, 8))
    return values


def _put(session: tf.Session, values: Dict[str, np.ndarray]) -> None:
    variables = [variable for variable in tf.global_variables() if variable.op.name in values]
    sessions.put(session, variables, [values[variable.op.name] for variable in variables])


def _convert_and_run(session: tf.Session, network: io_spec.Network, part: Part) -> bytes:
    frozen = freeze_eval_graph.freeze(session, io_spec.nodes(network, "outputs"))
    converted = conversion.to_uint8(frozen, network)
    sample = [part.inputs[end["name"]][:1] for end in network["inputs"]]
    processes.over(converted.content, converted.contents, sample, lambda done: None)
    return converted.content


def _before_training(refusal: OctetError) -> OctetError:
    """The refusal as an error about the recipe's model."""
    return type(refusal)("the network cannot be converted: {}".format(refusal.what), where="model.build",
                         why="{}: {}".format(refusal.where, refusal.why) if refusal.where else refusal.why,
                         next_step=refusal.next_step)
