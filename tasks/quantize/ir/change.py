"""What a pass did to a network, in words for a person."""

from typing import NamedTuple


class Change(NamedTuple):
    """One change of a pass. node: the name of the node that was changed or replaced.

    did: a clause that says what was done; `{layer}` in it stands for the name of the node's Keras layer.
    """

    node: str
    did: str
