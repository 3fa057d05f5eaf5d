"""ConvertUint8: converts the frozen graph to a fully-uint8 .tflite file, and audits the file.

In:  Freeze's frozen.pb.
Out: model.tflite; network.json.
Fails with ConvertError when toco refuses the graph, and with AuditError when the file is not fully uint8 or its ranges
differ from the trained ones.
"""

from typing import Any, Dict

from octet import model_identifier
from octet.job import Job, Progress
from tasks.graph import io_spec
from tasks.tflite import conversion


def run(job: Job, progress: Progress) -> Dict[str, Any]:
    source = job.input("Freeze")
    network = io_spec.read(source)
    content, contents, counts = conversion.to_uint8(io_spec.read_graph(source / "frozen.pb"), network)
    for end, index in zip(network["outputs"], contents.outputs):
        end["scale"], end["zero_point"] = contents.tensors[index].scale, contents.tensors[index].zero_point
    (job.out / "model.tflite").write_bytes(content)
    io_spec.write(job.out, network)
    return {"size_bytes": len(content), "tensors": counts, "identifier": model_identifier.find(content)}
