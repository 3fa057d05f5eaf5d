"""Layers with a learning rate of their own, as `rates` of a phase says."""

from typing import Dict, Mapping

import tensorflow as tf

from octet.errors import RecipeError
from tasks.keras_model import layer_patterns


def factors(rates: Mapping[str, float], layers: Mapping[tf.Variable, str], section: str) -> Dict[tf.Variable, float]:
    """{variable: the factor of its learning rate}, of those that a pattern matches. Of several the layer's own name
    counts, else the longest.

    rates: {pattern: factor}. layers: the layer of each variable. section: of the recipe, that `rates` is in.
    Raises RecipeError for a pattern that matches no layer, and for two of one length that match a layer.
    """
    wrong = layer_patterns.unmatched(rates, set(layers.values()))
    found: Dict[tf.Variable, float] = {}
    for variable, layer in layers.items():
        matching = sorted((pattern for pattern in rates if layer_patterns.matches(pattern, layer)), key=len)
        if layer in matching:
            matching = [layer]
        if matching:
            found[variable] = rates[matching[-1]]
        tied = [pattern for pattern in matching if len(pattern) == len(matching[-1])]
        if len({rates[pattern] for pattern in tied}) > 1:
            wrong.append("{} match the layer {}, with different rates; make one of them longer".format(
                " and ".join("'{}'".format(pattern) for pattern in tied), layer))
    if wrong:
        raise RecipeError("\n".join(dict.fromkeys(wrong)), where=section + ".rates", why="",
                          next_step="name a layer that there is; `*` stands for any text")
    return found
