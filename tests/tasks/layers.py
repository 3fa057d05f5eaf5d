"""A tiny network for each layer of tf.keras.layers. `build` is a recipe's model; its argument `layer` selects the
layer.

The layer is called `culprit`, so that a refusal can name it. Each takes a small image [N, 8, 8, 4], or a tensor that is
reshaped from it."""

import tensorflow as tf

L = tf.keras.layers
NAME = "culprit"


def sequence(x):
    return L.Reshape((16, 16))(x)


def volume(x):
    return L.Reshape((4, 4, 4, 4))(x)


def frames(x):
    return L.Reshape((4, 4, 4, 4))(x)


def on(make, before=lambda x: x):
    """The layer that `make` makes, applied to what `before` makes of the image."""
    return lambda x: make(NAME)(before(x))


def plain(kind, *args, before=lambda x: x, **more):
    return on(lambda name: kind(*args, name=name, **more), before)


def pair(kind, before=lambda x: x, **more):
    """A layer that merges two tensors."""
    return lambda x: kind(name=NAME, **more)([before(x), before(L.Conv2D(4, 1)(x))])


class Doubling(L.Layer):
    """A layer as users write one."""

    def call(self, inputs, **kwargs):
        return 2.0 * inputs


class Wrapping(L.Wrapper):
    """A wrapper as users write one."""

    def call(self, inputs, **kwargs):
        return self.layer(inputs)


class CountingCell(L.AbstractRNNCell):
    """A recurrent cell as users write one."""

    state_size = output_size = 16

    def call(self, inputs, states):
        return inputs + states[0], [inputs + states[0]]


CONVERTED = {
    L.Activation: plain(L.Activation, "relu"),
    L.ActivityRegularization: plain(L.ActivityRegularization, l2=0.01),
    L.Add: pair(L.Add),
    L.AlphaDropout: plain(L.AlphaDropout, 0.3),
    L.Average: pair(L.Average),
    L.AveragePooling1D: plain(L.AveragePooling1D, before=sequence),
    L.AveragePooling2D: plain(L.AveragePooling2D),
    L.BatchNormalization: plain(L.BatchNormalization),
    L.Concatenate: pair(L.Concatenate),
    L.Conv1D: plain(L.Conv1D, 3, 3, padding="causal", dilation_rate=2, before=sequence),
    L.Conv2D: plain(L.Conv2D, 3, 3),
    L.Conv2DTranspose: plain(L.Conv2DTranspose, 3, 3, strides=2),
    L.Cropping1D: plain(L.Cropping1D, 2, before=sequence),
    L.Cropping2D: plain(L.Cropping2D, 2),
    L.Dense: plain(L.Dense, 5),
    L.DepthwiseConv2D: plain(L.DepthwiseConv2D, 3),
    L.Dropout: plain(L.Dropout, 0.3),
    L.Flatten: plain(L.Flatten),
    L.GaussianDropout: plain(L.GaussianDropout, 0.3),
    L.GaussianNoise: plain(L.GaussianNoise, 0.3),
    L.GlobalAveragePooling1D: plain(L.GlobalAveragePooling1D, before=sequence),
    L.GlobalAveragePooling2D: plain(L.GlobalAveragePooling2D),
    L.GlobalMaxPooling1D: plain(L.GlobalMaxPooling1D, before=sequence),
    L.GlobalMaxPooling2D: plain(L.GlobalMaxPooling2D),
    L.Lambda: plain(L.Lambda, lambda t: 0.5 * t + 1.0),
    L.Layer: on(lambda name: Doubling(name=name)),
    L.GlobalAveragePooling3D: plain(L.GlobalAveragePooling3D, before=volume),
    L.GlobalMaxPooling3D: plain(L.GlobalMaxPooling3D, before=volume),
    L.LeakyReLU: plain(L.LeakyReLU),
    L.MaxPooling1D: plain(L.MaxPooling1D, before=sequence),
    L.MaxPooling2D: plain(L.MaxPooling2D),
    L.Maximum: pair(L.Maximum),
    L.Minimum: pair(L.Minimum),
    L.Multiply: pair(L.Multiply),
    L.PReLU: plain(L.PReLU),
    L.Permute: plain(L.Permute, (3, 1, 2)),
    L.ReLU: plain(L.ReLU, 2.0, 0.1),
    L.RepeatVector: plain(L.RepeatVector, 3, before=lambda x: L.Flatten()(L.MaxPooling2D(4)(x))),
    L.Reshape: plain(L.Reshape, (4, 64)),
    L.SeparableConv1D: plain(L.SeparableConv1D, 3, 3, before=sequence),
    L.SeparableConv2D: plain(L.SeparableConv2D, 3, 3),
    L.Softmax: plain(L.Softmax),
    L.SpatialDropout1D: plain(L.SpatialDropout1D, 0.3, before=sequence),
    L.SpatialDropout2D: plain(L.SpatialDropout2D, 0.3),
    L.SpatialDropout3D: plain(L.SpatialDropout3D, 0.3, before=volume),
    L.Subtract: pair(L.Subtract),
    L.TimeDistributed: on(lambda name: L.TimeDistributed(L.Dense(5), name=name), sequence),
    L.UpSampling1D: plain(L.UpSampling1D, before=sequence),
    L.UpSampling2D: plain(L.UpSampling2D),
    L.UpSampling3D: plain(L.UpSampling3D, before=volume),
    L.Wrapper: on(lambda name: Wrapping(L.Conv2D(3, 3), name=name)),
    L.ZeroPadding1D: plain(L.ZeroPadding1D, before=sequence),
    L.ZeroPadding2D: plain(L.ZeroPadding2D),
}

REFUSED = {
    L.AbstractRNNCell: on(lambda name: L.RNN(CountingCell(), name=name), sequence),
    L.AdditiveAttention: pair(L.AdditiveAttention, before=sequence),
    L.Attention: pair(L.Attention, before=sequence),
    L.AveragePooling3D: plain(L.AveragePooling3D, before=volume),
    L.Bidirectional: on(lambda name: L.Bidirectional(L.LSTM(3), name=name), sequence),
    L.Conv3D: plain(L.Conv3D, 3, 3, before=volume),
    L.Conv3DTranspose: plain(L.Conv3DTranspose, 3, 3, before=volume),
    L.ConvLSTM2D: plain(L.ConvLSTM2D, 3, 3, before=frames),
    L.Cropping3D: plain(L.Cropping3D, 1, before=volume),
    L.Dot: pair(L.Dot, axes=2, before=sequence),
    L.ELU: plain(L.ELU),
    L.Embedding: plain(L.Embedding, 10, 3, before=lambda x: L.Flatten()(x)),
    L.GRU: plain(L.GRU, 3, before=sequence),
    L.GRUCell: on(lambda name: L.RNN(L.GRUCell(3), name=name), sequence),
    L.LSTM: plain(L.LSTM, 3, before=sequence),
    L.LSTMCell: on(lambda name: L.RNN(L.LSTMCell(3), name=name), sequence),
    L.LayerNormalization: plain(L.LayerNormalization),
    L.LocallyConnected1D: plain(L.LocallyConnected1D, 3, 3, before=sequence),
    L.LocallyConnected2D: plain(L.LocallyConnected2D, 3, 3),
    L.Masking: lambda x: L.GlobalAveragePooling1D()(L.Masking(name=NAME)(sequence(x))),
    L.MaxPooling3D: plain(L.MaxPooling3D, before=volume),
    L.RNN: on(lambda name: L.RNN(L.SimpleRNNCell(3), name=name), sequence),
    L.SimpleRNN: plain(L.SimpleRNN, 3, before=sequence),
    L.SimpleRNNCell: on(lambda name: L.RNN(L.SimpleRNNCell(3), unroll=True, name=name), sequence),
    L.StackedRNNCells: on(lambda name: L.RNN(L.StackedRNNCells([L.LSTMCell(3), L.GRUCell(3)]), name=name), sequence),
    L.ThresholdedReLU: plain(L.ThresholdedReLU, 0.1),
    L.ZeroPadding3D: plain(L.ZeroPadding3D, before=volume),
    L.CuDNNGRU: plain(L.CuDNNGRU, 3, before=sequence),
    L.CuDNNLSTM: plain(L.CuDNNLSTM, 3, before=sequence),
}

NO_LAYER_OF_A_NETWORK = {
    L.InputLayer: "what Input makes, in every one of these networks",
    L.InputSpec: "a description, no layer",
    L.DenseFeatures: "takes feature columns by name, no tensor",
}


def build(input_shape, classes, layer):
    """A classifier with this layer of tf.keras.layers in the middle."""
    image = L.Input(input_shape, name="image")
    x = {**CONVERTED, **REFUSED}[getattr(L, layer)](L.Conv2D(4, 3, padding="same")(image))
    return tf.keras.Model(image, L.Dense(classes, name="label")(L.Flatten()(x)))
