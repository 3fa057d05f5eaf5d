from pathlib import Path

from octet.lookup import LOSSES, load_attribute
from tasks import bytes_of, prepared_data
from tasks.training import loop


def run(job, progress):
    progress(0.1, "training")
    dataset = prepared_data.load(job)  # before it writes, like the real stage
    section = job.settings["model"]
    build = load_attribute(section["build"], "models", "build", Path(job.recipe_folder))
    model = build(input_shape=(4, 4, 1), classes=2, **section["args"])
    spec = job.settings["loss"]["function"]
    loss = load_attribute(spec, LOSSES, "", Path(job.recipe_folder))({}, {}, {}) if spec else None
    bytes_of.write(job, "float.pb", model, loss, job.settings["train"], job.settings["seed"],
                   bytes_of.part(dataset, "train"), loop.steps())
    (job.out / "network.json").write_text("{}\n")
    (job.out / "events").write_text("by-product")
    bytes_of.fill(job)
    return {"loss": loop.steps()[-1]}
