"""The names of a model's layers, as in network.json, and patterns in a recipe that select layers by name."""

from fnmatch import fnmatchcase
from typing import Collection, Dict, Iterator, List, Tuple

import tensorflow as tf

from octet.suggestions import suggest


def named(model: tf.keras.Model, around: str = "") -> Iterator[Tuple[str, tf.keras.layers.Layer]]:
    """(name, layer) of each layer. The layers of a nested model follow it, and are named `model/layer`. around: the
    start of the names, for the layers of a nested model."""
    for layer in model.layers:
        yield around + layer.name, layer
        if isinstance(layer, tf.keras.Model):
            yield from named(layer, around + layer.name + "/")


def of_variables(model: tf.keras.Model) -> Dict[tf.Variable, str]:
    """{variable of the model: the name of its layer}, in the model's order."""
    layer_of: Dict[tf.Variable, str] = {}
    for name, layer in named(model):
        if not isinstance(layer, tf.keras.Model):
            layer_of.update((variable, name) for variable in layer.weights)
    # A subclassed model may have weights that belong to none of its layers.
    return {variable: layer_of.get(variable, variable.op.name.rpartition("/")[0]) for variable in model.weights}


def matches(pattern: str, layer: str) -> bool:
    """Whether the pattern selects this layer: by its name, by wildcards, or by the nested model that contains it."""
    return fnmatchcase(layer, pattern) or layer.startswith(pattern + "/")


def unmatched(patterns: Collection[str], layers: Collection[str]) -> List[str]:
    """A sentence for each pattern that selects none of the layers."""
    return ["no layer with weights matches '{}'; {}".format(pattern, suggest(pattern, set(layers)))
            for pattern in patterns if not any(matches(pattern, layer) for layer in layers)]
