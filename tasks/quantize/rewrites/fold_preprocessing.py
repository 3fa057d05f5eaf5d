"""Folds the preprocessing of a picture (keras_model/preprocess.py) into the layers that read it.

    input -> P: 1x1 convolution by M -> Affine(scale, shift) -> Conv2D by W
    input -> Conv2D by W'          W'[h, w, i, o] = sum over j of M[i, j] scale[j] W[h, w, j, o]
          -> Affine                shift'[o] = sum over h, w, j of shift[j] W[h, w, j, o]

The layer then reads the codes of the picture itself, without rounding in between. This is exact only where no zeros are
padded after the preprocessing, unless the shift is 0. So before a layer that pads, or before a padding, the 1x1
convolution stays.
"""

from typing import List, Optional, Tuple

import numpy as np

from tasks.graph.scopes import PREPROCESS
from tasks.quantize.ir.change import Change
from tasks.quantize.ir.editable_graph import EditableGraph
from tasks.quantize.ir.nodes import Affine, Node


def fold_preprocessing(graph: EditableGraph) -> List[Change]:
    """Folds preprocessing into each convolution that reads it and does not pad, or where the shift is 0."""
    changes = []
    for node in graph.of_type("Conv2D"):
        kernel = graph.value(node.inputs[1])
        if node.name.split("/")[0].startswith(PREPROCESS) and kernel is not None and node.inputs[0] in graph.inputs:
            tensor, matrix, shift = _preprocessing(graph, node, kernel[0, 0].astype(np.float64))
            for layer in list(graph.readers.get(tensor, ())):
                if _can_take(graph, layer, tensor, shift):
                    _fold(graph, layer, node.inputs[0], matrix, shift)
                    changes.append(Change(layer.name, "the preprocessing of the input goes into the weights and the "
                                                    "bias of {layer}"))
    return changes


def _preprocessing(graph: EditableGraph, node: Node, matrix: np.ndarray) -> Tuple[str, np.ndarray, np.ndarray]:
    """(the preprocessed tensor, its matrix [C, C], its shift [C])."""
    reader = graph.only_reader(node.name)
    if isinstance(reader, Affine):
        return reader.name, matrix * reader.scale, reader.shift
    return node.name, matrix, np.zeros(matrix.shape[1])


def _can_take(graph: EditableGraph, layer: Node, tensor: str, shift: np.ndarray) -> bool:
    if layer.op != "Conv2D" or layer.inputs[0] != tensor or layer.get("data_format").s == b"NCHW":
        return False
    weights: Optional[np.ndarray] = graph.value(layer.inputs[1])
    if weights is None:
        return False
    pads = layer.get("padding").s != b"VALID" and weights.shape[:2] != (1, 1)
    return not pads or not shift.any()


def _fold(graph: EditableGraph, layer: Node, source: str, matrix: np.ndarray, shift: np.ndarray) -> None:
    weights = graph.known_value(layer.inputs[1]).astype(np.float64)
    added = np.einsum("j,hwjo->o", shift, weights)
    use = layer.inputs[1], PREPROCESS, matrix.tobytes()
    if use not in graph.shared:  # a layer that is used twice keeps one constant of weights
        graph.shared[use] = graph.constant(
            layer.name + "/preprocessing", np.einsum("ij,hwjo->hwio", matrix, weights))
    graph.set_input(layer, 1, graph.shared[use])
    graph.set_input(layer, 0, source)
    reader = graph.only_reader(layer.name)
    if isinstance(reader, Affine):
        reader.shift = reader.shift + reader.scale * added
    elif added.any():
        made = Affine(graph.free(layer.name + "/affine"), layer.name, np.ones(len(added)), added, layer=layer.layer)
        graph.add(made, graph.shapes[layer.name])
        graph.replace(layer.name, made.name, but=[made])
