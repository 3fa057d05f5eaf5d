"""A .tflite file that is edited without a serializer: bytes changed in place, tables added, lists made anew.

A flatbuffer's offsets are relative, unsigned, and count forward from where they stand. So

    a new table can stand behind the old bytes, and an old offset can be pointed at it;
    new lists of tensors and operators can stand before the old bytes, and lead to old and new tables alike.

Alignment counts from the start of the file: what is put before is a multiple of it.
"""

import struct
from typing import Any, Dict, List, Sequence, Tuple

from tflite.tflite.Model import Model

ALIGNMENT = 16
FILE_IDENTIFIER = b"TFL3"

# Where a field stands in the vtable of its table: 4 + 2 * its number in the schema (tensorflow/lite/schema/schema.fbs).
FIELDS = {"Tensor": {"Shape": 4, "Type": 6, "Buffer": 8, "Name": 10, "Quantization": 12},
          "Model": {"Version": 4, "OperatorCodes": 6, "Subgraphs": 8, "Description": 10, "Buffers": 12, "Metadata": 16},
          "SubGraph": {"Tensors": 4, "Inputs": 6, "Outputs": 8, "Operators": 10, "Name": 12},
          "Operator": {"OpcodeIndex": 4, "Inputs": 6, "Outputs": 8},
          "OperatorCode": {"BuiltinCode": 4, "Version": 8},
          "QuantizationParameters": {"Scale": 8, "ZeroPoint": 10, "QuantizedDimension": 16},
          "Buffer": {"Data": 4},
          "Metadata": {"Name": 4, "Buffer": 6}}


def field(table: Any, name: str) -> int:
    """Where the field of a table stands in the file. Raises ValueError where the table leaves it out."""
    offset = table._tab.Offset(FIELDS[type(table).__name__][name])
    if not offset:
        raise ValueError("the file leaves out {}.{}".format(type(table).__name__, name))
    return table._tab.Pos + offset


def _there(table: Any, names: Sequence[str]) -> Dict[str, int]:
    """{field: what it leads to} of those fields of a table that it does not leave out."""
    offsets = {name: table._tab.Offset(FIELDS[type(table).__name__][name]) for name in names}
    return {name: table._tab.Indirect(table._tab.Pos + offset) for name, offset in offsets.items() if offset}


def bytes_of(buffer: Any) -> int:
    """Where the bytes of a Buffer begin in the file; 0 for one without any."""
    offset = buffer._tab.Offset(FIELDS["Buffer"]["Data"])
    return buffer._tab.Vector(offset) if offset else 0


class _Bytes:
    """Bytes that grow at their end. Places are offsets in them."""

    def __init__(self, content: bytes = b"") -> None:
        self.content = bytearray(content)

    def overwrite(self, place: int, data: bytes) -> None:
        """The bytes at `place` are `data`."""
        self.content[place:place + len(data)] = data

    def point(self, place: int, target: int) -> None:
        """The offset that stands at `place` leads to `target`, which lies behind it."""
        self.overwrite(place, struct.pack("<I", target - place))

    def table(self, kind: str, names: Sequence[str]) -> Dict[str, int]:
        """A new table with those fields, of four bytes each and 0. Where each stands; "" is the table itself."""
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
        """A new vector of numbers of one kind (see `struct`), its entries aligned; their number stands before them."""
        place = self.end() + ALIGNMENT - 4
        self.content += bytes(ALIGNMENT - 4) + struct.pack("<I", len(values))
        self.content += struct.pack("<{}{}".format(len(values), kind), *values) + end
        return place

    def string(self, text: str) -> int:
        """A new string."""
        return self.vector("B", text.encode("utf-8"), end=b"\0")

    def end(self) -> int:
        """Where the bytes end, padded to the alignment."""
        self.content += bytes(-len(self.content) % ALIGNMENT)
        return len(self.content)


class EditedFile(_Bytes):
    """codes, tensors, operators, buffers: the places of the tables that the file has, in order. They may be changed.
    metadata: those of its entries Metadata, which TensorFlow 1.14 writes none of. inputs, outputs: places in
    `tensors`."""

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
        """A new table QuantizationParameters. axis: that of the scales, where there are several."""
        table = self.table("QuantizationParameters", ("Scale", "ZeroPoint", "QuantizedDimension"))
        self.overwrite(table["QuantizedDimension"], struct.pack("<i", axis))
        self.point(table["Scale"], self.vector("f", scales))
        self.point(table["ZeroPoint"], self.vector("q", zero_points))
        return table[""]

    def operator_code(self, builtin: int, version: int) -> int:
        """A new table OperatorCode. builtin: the operator's number."""
        table = self.table("OperatorCode", ("BuiltinCode", "Version"))
        self.overwrite(table["BuiltinCode"], struct.pack("<b", builtin))
        self.overwrite(table["Version"], struct.pack("<i", version))
        return table[""]

    def tensor(self, name: str, shape: Sequence[int], dtype: int, scale: float, zero_point: int) -> int:
        """A new table Tensor of what an operator makes: its buffer is the first, which is empty by convention."""
        table = self.table("Tensor", ("Shape", "Type", "Buffer", "Name", "Quantization"))
        self.overwrite(table["Type"], bytes([dtype]))
        self.point(table["Shape"], self.vector("i", shape))
        self.point(table["Name"], self.string(name))
        self.point(table["Quantization"], self.quantization([scale], [zero_point], 0))
        return table[""]

    def rename(self, tensor: int, name: str) -> None:
        """Gives the tensor at this place in `tensors` another name."""
        self.point(field(self._graph.Tensors(tensor), "Name"), self.string(name))

    def add_metadata(self, name: str, data: bytes) -> None:
        """One more entry Metadata, with a buffer of its own."""
        buffer = self.table("Buffer", ("Data",))
        self.point(buffer["Data"], self.vector("B", data))
        entry = self.table("Metadata", ("Name", "Buffer"))
        self.point(entry["Name"], self.string(name))
        self.overwrite(entry["Buffer"], struct.pack("<I", len(self.buffers)))
        self.buffers.append(buffer[""])
        self.metadata.append(entry[""])

    def operator(self, code: int, inputs: Sequence[int], outputs: Sequence[int]) -> int:
        """A new table Operator without options. code: its place among `codes`; the others are places in `tensors`."""
        table = self.table("Operator", ("OpcodeIndex", "Inputs", "Outputs"))
        self.overwrite(table["OpcodeIndex"], struct.pack("<I", code))
        self.point(table["Inputs"], self.vector("i", inputs))
        self.point(table["Outputs"], self.vector("i", outputs))
        return table[""]

    def finished(self) -> bytes:
        """The file with the tables that are listed now, and its one graph. The old lists stay in it, unused."""
        front = _Bytes(struct.pack("<I4s", 0, FILE_IDENTIFIER))
        kept = {"Model": _there(self._model, ("Description",)),
                "SubGraph": _there(self._graph, ("Inputs", "Outputs", "Name"))}
        listed = [name for owner, name, _ in self._lists() if owner == "Model"]
        model = front.table("Model", ["Version", "Subgraphs", *listed, *kept["Model"]])
        graphs = front.vector("I", [0])  # before the table that it leads to
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
