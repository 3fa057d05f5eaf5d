"""A layer may have any name: no layer is taken for something else because of its name."""

import functools

import pytest
import tensorflow as tf

from tasks.quantize import quantized_graph
from tasks.quantize.ir import trainable_weights
from tests.tasks.networks import LAYERS, frozen

NAMES = ["Bottleneck_BatchNorm", "BatchNorm", "weights", "ranges", "gradients", "Const_1", "Relu6", "octet", "save",
         "conv_Fold", "add_bypass", "act_quant", "weights_quant", "approximated"]
OTHERS = ["other{}".format(place) for place in range(len(NAMES))]


def build(norms, layers):
    """A dense layer and its batch norm for each of the names."""
    def network(x):
        x = LAYERS.Flatten()(x)
        for norm, dense in zip(norms, layers):
            x = LAYERS.Dense(8, use_bias=False, name=dense)(x)
            x = LAYERS.ReLU()(LAYERS.BatchNormalization(name=norm, scale=False)(x))
        return LAYERS.Dense(4)(x)
    return network


@functools.lru_cache(maxsize=None)
def expected():
    """[(operation, source of its range)] of the network with plain names."""
    names = [["plain{}".format(place) for place in range(len(NAMES))], OTHERS]
    return [(item.op, item.source) for item in quantized_graph.check_quantizable(*frozen(build(*names))).ranges]


@pytest.mark.parametrize("of_norms", [True, False])
def test_layers_of_these_names_are_quantized_as_any_others(of_norms):
    graph_def, network = frozen(build(NAMES, OTHERS) if of_norms else build(OTHERS, NAMES))
    found = quantized_graph.check_quantizable(graph_def, network)
    assert [(item.op, item.source) for item in found.ranges] == expected()
    assert set(NAMES) <= {item.layer for item in found.ranges}
    evaluation, _ = quantized_graph.evaluation(found.folded, network)
    training, evaluating = ({variable.op.name for variable in graph.get_collection(tf.GraphKeys.GLOBAL_VARIABLES)}
                            for graph in (found.quantized.graph, evaluation.graph))
    assert training == evaluating


def test_a_layer_in_a_model_named_as_the_scope_of_weights():
    def network(x):
        inner_image = LAYERS.Input((4,))
        inner = tf.keras.Model(inner_image, LAYERS.Dense(4, name="other")(inner_image), name="weights")
        return LAYERS.Dense(4, name="other")(inner(LAYERS.Dense(4)(LAYERS.Flatten()(x))))

    graph_def, network_ends = frozen(network)
    quantized = quantized_graph.check_quantizable(graph_def, network_ends).quantized
    with quantized.graph.as_default():
        assert sorted(trainable_weights.layers().values()) == ["dense", "dense", "other", "other", "weights", "weights"]
