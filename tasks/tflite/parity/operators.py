"""Local parity: compares each operator of a uint8 file with the same arithmetic in float.

The operator gets the codes that it has in the file on real samples, and then, running alone, codes over their whole
range: real samples do not reveal a kernel that wraps where it should saturate. `end_to_end.py` has the end-to-end
parity.

The tensors of a network are together many times larger than its input, so only a few samples are in memory at a time.
"""

from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Sequence

import numpy as np
import tensorflow as tf

from tasks.evaluation.gaps import stated
from tasks.graph.io_spec import Network
from tasks.process import free_memory
from tasks.tflite.interpreter import patch, processes
from tasks.tflite.model_file import Contents, Operator, Tensor
from tasks.tflite.parity import end_to_end
from tasks.tflite.parity.difference import Difference, Tally
from tasks.tflite.parity.reference import kernels

BOUND_LSB = 1

BOUNDS_LSB: Dict[str, int] = {"LOG_SOFTMAX": 6}
"""Kernels whose hard-coded arithmetic can be more than BOUND_LSB off.

LOG_SOFTMAX gives -16 for values of -15.6 and less where its input's scale is up to one percent above 1/16, 1/8 or 1/4:
it then ignores exponentials a few codes too early. At all other scales that were tried, it is within 1.
"""

DRIVEN_ELEMENTS = 1 << 15  # the least number of codes that are tried for each input of an operator that runs alone
DRIVEN_SAMPLES = (6, 256)
GROUP_BYTES = 1 << 25
INSIDE_BYTES = 3 << 23
"""The most bytes of codes, of all tensors, that are in memory at a time; more where one sample has more."""
FILE_BYTES = 1 << 28
"""The most bytes of codes, of all tensors, that one interpreter's process writes to the disk."""


class Finding(NamedTuple):
    """The result for one operator.

    on_data: the difference on real samples. driven: the difference on codes over their whole range, running alone; None
    where the interpreter failed. Both are None where there is a `gap`."""

    name: str
    kind: str
    on_data: Optional[Difference]
    driven: Optional[Difference]
    died: str
    """The interpreter's message where it could not run the operator alone, else ''."""
    gap: str = ""
    """The reason where the operator was not compared: it is then not known whether it is right."""

    @property
    def lsb(self) -> int:
        return max((difference.lsb for difference in (self.on_data, self.driven) if difference), default=0)

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
    """The local and the end-to-end parity, for JSON. codes: real samples, uint8 [N, ...] for each input of the network;
    SAMPLES of them are used. floating: the float model, with the frozen graph's names. gaps: gets a sentence for what
    cannot be measured.

        samples     number of samples
        bound_lsb   the largest difference that a kernel may have, unless its row says otherwise
        wrong       names of the operators that exceed their bound, or that could not be run
        local       a row for each operator, in the file's order: {name, kind, bound, lsb, on_data, driven, died}
        end_to_end  an `end_to_end.Row` for each tensor, by descending `lost_db`
        not_measured  names of the operators without a row in `local`
    """
    rows = np.unique(np.linspace(0, len(codes[0]) - 1, SAMPLES).astype(int))
    parity = {"samples": len(rows), "bound_lsb": BOUND_LSB, "wrong": [], "local": [], "end_to_end": [],
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
                del known  # frees the memory before the next piece is read
        free_memory.give_back()  # that of the sessions of `ends`
        findings = _findings(content, contents, on_data, progress)
        compared = [finding for finding in findings if not finding.gap]
        gaps.extend("the parity of {} ({}) was not measured: {}".format(finding.name, finding.kind, finding.gap)
                    for finding in findings if finding.gap)
        parity.update(wrong=[finding.name for finding in compared if finding.wrong],
                      local=[finding.to_json() for finding in compared],
                      not_measured=[finding.name for finding in findings if finding.gap])
        if whole:
            with stated(gaps, "the parity of the tensors end to end"):
                parity["end_to_end"] = [row._asdict() for row in ends.rows()]
    return parity


def _inside_in_pieces(content: bytes, contents: Contents,
                      codes: Sequence[Sequence[np.ndarray]]) -> Iterator[Dict[int, np.ndarray]]:
    """Yields the result of `inside` for some samples at a time."""
    of_one = max(1, sum(int(np.prod(tensor.shape)) * np.dtype(tensor.dtype).itemsize
                        for tensor in contents.computed()))
    step, total = max(1, INSIDE_BYTES // of_one), len(codes[0])
    of_file = max(1, FILE_BYTES // (of_one * step)) * step
    for start in range(0, total, of_file):
        pieces = [slice(first, min(first + step, total)) for first in range(start, min(start + of_file, total), step)]
        yield from _inside(content, contents, [[np.stack(values[piece]) for values in codes] for piece in pieces])


class OnData:
    """Accumulates the difference of each operator whose float arithmetic is known, over the real samples that are
    added."""

    def __init__(self, contents: Contents) -> None:
        self._contents = contents
        self._tallies = {operator.number: Tally() for operator in contents.operators if kernels.is_known(operator)}

    def add(self, known: Dict[int, np.ndarray]) -> None:
        """Adds some samples. known: the codes of all tensors on them, as returned by `inside`."""
        for operator in self._contents.operators:
            if operator.number in self._tallies:
                entering = {tensor.index: known[tensor.index] for tensor in self._contents.variable_inputs(operator)}
                _compare(self._tallies[operator.number], self._contents, operator, entering, known)

    def of(self, operator: Operator) -> Difference:
        return self._tallies[operator.number].difference()


def local(content: bytes, contents: Contents, known: Dict[int, np.ndarray],
          progress: Callable[[float], None], runtime: str = "tensorflow") -> List[Finding]:
    """A Finding for each operator, in the file's order.

    known: the codes of all tensors on real samples, as returned by `inside`.
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
    """{index: codes [N, *shape]} of all inputs and computed tensors, on real samples. codes: uint8 [N, ...] for each
    input. Raises InterpreterError where the file cannot be run."""
    (known,) = _inside(content, contents, [codes], runtime)
    return known


def _inside(content: bytes, contents: Contents, pieces: Sequence[Sequence[np.ndarray]],
            runtime: str = "tensorflow") -> Iterator[Dict[int, np.ndarray]]:
    """Yields the result of `inside` for each piece of the samples. One process runs all pieces."""
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
    """Adds an operator's outputs on all samples to the tally. entering: its inputs. made: its outputs."""
    first = 0
    for expected in kernels.expected(contents, operator, entering):
        last = first + len(expected[0])
        tally.add([made[index][first:last] for index in operator.outputs], expected)
        first = last


def _groups(contents: Contents) -> Iterator[List[Operator]]:
    """Yields the operators in order, in groups whose driven inputs and outputs fit into GROUP_BYTES."""
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
        return 1  # all inputs are constants: there is nothing to vary
    smallest = min(sizes)
    return int(np.clip(-(-DRIVEN_ELEMENTS // max(1, smallest)), *DRIVEN_SAMPLES))


def driven(content: bytes, contents: Contents, operator: Operator) -> processes.Pass:
    """A pass of the operator alone, with codes over their whole range. Raises ValueError where the file's layout does
    not allow this."""
    random, samples = np.random.RandomState(operator.number), _samples(contents, operator)
    inputs = contents.variable_inputs(operator)
    return processes.Pass(
        samples, {tensor.index: _codes(random, contents, operator, tensor, place, samples)
                  for place, tensor in enumerate(inputs)},
        [contents.tensors[index] for index in operator.outputs],
        patch.alone(content, contents, operator.number))


def _codes(random: np.random.RandomState, contents: Contents, operator: Operator, tensor: Tensor, place: int,
           samples: int) -> np.ndarray:
    """[samples, *shape]: the first six samples are extreme: all codes smallest, all largest, the inputs at opposite
    extremes (twice), random extremes, and extremes that maximize a sum of the layer. The others are random."""
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
        for pad in contents.operators:  # the last channel is constant: see rewrites/composites.py
            if pad.kind == "PADV2" and tensor.index in pad.outputs:
                codes[..., -1] = contents.tensors[pad.inputs[2]].value
    return codes
