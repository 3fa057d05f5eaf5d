"""Proves that an edited .tflite file still has the same computation."""

from typing import Any, Dict, Iterator, List

from tflite.tflite.Model import Model

from octet.errors import AuditError
from tasks.tflite import model_file


def expect(before: bytes, after: bytes, renamed: bool = False) -> None:
    """Raises AuditError unless `after` has the buffers, tensors, operators and quantization of `before`. It may have
    further buffers. renamed: tensors may have other names."""
    differences = list(_differences(_facts(before, renamed), _facts(after, renamed)))
    if differences:
        raise AuditError("editing has changed the network of the .tflite file", where="model.tflite",
                         why="\n".join(differences), next_step="please report the network")


def _differences(before: Dict[str, List[Any]], after: Dict[str, List[Any]]) -> Iterator[str]:
    for what, old in before.items():
        new = after[what]
        if what == "buffer":
            new = new[:len(old)]
        if len(old) != len(new):
            yield "it has {} {}s, not {}".format(len(new), what, len(old))
        for number, (one, other) in enumerate(zip(old, new)):
            if one != other:
                yield "{} {} is different".format(what, number)


def _facts(content: bytes, renamed: bool) -> Dict[str, List[Any]]:
    model = Model.GetRootAsModel(content, 0)
    graph, contents = model.Subgraphs(0), model_file.read(content)
    buffers = [model.Buffers(number) for number in range(model.BuffersLength())]
    codes = [model.OperatorCodes(number) for number in range(model.OperatorCodesLength())]
    return {
        "buffer": [each.DataAsNumpy().tobytes() if each.DataLength() else b"" for each in buffers],
        "tensor": [("" if renamed else tensor.name, tensor.dtype, tensor.shape, graph.Tensors(tensor.index).Buffer(),
                    _quantization(graph.Tensors(tensor.index))) for tensor in contents.tensors],
        "operator code": [(code.BuiltinCode(), code.Version()) for code in codes],
        "operator": list(contents.operators), "input": list(contents.inputs), "output": list(contents.outputs)}


def _quantization(tensor: Any) -> Any:
    table = tensor.Quantization()
    if table is None:
        return None
    return ([table.Scale(index) for index in range(table.ScaleLength())],
            [table.ZeroPoint(index) for index in range(table.ZeroPointLength())], table.QuantizedDimension(),
            [table.Min(index) for index in range(table.MinLength())],
            [table.Max(index) for index in range(table.MaxLength())])
