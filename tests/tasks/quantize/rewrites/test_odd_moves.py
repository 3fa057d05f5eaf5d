"""Operations that move data and that toco refuses or makes a custom operator of, also in float, through every stage."""

from tests.tasks import jobs

MODEL = """
import tensorflow as tf
layers = tf.keras.layers

def build(input_shape, classes):
    image = layers.Input(input_shape)
    x = layers.Conv2D(8, 3, padding="same", activation="relu")(image)
    x = layers.Lambda(lambda tensor: tf.nn.depth_to_space(tensor, 2))(x)
    x = layers.Permute((2, 1))(layers.Reshape((16, 2))(layers.MaxPooling2D((16, 1))(x)))
    return tf.keras.Model(image, layers.Dense(classes, name="scores")(layers.Flatten()(x)))
"""
RECIPE = """
data: {dataset: digits}
model: {build: ./net.py}
train: {epochs: 1}
quantize: {epochs: 0}
"""


def test_the_float_reference_has_a_size_where_toco_would_not_take_the_network_as_it_is(tmp_path):
    (tmp_path / "net.py").write_text(MODEL)
    metrics, _ = jobs.run(tmp_path, RECIPE, "Measure")
    measured = metrics["Measure"]
    assert measured["size_bytes"]["float"] > measured["size_bytes"]["uint8"] > 0
    assert measured["parity"]["wrong"] == []
