"""Every public class of tf.keras.layers: its network becomes uint8, or is refused with the layer's name before
training."""

import inspect

import numpy as np
import pytest
import tensorflow as tf

from octet.data.dataset import PARTS
from octet.errors import QuantizeError
from octet.job import Job
from octet.recipe import loading
from tasks.checks import convertible
from tasks.quantize import quantized_graph
from tests.tasks import conversion, layers
from tests.tasks.networks import LAYERS, frozen

CODES = np.random.RandomState(0).randint(0, 256, (12, 8, 8, 3)).astype(np.uint8)
K = tf.keras.backend


def by_name(kinds):
    return sorted(kinds, key=lambda kind: kind.__name__)


def test_no_layer_of_keras_is_forgotten():
    public = {getattr(LAYERS, name) for name in dir(LAYERS) if inspect.isclass(getattr(LAYERS, name))}
    assert public == {*layers.CONVERTED, *layers.REFUSED, *layers.NO_LAYER_OF_A_NETWORK}


def checked(folder, layer):
    path = folder / "recipe.yaml"
    path.write_text("data: {{dataset: digits}}\nmodel: {{build: {}, args: {{layer: {}}}}}\n".format(
        layers.__file__, layer))
    return convertible.run(Job("check", loading.load(path).sections(), {}, str(folder), str(folder), PARTS),
                           lambda *_: None)


@pytest.mark.parametrize("kind", by_name(layers.REFUSED), ids=lambda kind: kind.__name__)
def test_a_layer_without_uint8_form_is_refused_by_name_with_advice(tmp_path, kind):
    with pytest.raises(QuantizeError) as refused:
        checked(tmp_path, kind.__name__)
    assert "layer {}: ".format(layers.NAME) in refused.value.why
    assert refused.value.next_step


def test_the_refusal_of_an_embedding_says_that_it_reads_a_table(tmp_path):
    with pytest.raises(QuantizeError) as refused:
        checked(tmp_path, "Embedding")
    assert refused.value.next_step.startswith("GatherV2: it reads a table")


@pytest.mark.slow  # five seconds each on a busy machine
@pytest.mark.parametrize("kind", by_name(layers.CONVERTED), ids=lambda kind: kind.__name__)
def test_a_layer_with_a_uint8_form_is_within_the_bound(kind):
    graph_def, network = frozen(lambda x: LAYERS.Dense(4)(LAYERS.Flatten()(
        layers.CONVERTED[kind](LAYERS.Conv2D(4, 3, padding="same")(x)))))
    converted = conversion.convert(graph_def, network, [CODES])
    assert conversion.faults(converted, graph_def, network, [CODES]) == []
    assert len(np.unique(converted.codes[0])) > 3  # one that is stuck agrees with anything
    assert converted.lsb[0] <= 2.01


VOLUMES = {
    "transpose": lambda t: tf.transpose(t, [0, 3, 2, 1, 4]),
    "slice": lambda t: tf.slice(t, [0, 1, 0, 0, 0], [-1, 2, -1, -1, -1]),
    "softmax": tf.nn.softmax,
    "l2_normalize": lambda t: K.l2_normalize(t, -1),
    "maximum": lambda t: tf.maximum(t, 0.5 * tf.sigmoid(t)),
    "leaky_relu": tf.nn.leaky_relu,
    "broadcast": lambda t: t * tf.sigmoid(tf.reduce_max(t, [1, 2], keepdims=True)),
}


@pytest.mark.parametrize("name", sorted(VOLUMES))
def test_a_kernel_that_takes_four_axes_is_not_given_five(name):
    def build(x):
        x = layers.volume(LAYERS.Conv2D(4, 3, padding="same")(x))
        return LAYERS.Dense(4)(LAYERS.Flatten()(LAYERS.Lambda(VOLUMES[name], name=layers.NAME)(x)))

    with pytest.raises(QuantizeError, match="takes at most 4 axes") as refused:
        quantized_graph.check_quantizable(*frozen(build))
    assert "layer {}: ".format(layers.NAME) in refused.value.why
