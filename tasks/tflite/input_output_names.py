"""Renames the inputs and outputs of a .tflite file: to the dataset's names in the file, to the frozen graph's names
where tensors are compared with the graph."""

from typing import Dict, List, Tuple, Union

from octet import model_identifier
from tasks.graph.io_spec import InputEnd, Network, OutputEnd
from tasks.tflite import same_computation
from tasks.tflite.flatbuffer_edit import EditedFile
from tasks.tflite.model_file import Contents


def named(content: bytes, network: Network) -> bytes:
    """The file without its identifier, and with the dataset's names (`image`, `label`) for its inputs and outputs.
    Raises AuditError unless buffers, operators and quantization are unchanged."""
    content = model_identifier.without_identifier(content)
    file = EditedFile(content)
    for tensor, end in _ends(file.inputs, file.outputs, network):
        file.rename(tensor, end["name"])
    renamed = bytes(file.content)
    same_computation.expect(content, renamed, renamed=True)
    return renamed


def with_graph_names(contents: Contents, network: Network) -> Contents:
    """The contents with the frozen graph's names, which toco had given, for the inputs and outputs."""
    names = {tensor: end["node"] for tensor, end in _ends(contents.inputs, contents.outputs, network)}
    return contents._replace(tensors=[
        tensor._replace(name=names.get(tensor.index, tensor.name)) for tensor in contents.tensors])


def _ends(inputs: Tuple[int, ...], outputs: Tuple[int, ...], network: Network
          ) -> List[Tuple[int, Union[InputEnd, OutputEnd]]]:
    """[(index of a tensor, its entry in network.json)]. A tensor that is an input and an output has the input's
    entry."""
    described: Dict[int, Union[InputEnd, OutputEnd]] = {}
    described.update(zip(outputs, network["outputs"]))
    described.update(zip(inputs, network["inputs"]))
    return list(described.items())
