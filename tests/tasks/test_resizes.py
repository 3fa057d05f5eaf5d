"""Bilinear resizes by kernels that round: the same function in float."""

import numpy as np
import pytest
import tensorflow as tf

from tasks.quantize import plan
from tests.tasks.catalogue import lam
from tests.tasks.networks import frozen, outputs

IMAGES = np.random.RandomState(0).rand(2, 5, 3, 2).astype(np.float32)


@pytest.mark.parametrize("size, aligned, left", [
    ((10, 6), False, 0), ((5, 6), False, 0), ((10, 3), False, 0),
    ((5, 3), False, 1), ((20, 12), False, 1), ((10, 9), False, 1), ((11, 6), False, 1), ((2, 3), False, 1),
    ((10, 6), True, 1)])
def test_a_bilinear_resize_to_twice_the_size_is_averages_of_nearest_ones(size, aligned, left):
    graph_def, network = frozen(lambda x: lam(
        lambda t: tf.compat.v1.image.resize_bilinear(t, size, align_corners=aligned), x), IMAGES.shape[1:])
    folded = plan.folded(graph_def, network)
    assert [node.op for node in folded.node].count("ResizeBilinear") == left
    np.testing.assert_allclose(outputs(folded, network, IMAGES), outputs(graph_def, network, IMAGES), rtol=1e-5)
