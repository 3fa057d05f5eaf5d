"""Which Keras layer a node belongs to, by the scopes in its name."""

import re
from typing import Iterable


class LayerNames:
    """The Keras layer that a node's name stands in: the longest name among its scopes."""

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
