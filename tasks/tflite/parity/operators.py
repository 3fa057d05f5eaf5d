"""How far a uint8 file is from what it should compute.

*Locally*: each operator against the same arithmetic in float. It is given the very codes that it has in the
file on real samples, and then, alone, codes over their whole range: real samples do not find a kernel that
wraps where it should saturate. *End to end* is in `end_to_end.py`.

The codes inside a network are many times its input: a few samples are in memory at a time.
"""

from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Sequence

import numpy as np
import tensorflow as tf

from tasks.evaluation.gaps import stated
from tasks.graph.io_spec import Network
from tasks.tflite.interpreter import patch, processes
from tasks.tflite.model_file import Contents, Operator, Tensor
from tasks.tflite.parity import end_to_end
from tasks.tflite.parity.difference import Difference, Tally
from tasks.tflite.parity.reference import kernels

BOUND_LSB = 1

BOUNDS_LSB: Dict[str, int] = {"LOG_SOFTMAX": 6}
"""Kernels whose own hard-coded arithmetic makes more than BOUND_LSB inevitable.

LOG_SOFTMAX gives -16 for -15.6 and less where its input's scale is up to one percent above 1/16, 1/8 or 1/4: there
the exponentials that it leaves out begin a few codes too early. At all other scales that were tried it is within 1.
"""

DRIVEN_ELEMENTS = 1 << 15  # so many codes of an operator's inputs are tried, at least
DRIVEN_SAMPLES = (6, 256)
GROUP_BYTES = 1 << 25
INSIDE_BYTES = 3 << 23
"""Of the codes of all tensors, so many at a time are in memory; one sample where it has more."""
FILE_BYTES = 1 << 28
"""Of the codes of all tensors, so many at a time are on the disk: one interpreter's process makes them."""


class Finding(NamedTuple):
    """One operator, on real samples and driven alone (None when it died of it); neither where there is a `gap`."""

    name: str
    kind: str
    on_data: Optional[Difference]
    driven: Optional[Difference]
    died: str
    """What the interpreter said when it could not run the operator alone."""
    gap: str = ""
    """Why the operator was not compared; then it is not known whether it is right."""

    @property
    def lsb(self) -> int:
        return max((found.lsb for found in (self.on_data, self.driven) if found), default=0)

    @property
    def bound(self) -> int:
        return BOUNDS_LSB.get(self.kind, BOUND_LSB)

    @property
    def wrong(self) -> bool:
        return bool(self.died) or self.lsb > self.bound

    def to_json(self) -> Dict[str, Any]:
        return {"name": self.name, "kind": self.kind, "lsb": self.lsb, "bound": self.bound, "died": self.died,
                "on_data": self.on_data and self.on_data._asdict(), "driven": self.driven and self.driven._asdict()}


SAMPLES = 16


def measure(content: bytes, contents: Contents, network: Network, frozen: tf.GraphDef, floating: tf.GraphDef,
            codes: Sequence[np.ndarray], progress: Callable[[float], None], gaps: List[str]) -> Dict[str, Any]:
    """Both parities, ready for JSON. codes: real samples, uint8 [N, ...] for each input of the network, of which
    SAMPLES are used.

        samples     how many
        bound_lsb   what a kernel may be off, unless its own row says otherwise
        wrong       names of the operators that are beyond their bound, or that died
        local       a row for each operator, in the file's order: {name, kind, bound, lsb, on_data, driven, died}
        end_to_end  a row for each tensor, the one that loses most first: see `end_to_end.Row`
        not_measured  names of the operators that `local` has no row of

    `floating` is the float model with the frozen graph's names. What cannot be measured is added to `gaps`.
    """
    rows = np.unique(np.linspace(0, len(codes[0]) - 1, SAMPLES).astype(int))
    found = {"samples": len(rows), "bound_lsb": BOUND_LSB, "wrong": [], "local": [], "end_to_end": [],
             "not_measured": [contents.name(operator) for operator in contents.operators]}
    with stated(gaps, "the parity of the operators"):
        on_data, ends, whole = OnData(contents), end_to_end.EndToEnd(contents, network), True
        with ends:
            for known in _inside_in_pieces(content, contents, [[values[row] for row in rows] for values in codes]):
                on_data.add(known)
                if whole:
                    whole = False
                    with stated(gaps, "the parity of the tensors end to end"):
                        ends.add(known, frozen, floating)
                        whole = True
                del known  # before the next one is there
        findings = _findings(content, contents, on_data, progress)
        compared = [finding for finding in findings if not finding.gap]
        gaps.extend("the parity of {} ({}) was not measured: {}".format(finding.name, finding.kind, finding.gap)
                    for finding in findings if finding.gap)
        found.update(wrong=[finding.name for finding in compared if finding.wrong],
                     local=[finding.to_json() for finding in compared],
                     not_measured=[finding.name for finding in findings if finding.gap])
        if whole:
            with stated(gaps, "the parity of the tensors end to end"):
                found["end_to_end"] = [row._asdict() for row in ends.rows()]
    return found


def _inside_in_pieces(content: bytes, contents: Contents,
                      codes: Sequence[Sequence[np.ndarray]]) -> Iterator[Dict[int, np.ndarray]]:
    """What `inside` gives for these samples of each input, some samples at a time."""
    of_one = max(1, sum(int(np.prod(tensor.shape)) * np.dtype(tensor.dtype).itemsize
                        for tensor in contents.computed()))
    step, total = max(1, INSIDE_BYTES // of_one), len(codes[0])
    of_file = max(1, FILE_BYTES // (of_one * step)) * step
    for start in range(0, total, of_file):
        pieces = [slice(first, min(first + step, total)) for first in range(start, min(start + of_file, total), step)]
        yield from _inside(content, contents, [[np.stack(values[piece]) for values in codes] for piece in pieces])


class OnData:
    """The difference of each operator whose arithmetic is known, on the real samples that were added."""

    def __init__(self, contents: Contents) -> None:
        self._contents = contents
        self._tallies = {operator.number: Tally() for operator in contents.operators if kernels.is_known(operator)}

    def add(self, known: Dict[int, np.ndarray]) -> None:
        """known: the codes of all tensors on some samples, as `inside` gives them."""
        for operator in self._contents.operators:
            if operator.number in self._tallies:
                entering = {tensor.index: known[tensor.index] for tensor in self._contents.variable_inputs(operator)}
                _compare(self._tallies[operator.number], self._contents, operator, entering, known)

    def of(self, operator: Operator) -> Difference:
        return self._tallies[operator.number].difference()


def local(content: bytes, contents: Contents, known: Dict[int, np.ndarray],
          progress: Callable[[float], None], runtime: str = "tensorflow") -> List[Finding]:
    """What was found of each operator, in the file's order.

    known: the codes of all tensors on real samples, as `inside` gives them.
    """
    on_data = OnData(contents)
    on_data.add(known)
    return _findings(content, contents, on_data, progress, runtime)


def _findings(content: bytes, contents: Contents, on_data: OnData, progress: Callable[[float], None],
              runtime: str = "tensorflow") -> List[Finding]:
    findings: List[Finding] = []
    for group in _groups(contents):
        passes, reasons = {}, {}  # type: Dict[int, processes.Pass], Dict[int, str]
        for operator in group:
            if not kernels.is_known(operator):
                reasons[operator.number] = "its float arithmetic is not known here"
                continue
            try:
                passes[operator.number] = driven(content, contents, operator)
            except ValueError as error:
                reasons[operator.number] = "it cannot be run alone: {}".format(error)
        outcomes = dict(zip(passes, processes.run(content, list(passes.values()), runtime=runtime)))
        for operator in group:
            number = operator.number
            findings.append(
                Finding(contents.name(operator), operator.kind, None, None, "", reasons[number]) if number in reasons
                else _finding(contents, operator, on_data, passes[number], outcomes[number]))
            progress(len(findings) / len(contents.operators))
    return findings


def inside(content: bytes, contents: Contents, codes: Sequence[np.ndarray],
           runtime: str = "tensorflow") -> Dict[int, np.ndarray]:
    """The codes [N, *shape] of every input and computed tensor by its index, on real samples."""
    (known,) = _inside(content, contents, [codes], runtime)
    return known


def _inside(content: bytes, contents: Contents, pieces: Sequence[Sequence[np.ndarray]],
            runtime: str = "tensorflow") -> Iterator[Dict[int, np.ndarray]]:
    """What `inside` gives, of each piece of the samples, from one process."""
    out = patch.every_tensor_out(content, contents)
    entering = [{index: np.reshape(values, (-1,) + contents.tensors[index].shape)
                 for index, values in zip(contents.inputs, codes)} for codes in pieces]
    outcomes = processes.each(content, [
        processes.Pass(len(codes[0]), given, contents.computed(), out) for codes, given in zip(pieces, entering)],
        runtime)
    for given, outcome in zip(entering, outcomes):
        if isinstance(outcome, processes.Failure):
            raise processes.at_fault(content, contents, outcome, runtime)
        yield {**given, **outcome}


def _finding(contents: Contents, operator: Operator, on_data: OnData,
             given: processes.Pass, outcome: processes.Outcome) -> Finding:
    if isinstance(outcome, processes.Failure):
        return Finding(contents.name(operator), operator.kind, on_data.of(operator), None, outcome.words)
    driven_alone = Tally()
    _compare(driven_alone, contents, operator, given.inputs, outcome)
    return Finding(contents.name(operator), operator.kind, on_data.of(operator), driven_alone.difference(), "")


def _compare(tally: Tally, contents: Contents, operator: Operator, entering: Dict[int, np.ndarray],
             made: Dict[int, np.ndarray]) -> None:
    """Adds all samples of what an operator has made to the tally."""
    for sample, wanted in enumerate(kernels.expected(contents, operator, entering)):
        tally.add([made[index][sample] for index in operator.outputs], wanted)


def _groups(contents: Contents) -> Iterator[List[Operator]]:
    """The operators in order, as many at a time as fit into GROUP_BYTES when driven."""
    group: List[Operator] = []
    size = 0
    for operator in contents.operators:
        ends = list(contents.variable_inputs(operator)) + [contents.tensors[index] for index in operator.outputs]
        needed = _samples(contents, operator) * sum(int(np.prod(tensor.shape)) for tensor in ends)
        if group and size + needed > GROUP_BYTES:
            yield group
            group, size = [], 0
        group.append(operator)
        size += needed
    yield group


def _samples(contents: Contents, operator: Operator) -> int:
    sizes = [int(np.prod(tensor.shape)) for tensor in contents.variable_inputs(operator)]
    if not sizes:
        return 1  # of constants alone: there is nothing to vary
    smallest = min(sizes)
    return int(np.clip(-(-DRIVEN_ELEMENTS // max(1, smallest)), *DRIVEN_SAMPLES))


def driven(content: bytes, contents: Contents, operator: Operator) -> processes.Pass:
    """The operator alone, with codes over their whole range."""
    random, samples = np.random.RandomState(operator.number), _samples(contents, operator)
    inputs = contents.variable_inputs(operator)
    return processes.Pass(
        samples, {tensor.index: _codes(random, contents, operator, tensor, place, samples)
                  for place, tensor in enumerate(inputs)},
        [contents.tensors[index] for index in operator.outputs],
        patch.alone(content, contents, operator.number))


def _codes(random: np.random.RandomState, contents: Contents, operator: Operator, tensor: Tensor, place: int,
           samples: int) -> np.ndarray:
    """[samples, *shape]: everything at an end of the range, each input at the other's opposite, extremes
    mixed and as the layer's weights want them, and random codes."""
    if tensor.dtype == "bool":
        return random.randint(0, 2, (samples,) + tensor.shape).astype(bool)
    codes = random.randint(0, 256, (samples,) + tensor.shape).astype(tensor.dtype)
    codes[0], codes[1] = 0, 255
    codes[2], codes[3] = (0, 255) if place else (255, 0)
    codes[4] = random.choice([0, 255], tensor.shape)
    for weights in (contents.tensors[index] for index in operator.inputs[1:2] if index >= 0):
        value = weights.value
        if value is not None and weights.dtype == "uint8" and len(tensor.shape) == value.ndim:
            # Makes the sum of the first output as large as it can be.
            codes[5] = np.where(np.resize(value[:1] > weights.zero_point, tensor.shape), 255, 0)
    if operator.kind == "L2_NORMALIZATION":
        for pad in contents.operators:  # its last channel never varies: see rewrites/composites.py
            if pad.kind == "PADV2" and tensor.index in pad.outputs:
                codes[..., -1] = contents.tensors[pad.inputs[2]].value
    return codes
