"""ConvertUint8: the frozen graph as a fully-uint8 .tflite file, audited.

In:  Freeze's frozen.pb.
Out: model.tflite; network.json.
Fails with ConvertError when toco refuses, AuditError when anything in the file is not uint8 or not as trained.
"""

from octet import identifier
from octet.job import Job, Progress
from tasks import network as net
from tasks.tflite import audit, toco
from tasks.tflite import contents as tflite_contents


def run(job: Job, progress: Progress) -> dict:
    source = job.input("Freeze")
    network = net.read(source)
    content = identifier.carried(toco.convert(source / "frozen.pb", network, uint8=True))
    contents = tflite_contents.read(content)
    counts = audit.fully_uint8(contents, network, net.read_graph(source / "frozen.pb"))
    for end, index in zip(network["outputs"], contents.outputs):
        end["scale"], end["zero_point"] = contents.tensors[index].scale, contents.tensors[index].zero_point
    (job.out / "model.tflite").write_bytes(content)
    net.write(job.out, network)
    return {"size_bytes": len(content), "tensors": counts, "identifier": identifier.find(content)}
