"""Learning rates of single layers: the setting `rates` of a phase."""

from typing import Dict, Mapping

import tensorflow as tf

from octet.errors import RecipeError
from tasks.keras_model import layer_patterns


def factors(rates: Mapping[str, float], layers: Mapping[tf.Variable, str], section: str) -> Dict[tf.Variable, float]:
    """{variable: factor of its learning rate} of the variables whose layer a pattern matches. Where several patterns
    match, the exact name counts, else the longest pattern.

    rates: {pattern: factor}. layers: {variable: name of its layer}. section: the section of the recipe that has
    `rates`. Raises RecipeError for a pattern that matches no layer, and for two longest patterns with different
    factors.
    """
    wrong = layer_patterns.unmatched(rates, set(layers.values()))
    factor_of: Dict[tf.Variable, float] = {}
    for variable, layer in layers.items():
        matching = sorted((pattern for pattern in rates if layer_patterns.matches(pattern, layer)), key=len)
        if layer in matching:
            matching = [layer]
        if matching:
            factor_of[variable] = rates[matching[-1]]
        tied = [pattern for pattern in matching if len(pattern) == len(matching[-1])]
        if len({rates[pattern] for pattern in tied}) > 1:
            wrong.append("{} match the layer {}, with different rates; make one of them longer".format(
                " and ".join("'{}'".format(pattern) for pattern in tied), layer))
    if wrong:
        raise RecipeError("\n".join(dict.fromkeys(wrong)), where=section + ".rates", why="",
                          next_step="name an existing layer; `*` stands for any text")
    return factor_of
