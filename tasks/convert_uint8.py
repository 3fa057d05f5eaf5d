"""ConvertUint8: the frozen graph as a fully-uint8 .tflite file, audited.

In:  Freeze's frozen.pb.
Out: model.tflite; network.json.
Fails with ConvertError when toco refuses, AuditError when anything in the file is not uint8.
"""

from octet.job import Job, Progress
from tasks import network as net
from tasks.tflite import audit, interpreter, toco


def run(job: Job, progress: Progress) -> dict:
    source = job.input("Freeze")
    network = net.read(source)
    content = toco.convert(source / "frozen.pb", network, uint8=True)
    path = job.out / "model.tflite"
    path.write_bytes(content)
    model = interpreter.Model(path)
    counts = audit.fully_uint8(model, network)
    for end, tensor in zip(network["outputs"], model.outputs):
        end["scale"], end["zero_point"] = interpreter.quantization(tensor)
    net.write(job.out, network)
    return {"size_bytes": len(content), "tensors": counts}
