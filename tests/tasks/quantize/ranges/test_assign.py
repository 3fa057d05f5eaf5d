import pytest
import tensorflow as tf

from octet.errors import QuantizeError
from tasks.quantize import quantized_graph
from tasks.quantize.prepare import recurrent_layers
from tests.tasks.networks import LAYERS, frozen


def _sources(build):
    return {item.tensor: item.source for item in quantized_graph.check_quantizable(*frozen(build))[0]}


def test_linear_output_ends_in_its_own_fake_quant():
    graph_def, network = frozen(lambda x: LAYERS.Dense(4)(LAYERS.Flatten()(x)))
    rewritten = quantized_graph.apply_rewrites(graph_def, network)
    quantized = quantized_graph.insert_fake_quants(rewritten, network, training=True)
    (output,) = quantized.outputs
    assert output.op.type == "FakeQuantWithMinMaxVars"
    assert output.op.inputs[0].op.type == "BiasAdd"


def test_sum_of_two_pools_gets_a_range_of_its_own():
    def build(x):
        left, right = (LAYERS.MaxPooling2D()(LAYERS.Conv2D(4, 3, activation="relu")(x))
                       for _ in range(2))
        total = LAYERS.Add(name="total")([left, right])
        return LAYERS.Dense(4)(LAYERS.GlobalAveragePooling2D()(LAYERS.Conv2D(4, 3)(total)))

    assert _sources(build)["total/add"] == "completed"


def test_mean_is_a_layer_with_a_range_of_its_own():
    def build(x):
        x = LAYERS.Conv2D(4, 3, activation="relu")(x)
        return LAYERS.Dense(4)(LAYERS.GlobalAveragePooling2D(name="mean")(x))

    assert _sources(build)["mean/Mean/DepthwiseConv2dNative"] == "completed"


def test_softplus_is_refused_by_the_name_of_its_layer():
    def build(x):
        x = LAYERS.Conv2D(4, 3, activation="softplus", name="bumpy")(x)
        return LAYERS.Dense(4)(LAYERS.Flatten()(x))

    with pytest.raises(QuantizeError, match="1 operation") as caught:
        quantized_graph.check_quantizable(*frozen(build))
    assert "layer bumpy: bumpy/Softplus (Softplus)" in str(caught.value)


def test_training_and_evaluation_graph_have_the_same_variables():
    graph_def, network = frozen(
        lambda x: LAYERS.Dense(4, activation="softmax")(LAYERS.Flatten()(x)))
    folded = quantized_graph.apply_rewrites(graph_def, network)
    names = []
    for training in (True, False):
        graph = quantized_graph.insert_fake_quants(folded, network, training).graph
        with graph.as_default():
            names.append({op.name for op in graph.get_operations() if op.type == "VariableV2"})
    assert names[1] and names[1] <= names[0]


def test_a_tensor_is_identified_by_its_layer():
    def build(x):
        x = LAYERS.BatchNormalization(name="stem_norm")(LAYERS.Conv2D(4, 3, name="stem")(x))
        return LAYERS.Dense(4, name="head")(LAYERS.Flatten()(x))

    ranges, rewrites = quantized_graph.check_quantizable(*frozen(build))[:2]
    layers = {item.tensor.split("/")[0]: item.layer for item in ranges}
    assert {name: layers[name] for name in ("stem", "stem_norm", "head")} == {
        "stem": "stem", "stem_norm": "stem_norm", "head": "head"}
    assert ("fold arithmetic into layers", "stem_norm") in {(item.name, item.layer) for item in rewrites}


def test_recurrent_layer_is_refused_before_it_is_frozen():
    with tf.Graph().as_default() as graph:
        inputs = LAYERS.Input((5, 3))
        LAYERS.LSTM(2, name="memory")(LAYERS.Conv1D(3, 2, name="start")(inputs))
        with pytest.raises(QuantizeError) as refused:
            recurrent_layers.refuse(graph, ["start", "memory"])
    assert refused.value.why == "layer memory: a recurrent layer loops, and loops have no uint8 kernel"
    assert "Conv1D over time" in refused.value.next_step


@pytest.mark.parametrize("function, loop", [
    ("tf.map_fn", lambda t: tf.map_fn(lambda row: row * 2, t)),
    ("tf.scan", lambda t: tf.scan(lambda before, row: before + row, t)),
    ("tf.foldl", lambda t: tf.foldl(lambda before, row: before + row, t)),
    ("tf.while_loop", lambda t: tf.while_loop(lambda x: tf.reduce_sum(x) < 9, lambda x: x + 1, [t])),
])
def test_a_loop_that_is_no_recurrent_layer_is_reported_as_such(function, loop):
    with tf.Graph().as_default() as graph:
        LAYERS.Lambda(loop, name="again")(LAYERS.Input((5, 3)))
        with pytest.raises(QuantizeError) as refused:
            recurrent_layers.refuse(graph, ["again"])
    assert refused.value.why == "layer again: {} loops, and loops have no uint8 kernel".format(function)
    assert refused.value.next_step.startswith(function + ": ") and "recurrent" not in refused.value.next_step
