"""Runs a .tflite file of any origin (uint8, int8 or float) on the samples of a dataset.

Samples are given as the dataset's codes. The file gets their real values, or these as codes of its own quantization.
Its outputs are returned as real values.
"""

import functools
import struct
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Sequence, Tuple

import numpy as np

from octet import processors
from octet.data.dataset import Input
from octet.errors import InterpreterError
from octet.quantization import quantization, to_real
from tasks.tflite import int8_run, model_file
from tasks.tflite.interpreter import processes
from tasks.tflite.model_file import Contents, Tensor

MARK = b"TFL3"  # at byte 4 of the file
FLOATS = ("float32", "float16")
CHUNK_BYTES = 1 << 26
BROKEN = (struct.error, IndexError, KeyError, TypeError, ValueError, AttributeError, OverflowError, MemoryError)


class AnyModel(NamedTuple):
    """A .tflite file and its contents. path: for messages."""

    path: str
    content: bytes
    contents: Contents

    @property
    def inputs(self) -> List[Tensor]:
        return [self.contents.tensors[index] for index in self.contents.inputs]

    @property
    def outputs(self) -> List[Tensor]:
        return [self.contents.tensors[index] for index in self.contents.outputs]


def read(path: str) -> AnyModel:
    """Reads the file. Raises InterpreterError where it is no .tflite file, where an input or output is neither float
    nor quantized to 8 bits, and where its batch is not 1."""
    content = Path(path).read_bytes()
    if content[4:8] != MARK:
        raise _not_a_model(path, "its bytes 4 to 8 are {!r}, not {!r}".format(content[4:8], MARK))
    try:
        model = AnyModel(path, content, model_file.read(content))
        ends = model.inputs + model.outputs
    except BROKEN as error:
        raise _not_a_model(path, "its beginning is right, but it cannot be read: {}".format(error)) from error
    for tensor in ends:
        if tensor.dtype not in FLOATS and (tensor.dtype not in ("uint8", "int8") or not tensor.scale):
            raise InterpreterError(
                "'{}' is {}{}".format(tensor.name, tensor.dtype, "" if tensor.scale or tensor.dtype not in (
                    "uint8", "int8") else " without scale and zero point"), where=path,
                why="inputs and outputs must be float32, float16, or quantized uint8 or int8",
                next_step="convert the model with such inputs and outputs")
        if not tensor.shape or tensor.shape[0] != 1:
            raise InterpreterError("'{}' has the shape {}".format(tensor.name, list(tensor.shape)), where=path,
                                   why="samples are run one by one: the first axis must be a batch of 1",
                                   next_step="convert the model with a batch of 1")
    return model


def _not_a_model(path: str, why: str) -> InterpreterError:
    return InterpreterError("not a .tflite file", where=path, why=why,
                            next_step="name a model that was converted for TensorFlow Lite")


def matched(tensors: Sequence[Tensor], shapes: Dict[str, Tuple[int, ...]], known: Sequence[str], side: str,
            path: str) -> List[str]:
    """The dataset's name of each of the file's inputs or outputs.

    shapes: {name in the dataset: shape of a sample}. known: the names in the file's order, if they are known. Else
    tensors are matched by name, or the only tensor with the only name, or by shape. Raises InterpreterError where the
    match is not unique."""
    if known and len(known) == len(tensors) and set(known) <= set(shapes):
        return list(known)
    names = [tensor.name for tensor in tensors]
    if set(names) == set(shapes):
        return names
    if len(shapes) == len(tensors) == 1:
        return list(shapes)
    of_shape: Dict[Tuple[int, ...], List[str]] = {}
    for name, shape in shapes.items():
        of_shape.setdefault(_squeezed(shape), []).append(name)
    candidates = [of_shape.get(_squeezed(tensor.shape[1:]), []) for tensor in tensors]
    if len(shapes) != len(tensors) or any(len(each) != 1 for each in candidates):
        raise InterpreterError(
            "the file's {}s are not those of the dataset".format(side), where=path,
            why="the file has {}\nthe dataset has {}".format(
                _listed(zip(names, (tensor.shape[1:] for tensor in tensors))), _listed(shapes.items())),
            next_step="give the file's {}s the names that they have in the dataset; a file with one {} needs no "
                      "name".format(side, side))
    return [each[0] for each in candidates]


def _listed(ends: Any) -> str:
    return ", ".join("{} {}".format(name, list(shape)) for name, shape in ends)


def _squeezed(shape: Sequence[int]) -> Tuple[int, ...]:
    """The shape without axes of size 1."""
    return tuple(side for side in shape if side != 1)


def input_names(model: AnyModel, inputs: Dict[str, Input], known: Sequence[str]) -> List[str]:
    """The dataset's name of each of the file's inputs, in the file's order. known: as for `matched`. Raises
    InterpreterError where an input does not belong to the dataset, or has another shape."""
    shapes = {name: tuple(spec.shape) for name, spec in inputs.items()}
    names = matched(model.inputs, shapes, known, "input", model.path)
    for tensor, name in zip(model.inputs, names):
        wanted, has = tensor.shape[1:], tuple(inputs[name].shape)
        if _squeezed(wanted) != _squeezed(has):
            raise InterpreterError(
                "the file's input '{}' has the shape {}, but samples of '{}' have {}".format(
                    tensor.name, list(wanted), name, list(has)), where=model.path,
                why="a file runs only on samples of the shape of its input",
                next_step="use a recipe whose data.args give this shape (`size`, `channels`), or another file")
    return names


def run(model: AnyModel, samples: Sequence[np.ndarray], inputs: Sequence[Input],
        progress: Callable[[float], None] = lambda done: None) -> Iterator[Tuple[slice, List[np.ndarray]]]:
    """Yields (rows, [float32 real values [rows, ...] of each output]), for some rows at a time.

    samples: codes [N, ...] uint8 for each of the file's inputs, in its order. inputs: the ranges of these codes.
    Raises InterpreterError, with the interpreter's message, where the file cannot be run."""
    total = len(samples[0])
    bytes_each = 4 * sum(int(np.prod(tensor.shape)) for tensor in model.inputs + model.outputs)
    step = max(1, CHUNK_BYTES // bytes_each)
    for start in range(0, total, step):
        rows = slice(start, min(start + step, total))
        given = [encode(np.asarray(codes[rows]), spec, tensor)
                 for codes, spec, tensor in zip(samples, inputs, model.inputs)]
        outputs = _run(model, given, functools.partial(_report, progress, rows, total))
        yield rows, [decode(codes, tensor) for codes, tensor in zip(outputs, model.outputs)]


def _report(progress: Callable[[float], None], rows: slice, total: int, done: float) -> None:
    """Converts `done`, a share of these rows, to a share of all samples, and reports it."""
    progress((rows.start + done * (rows.stop - rows.start)) / total)


def _run(model: AnyModel, given: Sequence[np.ndarray], progress: Callable[[float], None]) -> List[np.ndarray]:
    parts = [part for part in np.array_split(np.arange(len(given[0])), processors.usable()) if len(part)]
    # The same interpreter as in the stage Measure (see int8_run.py).
    is_int8 = any(tensor.dtype == "int8" for tensor in model.contents.tensors)
    runtime, name = ("tflite_runtime", int8_run.runtime()) if is_int8 else (
        "tensorflow", "the interpreter of TensorFlow 1.14")
    outcomes = processes.run(model.content, [processes.Pass(
        len(part), {tensor.index: values[part[0]:part[-1] + 1] for tensor, values in zip(model.inputs, given)},
        model.outputs) for part in parts], progress, runtime)
    pieces: List[Dict[int, np.ndarray]] = []
    for outcome in outcomes:
        if isinstance(outcome, processes.Failure):
            raise InterpreterError("{} cannot run it".format(name), where=model.path,
                                   why=outcome.words, next_step="a file of a newer converter may need a newer "
                                   "interpreter: convert it without newer operators, or run it in that interpreter")
        pieces.append(outcome)
    return [np.concatenate([piece[tensor.index][:, 0] for piece in pieces]) for tensor in model.outputs]


def encode(codes: np.ndarray, spec: Input, tensor: Tensor) -> np.ndarray:
    """The values of the file's input `tensor` for the dataset's codes [N, ...]: [N, *its shape], of its dtype."""
    scale, zero_point = quantization(spec.low, spec.high)
    of_code = to_real(np.arange(256, dtype=np.float64), scale, zero_point)  # a table of all codes
    if tensor.scale:
        ends = np.iinfo(tensor.dtype)
        of_code = np.clip(np.round(of_code / tensor.scale) + tensor.zero_point, ends.min, ends.max)
    return of_code.astype(tensor.dtype)[codes].reshape((-1,) + tensor.shape)


def decode(values: np.ndarray, tensor: Tensor) -> np.ndarray:
    """The float32 real values of an output's values."""
    reals = values.astype(np.float32)
    return to_real(reals, np.float32(tensor.scale), tensor.zero_point) if tensor.scale else reals
