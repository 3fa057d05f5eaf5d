"""Runs a random network through the whole quantization path and checks the result."""

from typing import Dict, List, NamedTuple, Tuple

import tensorflow as tf

from octet.errors import OctetError, QuantizeError
from octet.quantization import quantization
from tasks.graph import freezing
from tasks.quantize import quantized_graph
from tests.fuzz import weights
from tests.fuzz.network import Network
from tests.tasks import conversion

SAMPLES = 8


class Outcome(NamedTuple):
    """refused: the error with which it was refused before training. wrong: the faults of the converted file."""

    refused: str
    wrong: List[str]


def frozen(network: Network) -> Tuple[tf.GraphDef, dict]:
    """(graph of constants, its inputs and outputs) of a random network with weights from `weights.measured`."""
    values = weights.measured(network)
    with tf.Graph().as_default() as graph, conversion.session_of(graph) as session:
        tf.keras.backend.set_session(session)
        tf.keras.backend.set_learning_phase(0)
        model = network.build(values)
        session.run(tf.global_variables_initializer())
        outputs = [tf.identity(tensor, "out{}".format(place)) for place, tensor in enumerate(model.outputs)]
        nodes = [tensor.op.name for tensor in outputs]
        graph_def = freezing.freeze(session, nodes)
    inputs = []
    for (name, spec), tensor in zip(network.inputs.items(), model.inputs):
        scale, zero_point = quantization(spec.low, spec.high)
        inputs.append({"name": name, "node": tensor.op.name, "shape": list(spec.shape), "scale": scale,
                       "zero_point": zero_point})
    return graph_def, {"inputs": inputs, "outputs": [{"name": node, "node": node} for node in nodes],
                       "layers": [layer.name for layer in model.layers]}


def _joined(parts: List[Tuple[tf.GraphDef, dict]]) -> Tuple[tf.GraphDef, dict]:
    """Several networks in one graph, each in a scope of its own; a single network unchanged."""
    if len(parts) == 1:
        return parts[0]
    joined: Dict[str, List] = {"inputs": [], "outputs": [], "layers": []}
    with tf.Graph().as_default() as graph:
        for number, (graph_def, ends) in enumerate(parts):
            scope = "network{}".format(number)
            tf.import_graph_def(graph_def, name=scope)
            for side in ("inputs", "outputs"):
                joined[side] += [dict(end, name=scope + end["name"], node="{}/{}".format(scope, end["node"]))
                                 for end in ends[side]]
            joined["layers"] += ["{}/{}".format(scope, layer) for layer in ends["layers"]]
    return graph.as_graph_def(), joined


def outcome(*networks: Network) -> Outcome:
    """The result of a network, or of several side by side in one file, for which toco and the interpreter are started
    only once. Errors other than a refusal are faults."""
    graph_def, ends = _joined([frozen(network) for network in networks])
    codes = [values for network in networks for values in network.samples(SAMPLES).values()]
    try:
        converted = conversion.convert(graph_def, ends, codes)
    except QuantizeError as error:
        return Outcome(str(error), [])
    except OctetError as error:
        return Outcome("", ["{}: {}".format(type(error).__name__, error)])
    return Outcome("", conversion.faults(converted, graph_def, ends, codes))


def is_refused(network: Network) -> bool:
    """Whether the network is refused before training."""
    try:
        quantized_graph.check_quantizable(*frozen(network))
    except QuantizeError:
        return True
    return False
