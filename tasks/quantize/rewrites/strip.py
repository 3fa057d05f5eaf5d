"""Nodes that hand on their input are gone.

    x -> Identity -> y        x -> y

`tf.contrib.quantize` takes an Identity for an activation and puts a fake-quant on it; swish comes wrapped
in an IdentityN for its gradient.
"""

from typing import List

from tasks.quantize.net import Net, node_of

PASSING = ("Identity", "IdentityN", "StopGradient", "PreventGradient", "CheckNumerics", "Snapshot",
           "PlaceholderWithDefault")


def strip(net: Net) -> List[str]:
    """No node of the net hands on its input unchanged."""
    for node in net.of_type(*PASSING):
        for index, source in enumerate(node.inputs):
            net.replace(node.name if index == 0 else "{}:{}".format(node.name, index), source)
    return []


def single_outputs(net: Net) -> List[str]:
    """Each output of the net is a tensor of its own, and none is an input: it can be named."""
    for index, tensor in enumerate(net.outputs):
        if tensor in net.outputs[:index] or node_of(tensor) in net.inputs or ":" in tensor:
            net.outputs[index] = net.identity(tensor)
    return []
