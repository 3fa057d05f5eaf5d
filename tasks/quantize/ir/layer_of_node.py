"""Finds the Keras layer of a node by the scopes in its name."""

import re
from typing import Iterable


class LayerNames:
    """Returns, for the name of a node, the longest name of a Keras layer among its scopes; else its first scope."""

    def __init__(self, layers: Iterable[str]) -> None:
        self.layers = set(layers)

    def __call__(self, node: str) -> str:
        scopes = node.split("/")
        for length in range(len(scopes), 0, -1):
            for start in range(len(scopes) - length + 1):
                candidate = "/".join(scopes[start:start + length])
                for name in (candidate, re.sub(r"_\d+$", "", candidate)):  # a shared layer's second use: name_1
                    if name in self.layers:
                        return name
        return scopes[0]
