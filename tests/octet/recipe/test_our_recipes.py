"""Every recipe in recipes/, without a list of them."""

from pathlib import Path

import pytest
import tensorflow as tf

from octet import lookup
from octet.recipe import loading

RECIPES = sorted((Path(__file__).resolve().parents[3] / "recipes").glob("*.yaml"))


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_opens_with_its_command_and_builds_its_model_for_its_data(path):
    assert "--recipe {}\n".format(path.stem) in path.read_text()
    loaded = loading.load(path)
    settings, folder = loaded.sections(), loaded.folder
    data = lookup.load_attribute(settings["data"]["dataset"], "octet.datasets", "load", folder)(
        **settings["data"]["args"])
    (shape,), (target,) = [spec.shape for spec in data.inputs.values()], data.targets.values()
    build = lookup.load_attribute(settings["model"]["build"], "models", "build", folder)
    with tf.Graph().as_default():
        model = build(input_shape=shape, classes=target.extent, **settings["model"]["args"])
    answer = target.shape + (() if target.kind == "value" else (target.extent,))
    assert model.output_shape == (None,) + tuple(answer)


def test_every_model_has_a_recipe():
    built = {loading.load(path).sections()["model"]["build"] for path in RECIPES}
    assert set(lookup.names("models")) <= built
