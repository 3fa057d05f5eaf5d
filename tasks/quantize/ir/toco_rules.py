"""Rules of toco: which operations become one kernel, and which ranges may be cut. Each is stated once for both kinds of
graph: a KernelView is an EditableGraph (nodes under rewriting) or KernelGroups (a tf.Graph with fake-quants).
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
    makes one kernel of the three; else None.

    toco takes every such convolution for one with SAME padding (with VALID the file has another shape) that is dilated
    along the width as it is along the height (a sequence, dilated along its width alone, came out 96 LSB off).
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
    """Whether one operation reads the tensor, and what it was moved from, so that the range may be cut for the reader.

    Not what the tensor was averaged from: a cut would change the average. Nor an input, whose range is given.
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
"""What alpha * x consists of: an Affine, and later the depthwise convolution, bias and reshapes that it becomes."""


def leaky_input(graph: KernelView[T], extreme: T) -> Optional[T]:
    """The x of max(x, alpha * x), which a LeakyReLU becomes; None where the operands are others."""
    left, right = graph.inputs_of(extreme)
    for tensor, side in ((left, right), (right, left)):
        while side != tensor and graph.op_of(side) in SCALING:
            side = graph.inputs_of(side)[0]
            if side == tensor:
                return tensor
    return None
