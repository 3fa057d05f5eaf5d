"""What a target of the recipe does not support is reported before training."""

from tests.tasks.checks.test_convertible import checked

NORMALIZED = """\
import tensorflow as tf

def build(input_shape, classes):
    keras = tf.keras
    image = keras.Input(input_shape)
    x = keras.layers.Flatten()(keras.layers.Conv2D(4, 3, strides=2, activation="relu")(image))
    x = keras.layers.Lambda(lambda tensor: tf.nn.l2_normalize(tensor, -1))(keras.layers.Dense(16)(x))
    return keras.Model(image, keras.layers.Dense(classes, activation="softmax")(x))
"""


def test_a_check_warns_about_what_a_named_target_does_not_support(tmp_path):
    (tmp_path / "net.py").write_text(NORMALIZED)
    recipe = "data: {dataset: digits}\nmodel: {build: ./net.py}\n"
    assert checked(tmp_path, recipe)["warnings"] == []
    warning, = checked(tmp_path, recipe + "export: {targets: [edgetpu, litert]}\n")["warnings"]
    assert warning.startswith("edgetpu supports 2 of ") and "PADV2" in warning
    assert "normalize the output outside of the network" in warning
