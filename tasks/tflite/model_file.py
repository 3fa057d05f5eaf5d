"""Reads the tensors and operators of a .tflite file, without an interpreter."""

import importlib
import re
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

import numpy as np
from tflite.tflite.BuiltinOperator import BuiltinOperator
from tflite.tflite.BuiltinOptions import BuiltinOptions
from tflite.tflite.Model import Model
from tflite.tflite.TensorType import TensorType

DTYPES = {"FLOAT32": "float32", "FLOAT16": "float16", "INT32": "int32", "UINT8": "uint8", "INT64": "int64",
          "BOOL": "bool", "INT16": "int16", "COMPLEX64": "complex64", "INT8": "int8"}


class Tensor(NamedTuple):
    """One tensor. real = (code - zero_point) * scale; the scale is 0 where the tensor is not quantized."""

    index: int  # type: ignore[assignment]  # hides tuple.index, which is not used
    name: str
    dtype: str
    shape: Tuple[int, ...]
    scale: float
    zero_point: int
    value: Optional[np.ndarray]
    """The value of a constant, else None."""


class Operator(NamedTuple):
    """One operator. inputs, outputs: indices of tensors, -1 for an optional input that is absent."""

    number: int
    kind: str
    """The builtin operator's name (CONV_2D); 'OPERATOR_NUMBER' for an operator that TensorFlow 1.14 does not have."""
    options: Dict[str, object]
    """{name in the schema, in snake case (stride_w): value} of the builtin options."""
    inputs: Tuple[int, ...]
    outputs: Tuple[int, ...]


class Contents(NamedTuple):
    """The only graph of a file. operators: in the order in which they run. inputs, outputs: indices of tensors."""

    tensors: List[Tensor]
    operators: List[Operator]
    inputs: Tuple[int, ...]
    outputs: Tuple[int, ...]

    def name(self, operator: Operator) -> str:
        """An operator's name: the name of its first output."""
        return self.tensors[operator.outputs[0]].name

    def variable_inputs(self, operator: Operator) -> List[Tensor]:
        """The inputs of an operator that are not constants, without duplicates."""
        chosen = [self.tensors[index] for index in dict.fromkeys(operator.inputs) if index >= 0]
        return [tensor for tensor in chosen if tensor.value is None]

    def computed(self) -> List[Tensor]:
        """The outputs of all operators, in the order in which they are computed."""
        return [self.tensors[index] for operator in self.operators for index in operator.outputs]


def read(content: bytes) -> Contents:
    """The file's tensors and operators. The values of constants are views of `content`."""
    model = Model.GetRootAsModel(content, 0)
    graph = model.Subgraphs(0)
    codes = [model.OperatorCodes(number).BuiltinCode() for number in range(model.OperatorCodesLength())]
    kinds = [_names(BuiltinOperator).get(code, "OPERATOR_{}".format(code)) for code in codes]
    return Contents(
        [_tensor(model, number, graph.Tensors(number)) for number in range(graph.TensorsLength())],
        [_operator(number, kinds, graph.Operators(number)) for number in range(graph.OperatorsLength())],
        _indices(graph.InputsAsNumpy()), _indices(graph.OutputsAsNumpy()))


def _tensor(model: Model, index: int, tensor: Any) -> Tensor:
    dtype = DTYPES[_names(TensorType)[tensor.Type()]]
    shape = _indices(tensor.ShapeAsNumpy())
    quantization, buffer = tensor.Quantization(), model.Buffers(tensor.Buffer())
    quantized = quantization is not None and quantization.ScaleLength() == 1
    value = None
    if buffer.DataLength():
        value = buffer.DataAsNumpy().view(dtype).reshape(shape)
    return Tensor(index, tensor.Name().decode("utf-8"), dtype, shape,
                  float(quantization.Scale(0)) if quantized else 0.0,
                  int(quantization.ZeroPoint(0)) if quantized and quantization.ZeroPointLength() else 0,
                  value)


def _operator(number: int, kinds: List[str], operator: Any) -> Operator:
    return Operator(number, kinds[operator.OpcodeIndex()], _options(operator),
                    _indices(operator.InputsAsNumpy()), _indices(operator.OutputsAsNumpy()))


def _options(operator: Any) -> Dict[str, object]:
    """{name: value} of the builtin options. The class that is generated from the schema has a method for each
    option."""
    kind, table = _names(BuiltinOptions).get(operator.BuiltinOptionsType(), "NONE"), operator.BuiltinOptions()
    if kind == "NONE" or table is None:
        return {}
    options = getattr(importlib.import_module("tflite.tflite." + kind), kind)()
    options.Init(table.Bytes, table.Pos)
    names = [name for name in vars(type(options)) if name[0].isupper() and "GetRootAs" not in name
             and not name.endswith(("Init", "BufferHasIdentifier", "Length"))]
    vectors = [name[:-len("AsNumpy")] for name in names if name.endswith("AsNumpy")]
    values = {name: getattr(options, name)() for name in names
              if name not in vectors and not name.endswith("AsNumpy")}
    values.update({name: _indices(getattr(options, name + "AsNumpy")()) for name in vectors})
    return {_snake(name): value for name, value in values.items()}


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def _indices(vector: Any) -> Tuple[int, ...]:
    """The vector as a tuple. vector: an array, or 0 where the file leaves it out."""
    return () if isinstance(vector, int) else tuple(int(value) for value in vector)


def _names(enumeration: Any) -> Dict[int, str]:
    return {value: name for name, value in vars(enumeration).items() if isinstance(value, int)}
