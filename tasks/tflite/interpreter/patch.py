"""Makes copies of a .tflite file with other inputs and outputs, or with one operator only, without a new conversion,
which would change fusions, and without a serializer.

An offset in a flatbuffer is unsigned and counts forward from its own position. So a new vector can be appended to the
file and a table's offset set to it, and an element of a vector can be set to any table after it.
"""

import struct
from typing import Any, NamedTuple, Sequence, Tuple

from tflite.tflite.Model import Model

from tasks.tflite.model_file import Contents

# The positions of fields in the vtable of a SubGraph: 4 + 2 * number of the field in the schema.
INPUTS, OUTPUTS, OPERATORS = 6, 8, 10


class Patch(NamedTuple):
    """Changes of a file. writes: [(offset, bytes)]; the bytes replace those of the file, or extend it."""

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
    """The patch that makes every computed tensor an output of the graph, in the order of `contents.computed()`.

    The interpreter reuses the memory of intermediate tensors, so only outputs can be read.
    """
    return _with_vectors(content, ((OUTPUTS, [tensor.index for tensor in contents.computed()]),))


def alone(content: bytes, contents: Contents, number: int) -> Patch:
    """The patch that reduces the graph to one operator, whose variable inputs and outputs become those of the graph.

    Raises ValueError where the file's layout does not allow this."""
    operator = contents.operators[number]
    ends = _with_vectors(content, (
        (INPUTS, [tensor.index for tensor in contents.variable_inputs(operator)]),
        (OUTPUTS, operator.outputs)))
    graph = Model.GetRootAsModel(content, 0).Subgraphs(0)
    length = _pointed(content, _field(graph, OPERATORS))
    slot = length + 4
    # A flatbuffer builder writes from the end of the file to its beginning, and children before the vector that holds
    # them. So the children are after the vector in the file, and its element 0 can be set to any of them.
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


def _field(table: Any, vtable_offset: int) -> int:
    """The position in the file of a field of the table."""
    return int(table._tab.Pos + table._tab.Offset(vtable_offset))


def _pointed(content: bytes, at: int) -> int:
    """The position that the offset at `at` points to."""
    return int(at + struct.unpack_from("<I", content, at)[0])
