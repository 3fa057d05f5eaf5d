import numpy as np
import pytest
import tensorflow as tf

from models import _strides
from octet import lookup

NAMES = lookup.names("models")


@pytest.fixture(scope="module", autouse=True)
def _no_graph_is_left():
    yield
    tf.keras.backend.clear_session()


def build(name, *args, **more):
    """The network for inference, which is all that these tests look at: without the branches for training, its graph
    is made in two thirds of the time."""
    tf.keras.backend.clear_session()
    tf.keras.backend.set_learning_phase(0)
    return lookup.load_attribute(name, "models", "build", ".")(*args, **more)


def classes_of(name, shape):
    """What a dataset gives to a builder as `classes`: the shape of the value for the autoencoder, otherwise a number of
    classes."""
    return shape if name == "autoencoder" else 10


def answer_of(name, shape):
    return {"autoencoder": shape, "unet": shape[:2] + (10,)}.get(name, (10,))


@pytest.mark.parametrize("shape", [(28, 28, 1), (8, 8, 1), (9, 7, 3)], ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_every_model_takes_small_pictures_of_any_shape(name, shape):
    images = np.random.RandomState(0).uniform(size=(3,) + shape).astype(np.float32)
    found = build(name, shape, classes_of(name, shape)).predict(images)
    assert found.shape == (3,) + answer_of(name, shape)
    assert np.isfinite(found).all()
    if name != "autoencoder":
        np.testing.assert_allclose(found.sum(axis=-1), 1, rtol=1e-5)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "autoencoder"])
@pytest.mark.parametrize("shape, classes, said", [
    ((28, 28), 10, r"input_shape: expected \(height, width, channels\).*found \(28, 28\)"),
    ((28, 0, 1), 10, "input_shape: expected"),
    ((28, 28, 1), 1, "classes: expected a whole number of at least 2, found 1"),
    ((28, 28, 1), True, "classes: expected a whole number of at least 2, found True"),
    ((28, 28, 1), (28, 28, 1), r"classes: expected a whole number of at least 2, found \(28, 28, 1\)"),
])
def test_every_classifier_refuses_what_is_no_image_classification(name, shape, classes, said):
    with pytest.raises(ValueError, match=said):
        build(name, shape, classes)


@pytest.mark.parametrize("name, args", [
    ("lenet", {"filters": 3}), ("lenet", {"filters": []}), ("lenet", {"dense": 0}),
    ("resnet_v1", {"blocks_per_stack": 0}), ("resnet_v1", {"filters": 1.5}),
    ("resnet_v1", {"use_bias": 1}), ("resnet_v1", {"last_activation": "relu"}),
    ("resnet_v1", {"l2": -1}),
    ("resnet_v2", {"blocks_per_stack": "2"}), ("resnet_v2", {"bottleneck": 2}), ("resnet_v2", {"l2": float("nan")}),
    ("mobilenet_v1", {"alpha": 0}), ("mobilenet_v1", {"blocks": [1, 1, 1, 1, 1, 1]}),
    ("mobilenet_v1", {"blocks": [1, 0]}), ("mobilenet_v1", {"dropout": 1}), ("mobilenet_v1", {"halvings": 4}),
    ("mobilenet_v2", {"alpha": True}), ("mobilenet_v2", {"blocks": 3}), ("mobilenet_v2", {"expansion": 0}),
    ("mobilenet_v2", {"last": 0}), ("mobilenet_v2", {"halvings": -1}),
    ("ds_cnn", {"filters": 0}), ("ds_cnn", {"blocks": 0}), ("ds_cnn", {"kernel": [3]}),
    ("ds_cnn", {"strides": [2, 9]}), ("ds_cnn", {"stem_dropout": -0.1}), ("ds_cnn", {"dropout": "none"}),
    ("unet", {"depth": 4}), ("unet", {"depth": 0}), ("unet", {"filters": 0}), ("unet", {"upsampling": "cubic"}),
    ("unet", {"norm": None}),
    ("autoencoder", {"widths": []}), ("autoencoder", {"bottleneck": 0}), ("autoencoder", {"classes": 10}),
], ids=str)
def test_a_wrong_argument_is_named_with_its_value(name, args):
    (key, value), = args.items()
    with pytest.raises(ValueError) as caught:
        build(name, (8, 8, 1), **dict({"classes": classes_of(name, (8, 8, 1))}, **args))
    assert str(caught.value).startswith(key + ": expected ")
    assert str(caught.value).endswith("found {!r}".format(value))


# Numbers of variables, including the statistics of batch normalization, unless noted otherwise.
@pytest.mark.parametrize("name, shape, classes, args, published", [
    # from Keras' documentation of its applications, with their names there
    ("mobilenet_v1", (224, 224, 3), 1000, {}, 4253864),
    ("mobilenet_v2", (224, 224, 3), 1000, {}, 3538984),
    # the reference networks of MLPerf Tiny (mlcommons/tiny, benchmark/training), counted by Keras
    ("mobilenet_v1", (96, 96, 3), 2, {"alpha": 0.25, "use_bias": True}, 221794),
    ("ds_cnn", (49, 10, 1), 12, {}, 24908),
    ("resnet_v1", (32, 32, 3), 10, {}, 78666),
    ("autoencoder", (640,), (640,), {}, 269992),
    # the paper's network, counted with the code of jakeret/tf_unet
    ("unet", (572, 572, 1), 2, {"depth": 4, "filters": 64, "norm": False}, 31030658),
])
def test_the_published_networks_have_their_published_size(name, shape, classes, args, published):
    assert build(name, shape, classes, **args).count_params() == published


@pytest.mark.parametrize("ours, theirs, alpha", [
    ("mobilenet_v1", "MobileNet", 0.5), pytest.param("mobilenet_v2", "MobileNetV2", 0.35, marks=pytest.mark.slow),
    ("mobilenet_v2", "MobileNetV2", 1.4)])
def test_narrow_and_wide_mobilenets_have_the_variables_of_keras_own(ours, theirs, alpha):
    def shapes(model):
        found = [tuple(weights.shape.as_list()) for weights in model.weights]
        return sorted(shape for shape in found if 1000 not in shape)  # a 1x1 convolution in one of theirs

    mine = shapes(build(ours, (224, 224, 3), 1000, alpha=alpha))
    tf.keras.backend.clear_session()
    tf.keras.backend.set_learning_phase(0)
    assert mine == shapes(getattr(tf.keras.applications, theirs)(weights=None, alpha=alpha))


@pytest.mark.slow  # the depth of a small network is tested below
def test_a_resnet_164_has_the_papers_number_of_parameters():
    model = build("resnet_v2", (32, 32, 3), 10, blocks_per_stack=18, bottleneck=True)
    trainable = sum(int(np.prod(weights.shape)) for weights in model.trainable_weights)
    assert round(trainable / 1e6, 1) == 1.7  # He et al. 2016, table 3


@pytest.mark.parametrize("side, kept", [(224, 5), (96, 5), (64, 4), (32, 3), (28, 3), (8, 1), (2, 0)])
def test_the_resolution_is_halved_as_often_as_the_picture_has_room_for(side, kept):
    assert _strides.strides((side, 2 * side, 3), None, 5) == [1] * (5 - kept) + [2] * kept


@pytest.mark.parametrize("name", ["mobilenet_v1", "mobilenet_v2"])
def test_mobilenets_see_pictures_of_32_pixels_down_to_4(name):
    blocks = [1] * (5 if name == "mobilenet_v1" else 7)
    assert build(name, (32, 32, 3), 10, alpha=0.1, blocks=blocks).get_layer("pool").input_shape[1:3] == (4, 4)


def test_mobilenets_keep_the_last_halvings():
    layers = build("mobilenet_v1", (32, 32, 3), 10, alpha=0.1, blocks=[1, 2, 1], halvings=2).layers
    assert [layer.name for layer in layers if getattr(layer, "strides", (1, 1)) == (2, 2)] == [
        "stage2_block1_depthwise", "stage3_block1_depthwise"]


def test_a_mobilenet_v2_block_adds_only_what_has_its_shape():
    model = build("mobilenet_v2", (32, 32, 3), 10, blocks=[2, 2])
    assert [layer.name for layer in model.layers if "add" in layer.name] == ["stage1_block2_add", "stage2_block2_add"]
    assert model.get_layer("stage1_block2_project").activation is tf.keras.activations.linear


@pytest.mark.parametrize("bottleneck, depth", [(False, 14), (True, 20)])
def test_resnet_v2_has_the_depth_that_its_docstring_says(bottleneck, depth):
    model = build("resnet_v2", (32, 32, 3), 10, blocks_per_stack=2, bottleneck=bottleneck)
    weighted = [layer.name for layer in model.layers
                if isinstance(layer, (tf.keras.layers.Conv2D, tf.keras.layers.Dense))
                and "shortcut" not in layer.name]
    assert len(weighted) == depth


def test_resnet_v2_adds_what_no_activation_has_touched():
    model = build("resnet_v2", (8, 8, 1), 10, l2=0)
    assert model.losses == []
    for layer in model.layers:
        if isinstance(layer, tf.keras.layers.Add):
            kinds = {type(tensor._keras_history[0]) for tensor in layer.input}
            assert kinds <= {tf.keras.layers.Conv2D, tf.keras.layers.Add}


@pytest.mark.parametrize("upsampling", ["transposed", "nearest", "bilinear"])
def test_a_unet_meets_each_level_at_its_own_resolution(upsampling):
    model = build("unet", (12, 20, 3), 4, depth=2, filters=6, upsampling=upsampling)
    assert model.get_layer("bottom_conv2_relu").output_shape[1:] == (3, 5, 24)
    for level, shape in ((2, (6, 10, 24)), (1, (12, 20, 12))):
        assert model.get_layer("up{}_concat".format(level)).output_shape[1:] == shape
    assert not any("crop" in layer.name for layer in model.layers)


def test_an_autoencoder_is_linear_at_its_end_and_takes_other_shapes_than_it_gives():
    model = build("autoencoder", (5, 2), (7,), widths=[6], bottleneck=3)
    assert model.output_shape == (None, 7)
    assert model.layers[-1].name == "reals" and model.layers[-1].activation is tf.keras.activations.linear
    assert model.get_layer("bottleneck").units == 3


def test_lenet_takes_its_widths_from_a_recipes_list():
    model = build("lenet", (8, 8, 1), 10, filters=[4, 5], dense=6)
    assert [layer.filters for layer in model.layers if hasattr(layer, "filters")] == [4, 5]


@pytest.mark.parametrize("blocks, depth", [(1, 8), (3, 20)])
def test_resnet_has_the_depth_that_its_name_says(blocks, depth):
    model = build("resnet_v1", (32, 32, 3), 10, blocks_per_stack=blocks)
    weighted = [layer.name for layer in model.layers
                if isinstance(layer, (tf.keras.layers.Conv2D, tf.keras.layers.Dense))
                and "shortcut" not in layer.name]
    assert len(weighted) == depth


@pytest.mark.parametrize("last, names", [
    ("after_add", {"stack2_block1_add_relu"}), ("none", set()),
    ("in_branches", {"stack2_block1_conv2_relu", "stack2_block1_shortcut_relu"})])
def test_resnets_last_activation_sits_where_it_is_asked_for(last, names):
    model = build("resnet_v1", (8, 8, 1), 10, last_activation=last, use_bias=False, l2=0)
    found = {layer.name for layer in model.layers if layer.name.startswith("stack2_block1")
             and layer.name.endswith("relu")}
    assert found == names | {"stack2_block1_conv1_relu"}
    assert model.losses == [] and not model.get_layer("stem").use_bias
