import shutil

from tasks import bytes_of, prepared_data


def run(job, progress):
    shutil.copy(str(job.input("ConvertUint8") / "model.tflite"), str(job.out))
    bytes_of.write(job, "card.json", (job.input("Measure") / "measurement.json").read_bytes(),
                   bytes_of.part(prepared_data.load(job), "test"))
    bytes_of.write(job, "card.md", (job.out / "card.json").read_bytes())
    (job.out / "samples").mkdir()
    bytes_of.write(job, "samples/input_0.npy", bytes_of.part(prepared_data.load(job), "test"))
    bytes_of.fill(job)
    return {"size_bytes": (job.out / "model.tflite").stat().st_size}
