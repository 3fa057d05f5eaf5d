import numpy as np
import pytest
import tensorflow as tf

from octet import resolve

NAMES = resolve.names("models")


def build(name, *args, **more):
    tf.keras.backend.clear_session()
    return resolve.load_attribute(name, "models", "build", ".")(*args, **more)


@pytest.mark.parametrize("shape", [(28, 28, 1), (8, 8, 1), (9, 7, 3)], ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_every_model_gives_probabilities(name, shape):
    images = np.random.RandomState(0).uniform(size=(3,) + shape).astype(np.float32)
    found = build(name, shape, 10).predict(images)
    assert found.shape == (3, 10)
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-5)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape, classes, said", [
    ((28, 28), 10, r"input_shape: expected \(height, width, channels\).*found \(28, 28\)"),
    ((28, 0, 1), 10, "input_shape: expected"),
    ((28, 28, 1), 1, "classes: expected a whole number of at least 2, found 1"),
    ((28, 28, 1), True, "classes: expected a whole number of at least 2, found True"),
])
def test_every_model_refuses_what_is_no_image_classifier(name, shape, classes, said):
    with pytest.raises(ValueError, match=said):
        build(name, shape, classes)


@pytest.mark.parametrize("name, args", [
    ("lenet", {"filters": 3}), ("lenet", {"filters": []}), ("lenet", {"dense": 0}),
    ("resnet_v1", {"blocks_per_stack": 0}), ("resnet_v1", {"filters": 1.5}),
    ("resnet_v1", {"use_bias": 1}), ("resnet_v1", {"last_activation": "relu"}),
    ("resnet_v1", {"l2": -1}),
], ids=str)
def test_a_wrong_argument_is_named_with_its_value(name, args):
    (key, value), = args.items()
    with pytest.raises(ValueError) as caught:
        build(name, (8, 8, 1), 10, **args)
    assert str(caught.value).startswith(key + ": expected ")
    assert str(caught.value).endswith("found {!r}".format(value))


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
