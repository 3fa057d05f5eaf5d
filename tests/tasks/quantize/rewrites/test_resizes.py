"""Bilinear resizes that are rewritten with kernels that round: they compute the same in float."""

import numpy as np
import pytest
import tensorflow as tf

from tasks.quantize import quantized_graph
from tests.tasks.catalogue import lam
from tests.tasks.networks import frozen, outputs

IMAGES = np.random.RandomState(0).rand(2, 6, 4, 2).astype(np.float32)


@pytest.mark.parametrize("size, aligned, left", [
    ((12, 8), False, 0), ((6, 8), False, 0), ((12, 4), False, 0),
    ((9, 6), False, 0), ((9, 8), False, 0), ((4, 6), False, 0), ((9, 2), False, 0),
    ((3, 6), False, 0), ((2, 8), False, 0),
    ((6, 4), False, 1), ((24, 16), False, 1), ((12, 12), False, 1), ((11, 8), False, 1), ((3, 4), False, 1),
    ((6, 3), False, 1),
    ((12, 8), True, 1)])
def test_a_bilinear_resize_between_pixels_by_halves_and_thirds_is_averages_of_a_nearest_one(size, aligned, left):
    graph_def, network = frozen(lambda x: lam(
        lambda t: tf.compat.v1.image.resize_bilinear(t, size, align_corners=aligned), x), IMAGES.shape[1:])
    folded = quantized_graph.apply_rewrites(graph_def, network)
    assert [node.op for node in folded.node].count("ResizeBilinear") == left
    np.testing.assert_allclose(outputs(folded, network, IMAGES), outputs(graph_def, network, IMAGES), rtol=1e-5)
