"""Recognizes networks of keras.applications, and warns when their pictures are not preprocessed as in their training.

Other preprocessing only makes such a network less accurate, so this is a warning and no error. A network is recognized
by the names of its layers, also inside a nested model.
"""

from typing import Any, Collection, Dict, List, NamedTuple, Optional, Sequence

import tensorflow as tf

from octet.data.dataset import Dataset


class Application(NamedTuple):
    """name: for messages. preprocess: the value of `model.preprocess` for its published weights. layers: names of
    layers; no other network in APPLICATIONS has all of them."""

    name: str
    preprocess: str
    layers: Sequence[str]


APPLICATIONS = (
    Application("MobileNet", "tf", ("conv1_bn", "conv_dw_1", "conv_pw_13")),
    Application("MobileNetV2", "tf", ("bn_Conv1", "expanded_conv_depthwise", "Conv_1")),
    Application("NASNet", "tf", ("stem_conv1", "stem_bn1", "reduction_concat_stem_1")),
    Application("Xception", "tf", ("block1_conv1_bn", "block14_sepconv2")),
    Application("InceptionV3", "tf", ("mixed0", "mixed9_1", "mixed10")),
    Application("InceptionResNetV2", "tf", ("mixed_5b", "block35_1_mixed", "conv_7b")),
    Application("ResNetV2", "tf", ("conv2_block1_preact_bn", "post_bn")),
    Application("DenseNet", "torch", ("conv1/conv", "conv2_block1_0_bn", "pool4_conv")),
    Application("ResNet", "caffe", ("bn_conv1", "res2a_branch2a", "res5c_branch2c")),
    Application("VGG", "caffe", ("block1_conv1", "block3_conv3", "block5_conv3")),
)
"""The networks of keras_applications 1.0.8. The mode of each is the one that `preprocess_input` of its module uses."""

FED_WITH = {"tf": (-1.0, 1.0), "torch": (-2.1, 2.6), "caffe": (-124.0, 151.0)}
"""{preprocessing: its lowest and highest result}. Data with about this range counts as preprocessed already."""
NEAR = 0.1
"""The largest difference between an end of the data's range and that of FED_WITH, as a share of the latter's width."""
ARITHMETIC = ("Mul", "Add", "AddV2", "Sub", "RealDiv", "BiasAdd", "FusedBatchNorm", "FusedBatchNormV3", "ReverseV2",
              "StridedSlice")
MOVES = ("Identity", "Pad", "Reshape", "ResizeBilinear", "ResizeNearestNeighbor", "Cast", "SpaceToBatchND")


def of(layers: Collection[str]) -> Optional[Application]:
    """The network that has these layers, or None. Layers of a nested model are named `model/layer`."""
    names = set(layers) | {name.partition("/")[2] for name in layers}
    return next((each for each in APPLICATIONS if names.issuperset(each.layers)), None)


def warnings(layers: Collection[str], preprocess: Any, inputs: Sequence[tf.Tensor], names: Sequence[str],
             dataset: Dataset) -> List[str]:
    """A warning if the network is one of APPLICATIONS and its input is not preprocessed for its published weights.

    preprocess: the recipe's `model.preprocess`. inputs: the model's input tensors. names: the inputs' names in the
    dataset, in the same order."""
    known = of(layers)
    if known is None or len(inputs) != 1:
        return []
    spec = dataset.inputs[names[0]]
    if preprocess is None and (_is_near(known.preprocess, spec.low, spec.high) or _is_preprocessed(inputs[0])):
        return []
    if preprocess is None:
        given = "numbers from {:g} to {:g}".format(spec.low, spec.high)
    elif isinstance(preprocess, str) and preprocess != known.preprocess:
        given = "preprocess: {}".format(preprocess)
    else:
        return []
    return ["the published weights of {} of keras.applications were trained with `preprocess: {}`; this one gets {}. "
            "If the model uses these weights, write model: {{preprocess: {}}}".format(
                known.name, known.preprocess, given, known.preprocess)]


def _is_near(mode: str, low: float, high: float) -> bool:
    expected = FED_WITH[mode]
    width = expected[1] - expected[0]
    return all(abs(found - end) <= NEAR * width for found, end in zip((low, high), expected))


def _is_preprocessed(tensor: tf.Tensor) -> bool:
    """Whether the network does arithmetic with the input before its first layer with weights."""
    todo: Dict[tf.Operation, None] = dict.fromkeys(tensor.consumers())
    seen = set()
    while todo:
        operation, _ = todo.popitem()
        if operation in seen:
            continue
        seen.add(operation)
        if operation.type in ARITHMETIC:
            return True
        if operation.type in MOVES:
            todo.update(dict.fromkeys(reader for output in operation.outputs for reader in output.consumers()))
    return False
