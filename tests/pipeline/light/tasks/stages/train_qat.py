from tasks import bytes_of, prepared_data
from tasks.training import loop


def run(job, progress):
    progress(0.1, "training")
    float_graph = (job.input("TrainFloat") / "float.pb").read_bytes()
    bytes_of.write(job, "network.pb", float_graph)
    for name in ("variables.index", "variables.data-00000-of-00001"):
        bytes_of.write(job, name, float_graph, job.settings["quantize"], job.settings["seed"],
                       bytes_of.part(prepared_data.load(job), "train"), loop.steps())
    (job.out / "network.json").write_text("{}\n")
    bytes_of.fill(job)
    return {}
