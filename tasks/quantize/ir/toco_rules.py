"""Rules of toco: which operations become one kernel, and which ranges may be cut.

A KernelView is an EditableGraph (a graph that passes rewrite) or KernelGroups (a tf.Graph with fake-quants), so each
rule is stated once for both.
"""

import abc
from typing import Optional

from tasks.graph.view import GraphView, T
from tasks.quantize.kernels.uint8_kernels import FOLLOWS, Kernel


class KernelView(GraphView[T]):
    """A network between its inputs and its outputs, without its fake-quants."""

    @abc.abstractmethod
    def kernel_of(self, tensor: T) -> Optional[Kernel]:
        """The kernel of the operation that computes the tensor, None where it has none."""

    @abc.abstractmethod
    def is_read_once(self, tensor: T) -> bool:
        """Whether one operation reads the tensor, which is neither an input nor an output of the network."""

    @abc.abstractmethod
    def is_a_piece(self, tensor: T) -> bool:
        """Whether the operation that computes the tensor splits its input into several tensors."""


DILATED = ("Conv2D", "DepthwiseConv2dNative")


def dilated_layer(graph: KernelView[T], tensor: T) -> Optional[T]:
    """The output of the convolution between a SpaceToBatchND and the BatchToSpaceND that computes `tensor`, where toco
    may merge the three into one kernel; else None.

    toco assumes SAME padding (with VALID, the file has another shape) and equal dilation of width and height (a
    sequence, dilated along its width only, was 96 LSB off). Convolutions of other forms are not merged.
    """
    if graph.op_of(tensor) != "BatchToSpaceND":
        return None
    layer, blocks = graph.inputs_of(tensor)[0], graph.constant_of(graph.inputs_of(tensor)[1])
    if blocks is None or len(set(blocks.tolist())) > 1 or graph.op_of(layer) not in DILATED:
        return None
    start = graph.inputs_of(layer)[0]
    if graph.op_of(start) != "SpaceToBatchND":
        return None
    before, after = graph.shape_of(graph.inputs_of(start)[0]), graph.shape_of(tensor)
    return layer if before is not None and after is not None and before[1:-1] == after[1:-1] else None


def is_read_alone(graph: KernelView[T], tensor: T) -> bool:
    """Whether only one operation reads the tensor, and all tensors that it was moved from, so that their range may be
    cut for this reader. False where the tensor was averaged, because a cut would change the average, and for an input,
    whose range is fixed.
    """
    while graph.is_read_once(tensor):
        kernel = graph.kernel_of(tensor)
        if kernel is None or kernel.kind != FOLLOWS:
            return True
        if not kernel.carried or graph.is_a_piece(tensor):
            return False
        tensor = graph.inputs_of(tensor)[kernel.data_input]
    return False


SCALING = ("Affine", "BiasAdd", "DepthwiseConv2dNative", "Reshape")
"""The operations that compute alpha * x: an Affine, and later the depthwise convolution, bias and reshapes that replace
it."""


def leaky_input(graph: KernelView[T], extreme: T) -> Optional[T]:
    """The x of max(x, alpha * x), the form of a LeakyReLU; None where the operands have another form."""
    left, right = graph.inputs_of(extreme)
    for tensor, side in ((left, right), (right, left)):
        while side != tensor and graph.op_of(side) in SCALING:
            side = graph.inputs_of(side)[0]
            if side == tensor:
                return tensor
    return None
