from tasks import bytes_of


def run(job, progress):
    source = job.input("EvalGraph")
    bytes_of.write(job, "frozen.pb", *(path.read_bytes() for path in sorted(source.glob("*"))
                                       if path.name not in ("manifest.json",)))
    (job.out / "network.json").write_text("{}\n")
    bytes_of.fill(job)
    return {"nodes": 0}
