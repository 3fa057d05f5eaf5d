"""Runs a .tflite file in an interpreter, one sample at a time, as a phone does.

Interpreters run in separate processes (`worker.py`): a kernel may abort its process, and a process that has run a
Session cannot be forked. Arrays are passed in an unnamed temporary file, which disappears when the processes end.
"""

import functools
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import IO, Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Sequence, Union

import numpy as np

from octet import processors
from octet.errors import InterpreterError
from tasks.tflite.interpreter import patch, worker
from tasks.tflite.model_file import Contents, Operator, Tensor

# By path: Python does not cache the byte code of a script, so no outdated byte code can run.
WORKER = (sys.executable, "-I", worker.__file__)
CHUNK_BYTES = 1 << 28
ALIGNMENT = 64
ROWS = 64  # of an input are copied at a time
LAST_LINES = 5  # of the process' output, in an error
LONGEST_S = 300  # seconds for one sample; DEPTHWISE_CONV_2D of more than 2,048 channels never returns


class Pass(NamedTuple):
    """One run of an interpreter over some samples.

    inputs: {index of an input of the graph: its values [samples, *tensor's shape], an array or `Rows`}. outputs: the
    tensors to read. change: a patch that is applied to the file for this run.
    """

    samples: int
    inputs: Dict[int, Any]
    outputs: Sequence[Tensor]
    change: patch.Patch = patch.NOTHING


class Rows:
    """Some rows of an array that may be larger than the memory, in the shape of a tensor: read where they are indexed,
    by a slice."""

    def __init__(self, values: Any, first: int, last: int, tensor: Tensor) -> None:
        """values: [N, ...] of the tensor's type; of which the rows from `first` to `last`, that excluded, are meant."""
        self._values, self._first = values, first
        self.dtype, self.shape = np.dtype(tensor.dtype), (last - first,) + tuple(tensor.shape)

    def __getitem__(self, places: slice) -> np.ndarray:
        start, stop, _ = places.indices(self.shape[0])
        return np.reshape(self._values[self._first + start:self._first + stop], (-1,) + self.shape[1:])


class Failure(NamedTuple):
    """A pass that the interpreter refused, or that ended its process. words: the interpreter's message, or how the
    process ended and the last lines of its output."""

    words: str


Outcome = Union[Failure, Dict[int, np.ndarray]]
"""The result of one pass: {index of an output: its values [samples, *tensor's shape]}, or the Failure."""


def over(content: bytes, contents: Contents, codes: Sequence[np.ndarray], progress: Callable[[float], None],
         runtime: str = "tensorflow") -> List[np.ndarray]:
    """The codes [N, ...] of each output. codes: those [N, ...] of each input. runtime: a name of `worker.RUNTIMES`.

    The samples are divided among as many processes as there are processors. Raises InterpreterError, which names the
    operators that fail.
    """
    total, results = len(codes[0]), []
    inputs, outputs = ([contents.tensors[index] for index in side]
                       for side in (contents.inputs, contents.outputs))
    step = max(1, CHUNK_BYTES // sum(int(np.prod(tensor.shape)) for tensor in inputs + outputs))
    for start in range(0, total, step):
        stop = min(start + step, total)
        parts = [part for part in np.array_split(np.arange(start, stop), processors.usable()) if len(part)]
        outcomes = run(content, [
            Pass(len(part), {tensor.index: Rows(values, part[0], part[-1] + 1, tensor)
                             for tensor, values in zip(inputs, codes)}, outputs) for part in parts],
            functools.partial(_report, progress, start, stop - start, total), runtime)
        for outcome in outcomes:
            if isinstance(outcome, Failure):
                raise at_fault(content, contents, outcome, runtime)
            results.append([outcome[tensor.index][:, 0] for tensor in outputs])
    return [np.concatenate(pieces) for pieces in zip(*results)]


def _report(progress: Callable[[float], None], before: int, size: int, total: int, done: float) -> None:
    """Converts `done`, a share of the samples of one step, to a share of all samples, and reports it."""
    progress((before + done * size) / total)


def at_fault(content: bytes, contents: Contents, failure: Failure,
             runtime: str = "tensorflow") -> InterpreterError:
    """The error for a file that cannot be run: it names the operators that fail when they run alone, on zeros."""
    alone = [Pass(1, {tensor.index: np.zeros((1,) + tensor.shape, tensor.dtype)
                      for tensor in contents.variable_inputs(operator)},
                  [contents.tensors[index] for index in operator.outputs],
                  patch.alone(content, contents, operator.number)) for operator in contents.operators]
    failing = [(operator, outcome.words) for operator, outcome
              in zip(contents.operators, run(content, alone, runtime=runtime))
              if isinstance(outcome, Failure)]
    if not failing:
        return InterpreterError("the interpreter cannot run the .tflite file", where="model.tflite", why=failure.words,
                                next_step="each operator runs when it is alone: please report the network")
    return InterpreterError(
        "the interpreter cannot run {} of the {} operators of the .tflite file".format(
            len(failing), len(contents.operators)),
        where=contents.name(failing[0][0]),
        why="\n".join(line for operator, words in failing for line in (
            "{} ({}): {}".format(contents.name(operator), operator.kind, words),
            "    " + _ends(contents, operator))),
        next_step="please report the network")


def _ends(contents: Contents, operator: Operator) -> str:
    """The quantization of an operator's inputs and outputs, as text."""
    def text_of(indices: Sequence[int]) -> str:
        return ", ".join("{:.6g} x (code - {})".format(tensor.scale, tensor.zero_point) for tensor in (
            contents.tensors[index] for index in indices if index >= 0) if tensor.scale)
    return "from {} to {}".format(text_of(operator.inputs), text_of(operator.outputs))


def run(content: bytes, passes: Sequence[Pass], progress: Callable[[float], None] = lambda done: None,
        runtime: str = "tensorflow") -> List[Outcome]:
    """The outcome of each pass, in order. The passes are divided among as many processes as there are processors.
    progress: called with the share of the samples that is done."""
    count = min(processors.usable(), len(passes))
    shares = [passes[first::count] for first in range(count)]
    done, total, lock = [0] * count, sum(item.samples for item in passes), threading.Lock()

    def work(place: int) -> List[Outcome]:
        def on_done(samples: int) -> None:
            with lock:
                done[place] = samples
                progress(sum(done) / total)
        return list(_one_by_one(content, shares[place], on_done, runtime))

    if not passes:
        return []
    with ThreadPoolExecutor(count) as pool:
        outcomes = list(pool.map(work, range(count)))
    return [outcomes[number % count][number // count] for number in range(len(passes))]


def each(content: bytes, passes: Sequence[Pass], runtime: str = "tensorflow") -> Iterator[Outcome]:
    """Yields the outcome of each pass, in order. All passes run in one process before the first outcome is yielded;
    only one outcome's arrays are in memory, the others on the disk."""
    return _one_by_one(content, passes, lambda samples: None, runtime)


def _one_by_one(content: bytes, passes: Sequence[Pass], on_done: Callable[[int], None],
                runtime: str) -> Iterator[Outcome]:
    """Yields the outcome of each pass. Where the process dies, the current pass fails, and a new process runs the
    remaining ones."""
    with tempfile.TemporaryFile() as file, tempfile.TemporaryFile() as arena:
        file.write(content)
        file.flush()
        placed = _placed(arena, passes)
        at = 0
        while at < len(passes):
            failures = _process(file, arena, placed[at:], functools.partial(
                _add, on_done, sum(item.samples for item in passes[:at])), runtime)
            for failure, place in zip(failures, placed[at:]):
                yield failure or {index: np.array(_mapped(arena, dtype, shape, offset))
                                  for index, dtype, shape, offset in place["outputs"]}
            at += len(failures)


def _add(on_done: Callable[[int], None], before: int, done: int) -> None:
    on_done(before + done)


def _placed(arena: IO[bytes], passes: Sequence[Pass]) -> List[Dict[str, Any]]:
    """The passes in the worker's form, with places in the arena for all their arrays. Writes the inputs to the
    arena."""
    end = 0
    placed: List[Dict[str, Any]] = []

    def place(index: int, dtype: str, shape: Sequence[int]) -> List[Any]:
        nonlocal end
        offset = end
        end += -(-int(np.prod(shape)) * np.dtype(dtype).itemsize // ALIGNMENT) * ALIGNMENT
        return [index, dtype, [int(size) for size in shape], offset]

    for item in passes:
        placed.append({
            "samples": item.samples,
            "writes": [[offset, data.hex()] for offset, data in item.change.writes],
            "inputs": [place(index, values.dtype.name, values.shape) for index, values in item.inputs.items()],
            "outputs": [place(tensor.index, tensor.dtype, (item.samples,) + tensor.shape)
                        for tensor in item.outputs]})
    arena.truncate(end)
    for item, described in zip(passes, placed):
        for index, dtype, shape, offset in described["inputs"]:
            placed_here = _mapped(arena, dtype, shape, offset)
            for start in range(0, shape[0], ROWS):
                np.copyto(placed_here[start:start + ROWS], item.inputs[index][start:start + ROWS], casting="equiv")
    return placed


def _mapped(arena: IO[bytes], dtype: str, shape: Sequence[int], offset: int) -> np.ndarray:
    if 0 in shape:
        return np.zeros(shape, dtype)
    return np.memmap(arena, dtype, "r+", offset, tuple(shape))


def _process(file: IO[bytes], arena: IO[bytes], passes: List[Dict[str, Any]], on_done: Callable[[int], None],
             runtime: str) -> List[Optional[Failure]]:
    """Runs the passes in one process. Returns, for each pass that was started, None or its Failure."""
    failures: List[Optional[Failure]] = []
    with tempfile.TemporaryFile() as log:
        # No preexec_fn: a process that has run a Session must not run Python code between fork and exec.
        process = subprocess.Popen(WORKER, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
                                   pass_fds=(file.fileno(), arena.fileno()))
        assert process.stdin is not None and process.stdout is not None
        try:
            _order(process.stdin, {"parent": os.getpid(), "runtime": runtime, "file": file.fileno(),
                                   "longest_s": LONGEST_S, "arena": arena.fileno(), "passes": passes})
            for line in process.stdout:
                report = json.loads(line.decode("utf-8"))
                if "started" in report:
                    failures.append(Failure(""))
                if "finished" in report:
                    failures[-1] = None
                if "failed" in report:
                    failures[-1] = Failure(report["failed"].strip())
                if "done" in report:
                    on_done(sum(item["samples"] for item in passes[:len(failures) - 1]) + report["done"])
            status = process.wait()
        finally:
            process.kill()
            process.wait()
            process.stdout.close()
            _close(process.stdin)
        if not failures:
            raise InterpreterError("the interpreter's process ended before it ran the file", where=runtime,
                                   why=_reason(status, log),
                                   next_step="check whether the process was killed, and whether {} is installed "
                                             "completely".format(runtime))
        if failures[-1] == Failure(""):
            failures[-1] = Failure(_reason(status, log))
    return failures


def _order(stdin: IO[bytes], orders: Dict[str, Any]) -> None:
    try:
        stdin.write(json.dumps(orders).encode("utf-8") + b"\n")
        stdin.flush()  # it stays open: at its end, the process knows that its parent has died
    except BrokenPipeError:
        pass  # the process died at once: `_reason` reports why


def _close(stream: IO[bytes]) -> None:
    try:
        stream.close()
    except BrokenPipeError:
        pass


def _reason(status: int, log: IO[bytes]) -> str:
    """How the process ended, and the last lines of its output."""
    log.seek(0)
    lines = [line for line in log.read().decode("utf-8", "replace").splitlines()
            if line.strip() and not line.startswith("INFO:")]
    if status == -signal.SIGALRM:
        how = "an inference did not return within {} s".format(LONGEST_S)
    elif status < 0:
        how = "the process was killed by {}".format(signal.Signals(-status).name)
    else:
        how = "the process ended with exit code {}".format(status)
    return "\n".join([how] + lines[-LAST_LINES:])
