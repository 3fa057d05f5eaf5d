"""Copies of a .tflite file with other ends or with one operator alone, made without converting again
(which would forbid fusions) and without a serializer.

A flatbuffer's offsets are unsigned and count forward from where they stand. So a new vector can be
appended at the end of the file and a table's offset pointed at it, and a vector's slot can point at any
table that lies behind it.
"""

import struct
from typing import NamedTuple, Sequence, Tuple

from tflite.tflite.Model import Model

from tasks.tflite.model_file import Contents

# Where the fields of a SubGraph table stand in its vtable: 4 + 2 * their number in the schema.
INPUTS, OUTPUTS, OPERATORS = 6, 8, 10


class Patch(NamedTuple):
    """writes: (offset, bytes) to be written over the file, of which those at its end make it longer."""

    writes: Tuple[Tuple[int, bytes], ...]

    def applied(self, content: bytes) -> bytes:
        """The patched copy."""
        patched = bytearray(content)
        for offset, data in self.writes:
            if offset > len(patched):
                patched.extend(bytes(offset - len(patched)))
            patched[offset:offset + len(data)] = data
        return bytes(patched)


NOTHING = Patch(())


def every_tensor_out(content: bytes, contents: Contents) -> Patch:
    """All tensors that operators make are outputs of the graph, in the order of `contents.computed()`.

    The interpreter reuses the memory of intermediate tensors, so that only an output can be read.
    """
    return _with_vectors(content, ((OUTPUTS, [tensor.index for tensor in contents.computed()]),))


def alone(content: bytes, contents: Contents, number: int) -> Patch:
    """The graph is the operator of that number: its variable inputs and its outputs are the graph's."""
    operator = contents.operators[number]
    ends = _with_vectors(content, (
        (INPUTS, [tensor.index for tensor in contents.variable_inputs(operator)]),
        (OUTPUTS, operator.outputs)))
    graph = Model.GetRootAsModel(content, 0).Subgraphs(0)
    length = _pointed(content, _field(graph, OPERATORS))
    slot = length + 4
    # A builder writes children before the vector that holds them, from the end of the file to its
    # beginning: so they lie behind it, and slot 0 can reach each of them.
    forward = graph.Operators(number)._tab.Pos - slot
    if forward <= 0:
        raise ValueError("operator {} lies before the vector of operators".format(number))
    return Patch(ends.writes + ((length, struct.pack("<II", 1, forward)),))


def _with_vectors(content: bytes, vectors: Sequence[Tuple[int, Sequence[int]]]) -> Patch:
    graph = Model.GetRootAsModel(content, 0).Subgraphs(0)
    writes, end = [], len(content) + -len(content) % 4
    for field, indices in vectors:
        at = _field(graph, field)
        data = struct.pack("<I{}i".format(len(indices)), len(indices), *indices)
        writes += [(at, struct.pack("<I", end - at)), (end, data)]
        end += len(data)
    return Patch(tuple(writes))


def _field(table, vtable_offset: int) -> int:
    """Where a table's offset field stands in the file."""
    return table._tab.Pos + table._tab.Offset(vtable_offset)


def _pointed(content: bytes, at: int) -> int:
    """Where the offset that stands at `at` leads."""
    return at + struct.unpack_from("<I", content, at)[0]
