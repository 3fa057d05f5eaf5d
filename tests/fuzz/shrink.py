"""Reduces a random network that fails to the smallest part that still fails."""

from typing import Callable, Iterator, List, Tuple

from tests.fuzz.network import Network


def shrunk(network: Network, fails: Callable[[Network], bool]) -> Network:
    """A network that also fails, but none of whose parts does."""
    while True:
        network, before = next((one for one in smaller(network) if fails(one)), network), network
        if network is before:
            return network


def smaller(network: Network) -> Iterator[Network]:
    """Smaller networks, smallest first: cut off at an earlier tensor, with fewer outputs, or without a step that keeps
    the shape."""
    first = len(network.inputs)
    for number in range(first, first + len(network.steps)):
        if [number] != network.outputs:
            yield _pruned(network, [number])
    if len(network.outputs) > 1:
        for output in network.outputs:
            yield _pruned(network, [other for other in network.outputs if other != output])
    for index, step in enumerate(network.steps):
        for source in dict.fromkeys(step.sources):
            if _shape(network, source) == step.shape and not (
                    source < first and first + index in network.outputs):
                yield _bypassed(network, index, source)


def _shape(network: Network, number: int) -> Tuple[int, ...]:
    inputs = list(network.inputs.values())
    return inputs[number].shape if number < len(inputs) else network.steps[number - len(inputs)].shape


def _bypassed(network: Network, index: int, source: int) -> Network:
    """The network without one step: readers of the step read `source` instead."""
    gone = len(network.inputs) + index
    steps = [step._replace(sources=tuple(source if number == gone else number for number in step.sources))
             for step in network.steps]
    return _pruned(network._replace(steps=steps),
                   [source if number == gone else number for number in network.outputs])


def _pruned(network: Network, outputs: List[int]) -> Network:
    """The network with only these outputs and what they need. If the first use of a shared layer is removed, the layer
    belongs to the next use."""
    first, needed, todo = len(network.inputs), set(), list(outputs)
    while todo:
        number = todo.pop()
        if number not in needed:
            needed.add(number)
            todo.extend(network.steps[number - first].sources if number >= first else ())
    kept = sorted(needed)
    renumbered = {old: new for new, old in enumerate(kept)}
    inputs = {name: spec for number, (name, spec) in enumerate(network.inputs.items()) if number in needed}
    steps, owners = [], {}
    for index, step in enumerate(network.steps):
        if first + index not in needed:
            continue
        owner = index if step.shared is None else step.shared
        shared = owners.setdefault(owner, len(steps))
        steps.append(step._replace(sources=tuple(renumbered[source] for source in step.sources),
                                   shared=None if shared == len(steps) else shared))
    return network._replace(inputs=inputs, steps=steps,
                            outputs=list(dict.fromkeys(renumbered[output] for output in outputs)))
