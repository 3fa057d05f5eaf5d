import shutil

from tasks import bytes_of, prepared_data


def run(job, progress):
    source = job.input("TrainQAT")
    for name in ("variables.index", "variables.data-00000-of-00001", "network.json"):
        shutil.copy(str(source / name), str(job.out / name))
    bytes_of.write(job, "eval_graph.pb", (source / "network.pb").read_bytes())
    bytes_of.fill(job)
    return {"test": bytes_of.part(prepared_data.load(job), "test")[:8]}
