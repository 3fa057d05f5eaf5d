import numpy as np
import pytest
import tensorflow as tf

from tasks.keras_model import heads

LAYERS = tf.keras.layers


def _image_head(activation):
    return lambda x: LAYERS.Conv2D(3, 1, activation=activation)(x)


def _flat(x):
    return LAYERS.Dense(3)(LAYERS.Flatten()(x))


def _quantized(x):
    return tf.fake_quant_with_min_max_vars(x, -2.0, 2.0)


def _reshaped(x):
    return tf.reshape(tf.nn.softmax(tf.reshape(LAYERS.Conv2D(3, 1)(x), [-1, 3])), [-1, 4, 4, 3])


@pytest.mark.parametrize("build, kind, activation", [
    (lambda x: LAYERS.Softmax()(_flat(x)), heads.SOFTMAX, lambda x: tf.nn.softmax(x)),
    (_image_head("softmax"), heads.SOFTMAX, lambda x: tf.nn.softmax(x)),
    (_reshaped, heads.SOFTMAX, lambda x: tf.nn.softmax(x)),
    (lambda x: _quantized(tf.nn.softmax(_quantized(_flat(x)))), heads.SOFTMAX, lambda x: tf.nn.softmax(x)),
    (_image_head("sigmoid"), heads.SIGMOID, lambda x: tf.sigmoid(x)),
    (lambda x: _quantized(tf.identity(tf.sigmoid(_flat(x)))), heads.SIGMOID, lambda x: tf.sigmoid(x)),
    (_image_head("relu"), heads.LINEAR, lambda x: x),
], ids=["softmax", "keras_softmax_of_an_image", "reshaped", "quantized", "sigmoid", "quantized_sigmoid", "relu"])
def test_the_output_is_the_activation_of_its_logits(build, kind, activation):
    with tf.Graph().as_default(), tf.Session() as session:
        image = tf.placeholder(tf.float32, [None, 4, 4, 2])
        output = build(image)
        head = heads.of(output)
        assert head.kind == kind
        session.run(tf.global_variables_initializer())
        found, expected = session.run([activation(head.logits), output],
                                      {image: np.random.RandomState(0).rand(5, 4, 4, 2)})
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, atol=2 / 255)  # the fake-quant behind the activation is passed by


def test_a_linear_head_keeps_its_own_fake_quant():
    with tf.Graph().as_default():
        output = _quantized(_flat(tf.placeholder(tf.float32, [None, 4, 4, 2])))
        assert heads.of(output).logits is output


def test_the_fake_quant_of_the_logits_is_part_of_the_loss():
    with tf.Graph().as_default():
        logits = _quantized(_flat(tf.placeholder(tf.float32, [None, 4, 4, 2])))
        assert heads.of(tf.nn.softmax(logits)).logits is logits


def test_a_softmax_over_another_axis_is_no_head_of_classes():
    with tf.Graph().as_default():
        output = tf.keras.backend.softmax(tf.placeholder(tf.float32, [None, 4, 4, 2]), axis=1)
        assert heads.of(output).kind == heads.LINEAR
        exp = tf.exp(output - tf.reduce_max(output, 1, keepdims=True))
        assert heads.of(exp / tf.reduce_sum(exp, 1, keepdims=True)).kind == heads.LINEAR
