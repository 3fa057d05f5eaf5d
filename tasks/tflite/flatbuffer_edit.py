"""Edits a .tflite file without a serializer: changes bytes in place, appends tables, and writes new lists of tables.

An offset in a flatbuffer is unsigned and counts forward from its own position. So

    a new table can be appended, and an old offset can be set to it;
    new lists of tensors and operators can be put before the old bytes, and can point to old and new tables.

Alignment counts from the start of the file, so the size of what is put before the old bytes is a multiple of it.
"""

import struct
from typing import Any, Dict, List, Sequence, Tuple

from tflite.tflite.Model import Model

ALIGNMENT = 16
FILE_IDENTIFIER = b"TFL3"

# The position of a field in the vtable: 4 + 2 * its number in the schema (tensorflow/lite/schema/schema.fbs).
FIELDS = {"Tensor": {"Shape": 4, "Type": 6, "Buffer": 8, "Name": 10, "Quantization": 12},
          "Model": {"Version": 4, "OperatorCodes": 6, "Subgraphs": 8, "Description": 10, "Buffers": 12, "Metadata": 16},
          "SubGraph": {"Tensors": 4, "Inputs": 6, "Outputs": 8, "Operators": 10, "Name": 12},
          "Operator": {"OpcodeIndex": 4, "Inputs": 6, "Outputs": 8},
          "OperatorCode": {"BuiltinCode": 4, "Version": 8},
          "QuantizationParameters": {"Scale": 8, "ZeroPoint": 10, "QuantizedDimension": 16},
          "Buffer": {"Data": 4},
          "Metadata": {"Name": 4, "Buffer": 6}}


def field(table: Any, name: str) -> int:
    """The position in the file of a field of the table. Raises ValueError where the table leaves the field out."""
    offset = table._tab.Offset(FIELDS[type(table).__name__][name])
    if not offset:
        raise ValueError("the file leaves out {}.{}".format(type(table).__name__, name))
    return table._tab.Pos + offset


def _targets(table: Any, names: Sequence[str]) -> Dict[str, int]:
    """{field: the position that it points to} of those of the fields that the table has."""
    offsets = {name: table._tab.Offset(FIELDS[type(table).__name__][name]) for name in names}
    return {name: table._tab.Indirect(table._tab.Pos + offset) for name, offset in offsets.items() if offset}


def bytes_of(buffer: Any) -> int:
    """The position in the file of the data of a Buffer; 0 for a Buffer without data."""
    offset = buffer._tab.Offset(FIELDS["Buffer"]["Data"])
    return buffer._tab.Vector(offset) if offset else 0


class _Bytes:
    """Bytes to which tables and vectors are appended. All places are positions in these bytes."""

    def __init__(self, content: bytes = b"") -> None:
        self.content = bytearray(content)

    def overwrite(self, place: int, data: bytes) -> None:
        """Replaces the bytes from `place` on by `data`."""
        self.content[place:place + len(data)] = data

    def point(self, place: int, target: int) -> None:
        """Sets the offset at `place` to point to `target`, a later position."""
        self.overwrite(place, struct.pack("<I", target - place))

    def table(self, kind: str, names: Sequence[str]) -> Dict[str, int]:
        """Appends a table with these fields, of four bytes each, all 0. Returns {field: its position}; "" is the key of
        the table itself."""
        last = max(FIELDS[kind].values())
        vtable = [last + 2, 4 + 4 * len(names)] + [0] * ((last - 2) // 2)
        for place, name in enumerate(names):
            vtable[FIELDS[kind][name] // 2] = 4 + 4 * place
        start = self.end()
        self.content += struct.pack("<{}H".format(len(vtable)), *vtable)
        at = self.end()
        self.content += struct.pack("<i", at - start) + bytes(4 * len(names))
        return {"": at, **{name: at + 4 + 4 * place for place, name in enumerate(names)}}

    def vector(self, kind: str, values: Sequence[Any], end: bytes = b"") -> int:
        """Appends a vector of numbers, with aligned entries. Returns its position. kind: a format of `struct`."""
        place = self.end() + ALIGNMENT - 4
        self.content += bytes(ALIGNMENT - 4) + struct.pack("<I", len(values))
        self.content += struct.pack("<{}{}".format(len(values), kind), *values) + end
        return place

    def string(self, text: str) -> int:
        """Appends a string. Returns its position."""
        return self.vector("B", text.encode("utf-8"), end=b"\0")

    def end(self) -> int:
        """Pads the bytes to the alignment. Returns the position of their end."""
        self.content += bytes(-len(self.content) % ALIGNMENT)
        return len(self.content)


class EditedFile(_Bytes):
    """A .tflite file that is edited; `finished` returns the result.

    codes, tensors, operators, buffers, metadata: the positions of the file's tables, in order; these lists may be
    changed. `metadata` is empty at first: TensorFlow 1.14 writes none. inputs, outputs: indices in `tensors`."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self._model = Model.GetRootAsModel(bytes(content), 0)
        self._graph = self._model.Subgraphs(0)
        self.codes = [self._model.OperatorCodes(number)._tab.Pos for number in range(self._model.OperatorCodesLength())]
        self.tensors = [self._graph.Tensors(number)._tab.Pos for number in range(self._graph.TensorsLength())]
        self.operators = [self._graph.Operators(number)._tab.Pos for number in range(self._graph.OperatorsLength())]
        self.buffers = [self._model.Buffers(number)._tab.Pos for number in range(self._model.BuffersLength())]
        self.metadata: List[int] = []
        self.inputs, self.outputs = (tuple(int(index) for index in each) for each in (
            self._graph.InputsAsNumpy(), self._graph.OutputsAsNumpy()))

    def quantization(self, scales: Sequence[float], zero_points: Sequence[int], axis: int) -> int:
        """Appends a table QuantizationParameters. Returns its position. axis: the quantized dimension, where there are
        several scales."""
        table = self.table("QuantizationParameters", ("Scale", "ZeroPoint", "QuantizedDimension"))
        self.overwrite(table["QuantizedDimension"], struct.pack("<i", axis))
        self.point(table["Scale"], self.vector("f", scales))
        self.point(table["ZeroPoint"], self.vector("q", zero_points))
        return table[""]

    def operator_code(self, builtin: int, version: int) -> int:
        """Appends a table OperatorCode. Returns its position. builtin: the number of the builtin operator."""
        table = self.table("OperatorCode", ("BuiltinCode", "Version"))
        self.overwrite(table["BuiltinCode"], struct.pack("<b", builtin))
        self.overwrite(table["Version"], struct.pack("<i", version))
        return table[""]

    def tensor(self, name: str, shape: Sequence[int], dtype: int, scale: float, zero_point: int) -> int:
        """Appends a table Tensor of a computed tensor. Returns its position. Its buffer is the first one of the file,
        which is empty by convention."""
        table = self.table("Tensor", ("Shape", "Type", "Buffer", "Name", "Quantization"))
        self.overwrite(table["Type"], bytes([dtype]))
        self.point(table["Shape"], self.vector("i", shape))
        self.point(table["Name"], self.string(name))
        self.point(table["Quantization"], self.quantization([scale], [zero_point], 0))
        return table[""]

    def rename(self, tensor: int, name: str) -> None:
        """Renames the tensor with this index in `tensors`."""
        self.point(field(self._graph.Tensors(tensor), "Name"), self.string(name))

    def add_metadata(self, name: str, data: bytes) -> None:
        """Appends an entry to Metadata, with its own buffer."""
        buffer = self.table("Buffer", ("Data",))
        self.point(buffer["Data"], self.vector("B", data))
        entry = self.table("Metadata", ("Name", "Buffer"))
        self.point(entry["Name"], self.string(name))
        self.overwrite(entry["Buffer"], struct.pack("<I", len(self.buffers)))
        self.buffers.append(buffer[""])
        self.metadata.append(entry[""])

    def operator(self, code: int, inputs: Sequence[int], outputs: Sequence[int]) -> int:
        """Appends a table Operator without options. Returns its position. code: an index in `codes`. inputs, outputs:
        indices in `tensors`."""
        table = self.table("Operator", ("OpcodeIndex", "Inputs", "Outputs"))
        self.overwrite(table["OpcodeIndex"], struct.pack("<I", code))
        self.point(table["Inputs"], self.vector("i", inputs))
        self.point(table["Outputs"], self.vector("i", outputs))
        return table[""]

    def finished(self) -> bytes:
        """The edited file, with the tables that the lists name now. The old lists stay in it, unused."""
        front = _Bytes(struct.pack("<I4s", 0, FILE_IDENTIFIER))
        kept = {"Model": _targets(self._model, ("Description",)),
                "SubGraph": _targets(self._graph, ("Inputs", "Outputs", "Name"))}
        listed = [name for owner, name, _ in self._lists() if owner == "Model"]
        model = front.table("Model", ["Version", "Subgraphs", *listed, *kept["Model"]])
        graphs = front.vector("I", [0])  # before the table that it points to
        graph = front.table("SubGraph", ["Tensors", "Operators", *kept["SubGraph"]])
        lists = {(owner, name): front.vector("I", [0] * len(places)) for owner, name, places in self._lists()}
        shift = front.end()
        front.point(0, model[""])
        front.overwrite(model["Version"], struct.pack("<i", self._model.Version()))
        front.point(model["Subgraphs"], graphs)
        front.point(graphs + 4, graph[""])
        tables = {"Model": model, "SubGraph": graph}
        for owner, name, places in self._lists():
            front.point(tables[owner][name], lists[owner, name])
            for number, place in enumerate(places):
                front.point(lists[owner, name] + 4 + 4 * number, shift + place)
        for owner, table in tables.items():
            for name, target in kept[owner].items():
                front.point(table[name], shift + target)
        return bytes(front.content + self.content)

    def _lists(self) -> List[Tuple[str, str, List[int]]]:
        lists = [("Model", "OperatorCodes", self.codes), ("Model", "Buffers", self.buffers),
                 ("SubGraph", "Tensors", self.tensors), ("SubGraph", "Operators", self.operators)]
        return lists + [("Model", "Metadata", self.metadata)] if self.metadata else lists
