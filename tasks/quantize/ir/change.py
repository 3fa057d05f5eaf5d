"""What a pass changed in a network, for users."""

from typing import NamedTuple


class Change(NamedTuple):
    """One change of a pass. node: the name of the node that was changed or replaced.

    did: a clause that describes the change, with `{layer}` in place of the name of the node's Keras layer.
    """

    node: str
    did: str
