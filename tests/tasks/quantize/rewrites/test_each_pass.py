"""Each pass alone: the graph before and after it; both compute the same. Nothing is converted."""

from typing import Callable, Dict, List, NamedTuple, Sequence

import numpy as np
import pytest
import tensorflow as tf

from tasks.graph import constants, scopes
from tasks.quantize.ir.editable_graph import EditableGraph
from tasks.quantize.ir.nodes import SATURATE
from tasks.quantize.pass_order import PASSES, misplaced

SHAPE = (4, 4, 3)
KERNEL = np.random.RandomState(0).randn(2, 2, 3, 4).astype(np.float32)
DEPTHWISE = np.ones([1, 1, 3, 700], np.float32)
CONV, REQUANTIZED = "Conv2D", ["DepthwiseConv2dNative", "BiasAdd"]


def conv(x):
    return tf.nn.conv2d(x, KERNEL, 1, "SAME")


def preprocessed_conv(x):
    with tf.name_scope(scopes.PREPROCESS):
        x = tf.nn.bias_add(tf.nn.conv2d(x, np.eye(3, dtype=np.float32)[None, None, ::-1], 1, "VALID"), [1.0, 2.0, 3.0])
    return tf.nn.conv2d(x, KERNEL, 1, "VALID")


def branched(x):
    skipped, taken = tf.raw_ops.Switch(data=x, pred=tf.constant(True))
    return tf.raw_ops.Merge(inputs=[tf.nn.relu(skipped), tf.tanh(taken)])[0]


def written_softmax(x):
    e = tf.exp(x - tf.reduce_max(x, -1, keepdims=True))
    return e / tf.reduce_sum(e, -1, keepdims=True)


def batch_norm(x):
    return tf.compat.v1.nn.fused_batch_norm(x, [1.0, 2.0, 3.0], [0.0, 1.0, 2.0], [0.1, 0.2, 0.3], [1.0, 4.0, 9.0],
                                            is_training=False)[0]


class Case(NamedTuple):
    """A pass on a small graph. before, after: the graph's operations without constants. first: passes that run before
    it.

    After some passes, the graph has operations that TensorFlow does not know (Affine, Clamp); then it cannot be run."""

    name: str
    build: Callable[[tf.Tensor], tf.Tensor]
    before: Sequence[str]
    after: Sequence[str]
    first: Sequence[str] = ()


AFFINE = "recognize arithmetic by constants"
MERGE = "merge arithmetic by constants"
CASES = [
    Case("remove identities", lambda x: tf.identity(tf.tanh(tf.stop_gradient(x))),
         ["StopGradient", "Tanh", "Identity"], ["Tanh"]),
    Case("resolve constant branches", branched, ["Switch", "Tanh", "Relu", "Merge"], ["Tanh"]),
    Case("collapse broadcast constants", lambda x: x + np.full((1,) + SHAPE, 2, np.float32), ["Add"], ["Add"]),
    Case("recognize softmax", written_softmax, ["Max", "Sub", "Exp", "Sum", "RealDiv"], ["Softmax"]),
    Case("mark L2 normalization", lambda x: tf.nn.l2_normalize(x, -1, epsilon=1e-12),
         ["Square", "Sum", "Maximum", "Rsqrt", "Mul"],
         ["PadV2", "Square", "Sum", "Maximum", "Rsqrt", "Mul", "Slice"]),
    Case("split clip_by_value", lambda x: tf.raw_ops.ClipByValue(t=x, clip_value_min=-0.5, clip_value_max=0.5),
         ["ClipByValue"], ["Minimum", "Maximum"]),
    Case("expand LeakyReLU", lambda x: tf.nn.leaky_relu(x, 0.1), ["LeakyRelu"], ["Mul", "Maximum"]),
    Case("replace reductions of stacks", lambda x: tf.reduce_sum(tf.stack([x, tf.tanh(x)]), 0),
         ["Tanh", "Pack", "Sum"], ["Tanh", "Add"]),
    Case("expand arithmetic", tf.square, ["Square"], ["Mul"]),
    Case("expand arithmetic", lambda x: tf.stack([x, tf.tanh(x)], 3), ["Tanh", "Pack"],
         ["Tanh", "Reshape", "Reshape", "ConcatV2"]),
    Case("expand arithmetic", lambda x: tf.multiply(*tf.unstack(x, axis=1)[:2]), ["Unpack", "Mul"],
         ["Slice", "Reshape", "Slice", "Reshape", "Mul"]),
    Case("recognize clamps", lambda x: tf.minimum(tf.maximum(x, -1.0), 2.0), ["Maximum", "Minimum"], ["Clamp"]),
    Case("replace moves of data", lambda x: tf.tile(x, [1, 2, 1, 1]), ["Tile"], ["ConcatV2"]),
    Case("replace moves of data", lambda x: tf.concat(tf.split(x, [1, 2], 3)[::-1], 3), ["SplitV", "ConcatV2"],
         ["Slice", "Slice", "ConcatV2"]),
    Case("replace moves of data", lambda x: tf.gather(x, [1, 0], axis=-1), ["GatherV2"], ["GatherV2"]),
    Case("merge axes of transposes",
         lambda x: tf.transpose(tf.reshape(x, [-1, 2, 2, 4, 3]), [0, 1, 2, 4, 3]), ["Reshape", "Transpose"],
         ["Reshape", "Reshape", "Transpose", "Reshape"]),
    Case("drop inverse reshapes", lambda x: tf.tanh(tf.reshape(tf.reshape(x, [-1, 48]), [-1, 4, 4, 3])),
         ["Reshape", "Reshape", "Tanh"], ["Tanh"]),
    Case("replace bilinear resizes", lambda x: tf.compat.v1.image.resize_bilinear(x, (8, 8)), ["ResizeBilinear"],
         ["ResizeNearestNeighbor", "AvgPool"]),
    Case("turn reductions into convolutions", lambda x: tf.reduce_mean(x, [1, 2]), ["Mean"],
         ["DepthwiseConv2dNative", "Reshape"]),
    Case("turn reductions into convolutions", lambda x: tf.reduce_sum(x, -1, keepdims=True), ["Sum"], ["Conv2D"]),
    Case(AFFINE, batch_norm, ["FusedBatchNorm"], ["Affine"]),
    Case(AFFINE, lambda x: 2.0 * x - [1.0, 2.0, 3.0], ["Mul", "Sub"], ["Affine", "Affine"]),
    Case(MERGE, lambda x: tf.reshape(2.0 * x, [-1, 16, 3]) + 1.0, ["Affine", "Reshape", "Affine"],
         ["Affine", "Reshape"], first=[AFFINE]),
    Case("fold preprocessing into the first layer", preprocessed_conv, [CONV, "Affine", CONV], [CONV, "Affine"],
         first=[AFFINE, MERGE]),
    Case("fold arithmetic into layers", lambda x: 2.0 * conv(x) + 1.0, [CONV, "Affine"], [CONV, "BiasAdd"],
         first=[AFFINE, MERGE]),
    Case("move ReLU before reshapes", lambda x: tf.nn.relu(tf.reshape(conv(x), [-1, 16, 4])),
         [CONV, "Reshape", "Relu"], [CONV, "Relu", "Reshape"]),
    Case("requantize before a ReLU", lambda x: tf.nn.relu(tf.nn.max_pool(x, 2, 2, "SAME")), ["MaxPool", "Relu"],
         ["MaxPool", "Affine", "Relu"]),
    Case("saturate clamps", lambda x: tf.minimum(tf.maximum(tf.nn.bias_add(conv(x), np.ones(4)), -1.0), 2.0),
         [CONV, "BiasAdd", "Clamp"], [CONV, "BiasAdd", "Minimum", "Maximum"], first=["recognize clamps"]),
    Case("requantize before a maximum or minimum", lambda x: tf.maximum(tf.tanh(x), tf.sigmoid(x)),
         ["Sigmoid", "Tanh", "Maximum"], ["Sigmoid", "Affine", "Tanh", "Affine", "Maximum"]),
    Case("requantize before a sigmoid", lambda x: tf.sigmoid(conv(x) + conv(tf.nn.relu(x))),
         ["Relu", CONV, CONV, "Add", "Sigmoid"], ["Relu", CONV, CONV, "Add", "Affine", "Sigmoid"]),
    Case("separate outputs", lambda x: tf.split(x, 3, 3)[1], ["Split"], ["Split", "Affine"]),
    Case("turn arithmetic by constants into convolutions", lambda x: 2.0 * x + 1.0, ["Affine"], REQUANTIZED,
         first=[AFFINE, MERGE]),
    Case("split wide depthwise convolutions", lambda x: tf.nn.depthwise_conv2d(x, DEPTHWISE, [1, 1, 1, 1], "SAME"),
         ["DepthwiseConv2dNative"], ["Slice", "DepthwiseConv2dNative", "Slice", "DepthwiseConv2dNative", "ConcatV2"]),
    Case("move transposes before reshapes", lambda x: tf.transpose(tf.reshape(x, [-1, 1, 4, 4, 3]), [0, 1, 3, 2, 4]),
         ["Reshape", "Transpose"], ["Transpose", "Reshape"]),
]


def graph_of(build: Callable[[tf.Tensor], tf.Tensor]) -> EditableGraph:
    with tf.Graph().as_default() as graph:
        made = build(tf.placeholder(tf.float32, (None,) + SHAPE, "image"))
        # A pass looks at operations, not at shapes that are computed.
        return EditableGraph(graph.as_graph_def(), ["image"], [made.op.name if made.name.endswith(":0") else made.name])


def operations(graph: EditableGraph) -> List[str]:
    return [node.op for node in graph.in_order() if node.op not in ("Const", "Placeholder")]


def run(graph: EditableGraph, images: np.ndarray) -> np.ndarray:
    with tf.Graph().as_default() as imported, tf.Session(graph=imported, config=constants.RUN_ONCE) as session:
        tf.import_graph_def(graph.graph_def(), name="")
        output = graph.outputs[0]
        return session.run(output if ":" in output else output + ":0", {"image:0": images})


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_pass_changes_the_graph_as_documented(case):
    passes = {each.name: each for each in PASSES}
    graph, original = graph_of(case.build), graph_of(case.build)
    for name in case.first:
        passes[name].run(graph)
        graph.prune()
    assert operations(graph) == list(case.before)
    changes = passes[case.name].run(graph)
    graph.prune()
    assert operations(graph) == list(case.after)
    assert changes and all("{layer}" in change.did for change in changes)
    if not {"Affine", "Clamp"} & set(case.after):
        images = np.random.RandomState(1).uniform(-1, 1, (2,) + SHAPE).astype(np.float32)
        np.testing.assert_allclose(run(graph, images), run(original, images), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("each", PASSES, ids=lambda each: each.name)
def test_a_pass_reports_nothing_for_a_graph_without_its_pattern(each):
    graph = graph_of(lambda x: tf.nn.bias_add(conv(x), np.ones(4)))
    before = operations(graph)
    if each.name not in (AFFINE,):  # a BiasAdd is arithmetic by a constant
        assert each.run(graph) == [] and operations(graph) == before


def test_every_pass_has_a_case():
    assert {case.name for case in CASES} == {each.name for each in PASSES}


def test_the_order_of_the_passes_satisfies_their_requirements():
    assert misplaced(PASSES) == []


def test_a_pass_in_a_wrong_place_is_detected():
    order: Dict[str, int] = {each.name: place for place, each in enumerate(PASSES)}
    swapped = list(PASSES)
    first, second = order["split clip_by_value"], order["recognize clamps"]
    swapped[first], swapped[second] = swapped[second], swapped[first]
    assert "`recognize clamps` has to follow `split clip_by_value`: its two halves become one Clamp" in misplaced(
        tuple(swapped))
    assert any("follows" in line for line in misplaced(PASSES[::-1]))


def test_a_clamp_that_a_range_does_is_marked():
    passes = {each.name: each for each in PASSES}
    graph = graph_of(lambda x: tf.minimum(tf.maximum(tf.nn.bias_add(conv(x), np.ones(4)), -1.0), 2.0))
    for name in ("recognize clamps", "saturate clamps"):
        passes[name].run(graph)
        graph.prune()
    assert [node.mark for node in graph.of_type("Minimum", "Maximum")] == [SATURATE, SATURATE]
