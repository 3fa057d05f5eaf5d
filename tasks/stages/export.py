"""Export: one folder that can be handed to an app developer, a firmware engineer or a manager.

In:  ConvertUint8's model.tflite and network.json; Measure's measurement.json, and model_int8.tflite where there is one;
     the part test; the recipe's section `export`.
Out: model.tflite        the measured file, with TFLite metadata; its network is proven to be unchanged
     model_int8.tflite   the same for the int8 file; where there is none, card.json says why
     labels.txt          class names, one a line; labels_1.txt and so on where several outputs have classes
     card.md, card.json  what the model is, its accuracy, how to feed it, how to read its outputs
     c/                  both models as C++ source
     examples/           programs that run the models
     samples/            inputs and expected outputs, as codes
The same model gives the same bytes: the folder has no dates and no paths.
"""

import json
from typing import Any, Dict, List, Tuple

import numpy as np

from octet.job import Job, Progress
from tasks import prepared_data
from tasks.export import c_source, card, card_page, examples, metadata, runtime_faults, samples
from tasks.graph import io_spec
from tasks.tflite import activation_memory, cost, int8_run, model_file
from tasks.tflite.interpreter import processes
from tasks.tflite.targets import fit

IN_C = 3  # samples in the C++ source


def run(job: Job, progress: Progress) -> Dict[str, Any]:
    dataset = prepared_data.load(job)
    part = dataset.parts["test"]
    network = io_spec.named(io_spec.read(job.input("ConvertUint8")), dataset)
    content = (job.input("ConvertUint8") / "model.tflite").read_bytes()
    contents = model_file.read(content)
    measurement = json.loads((job.input("Measure") / "measurement.json").read_text(encoding="utf-8"))
    int8 = (job.input("Measure") / int8_run.FILE).read_bytes() if measurement["int8"]["made"] else None
    int8_contents = None if int8 is None else model_file.read(int8)

    sample_rows = samples.rows(len(part), samples.COUNT)
    fed = [np.asarray(part.inputs[end["name"]][sample_rows]) for end in network["inputs"]]
    codes = processes.over(content, contents, fed, lambda done: progress(0.5 * done, "the samples"))

    labels, names = _labels(network)
    ranges: Dict[str, Dict[str, Any]] = {
        name: {"low": each.low, "high": each.high,
               **({} if each.prepared is None else {"prepared_size": list(each.prepared)})}
        for name, each in dataset.inputs.items()}
    costs = cost.of(contents)
    judged = fit.both(content, job.settings["export"]["targets"])
    facts = card.facts(network, ranges, measurement, content,
                       [] if int8_contents is None else runtime_faults.found(int8_contents),
                       labels, costs, judged["targets"])
    models = {name: metadata.pack(each, facts, names, facts["measured_identifier"] or "unknown")
              for name, each in (("model.tflite", content), (int8_run.FILE, int8)) if each is not None}
    facts = card.with_files(facts, models)
    for name, each in {**models, **names}.items():
        (job.out / name).write_bytes(each)
    (job.out / "card.json").write_text(json.dumps(facts, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    (job.out / "card.md").write_text(card_page.markdown(facts), encoding="utf-8")

    samples.write(job.out / "samples", fed, codes)
    rows = samples.rows(len(sample_rows), IN_C).tolist()
    classes = [end["classes"] for end in network["outputs"]]
    texts = {"examples/run.py": examples.PYTHON, "examples/main.cc": examples.LITE,
             "examples/MainActivity.kt": examples.kotlin(facts, contents)}
    sources = c_source.render("model_data", "model.tflite", content, contents, classes, fed, codes, rows,
                              costs["arena_bytes"])
    if int8 is not None and int8_contents is not None:
        sources.update(c_source.render(
            "model_int8_data", int8_run.FILE, int8, int8_contents, classes, [int8_run.to_int8(each) for each in fed],
            _int8_codes(int8, int8_contents, fed) if measurement["int8"]["measured"] else None, rows,
            activation_memory.arena_bytes(int8_contents), activation_memory.micro_arena_bytes(int8_contents)))
        texts["examples/main_micro.cc"] = examples.micro({each.kind for each in int8_contents.operators})
    texts.update({"c/" + name: text for name, text in sources.items()})
    for name, text in texts.items():
        (job.out / name).parent.mkdir(exist_ok=True)
        (job.out / name).write_text(text, encoding="utf-8")
    return {"warnings": fit.warnings(judged), "size_bytes": {name: len(each) for name, each in models.items()},
            "identifiers": {name: each["identifier"] for name, each in facts["files"].items()}}


def _int8_codes(int8: bytes, contents: model_file.Contents, fed: List[np.ndarray]) -> List[np.ndarray]:
    """The int8 codes of each output of the int8 file, [samples, ...], for the uint8 codes of its inputs."""
    return [int8_run.to_int8(each) for each in int8_run.over(
        int8, contents, fed, np.arange(len(fed[0])), lambda done: None)]


def _labels(network: io_spec.Network) -> Tuple[Dict[str, str], Dict[str, bytes]]:
    """({output: the file that has its class names}, {file: its bytes})."""
    named = [end for end in network["outputs"] if end["classes"]]
    files = {end["name"]: "labels_{}.txt".format(number) if number else "labels.txt"
             for number, end in enumerate(named)}
    return files, {files[end["name"]]: ("\n".join(end["classes"]) + "\n").encode("utf-8") for end in named}
