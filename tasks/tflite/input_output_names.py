"""The names of a .tflite file's inputs and outputs: the dataset's in the file, the graph's where it is compared."""

from typing import Dict, List, Tuple, Union

from octet import model_identifier
from tasks.graph.io_spec import InputEnd, Network, OutputEnd
from tasks.tflite import same_computation
from tasks.tflite.flatbuffer_edit import EditedFile
from tasks.tflite.model_file import Contents


def named(content: bytes, network: Network) -> bytes:
    """The file with its inputs and outputs called as the dataset calls them (`image`, `label`), without an identifier.
    Buffers, operators and quantization stay as they are, which is proven: raises AuditError."""
    content = model_identifier.without(content)
    file = EditedFile(content)
    for tensor, end in _ends(file.inputs, file.outputs, network):
        file.rename(tensor, end["name"])
    renamed = bytes(file.content)
    same_computation.expect(content, renamed, renamed=True)
    return renamed


def with_graph_names(contents: Contents, network: Network) -> Contents:
    """The contents with the names that the inputs and outputs have in the frozen graph, as toco had named them."""
    names = {tensor: end["node"] for tensor, end in _ends(contents.inputs, contents.outputs, network)}
    return contents._replace(tensors=[
        tensor._replace(name=names.get(tensor.index, tensor.name)) for tensor in contents.tensors])


def _ends(inputs: Tuple[int, ...], outputs: Tuple[int, ...], network: Network
          ) -> List[Tuple[int, Union[InputEnd, OutputEnd]]]:
    """(tensor, its description). A tensor that is an input and an output has the description of the input."""
    described: Dict[int, Union[InputEnd, OutputEnd]] = {}
    described.update(zip(outputs, network["outputs"]))
    described.update(zip(inputs, network["inputs"]))
    return list(described.items())
