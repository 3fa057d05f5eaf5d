"""Export: one folder that an app developer, a firmware engineer and a manager can be handed.

In:  ConvertUint8's model.tflite and network.json, Measure's measurement.json, the part test; of the recipe `export`.
Out: model.tflite        the measured file, with TFLite metadata; its network is proven to be unchanged
     model_int8.tflite   its int8 twin, where it has one; card.json says why not
     labels.txt          class names, a line each; labels_1.txt and so on where several outputs have classes
     card.md, card.json  what it is, how well it does, how to feed it, how to read its answers
     c/                  both models as C++ source
     examples/           programs that run them
     samples/            inputs as codes, and the outputs that must come out
Nothing in it depends on history: the same model gives the same bytes.
"""

import json
from typing import Any, Dict, List, Optional, Tuple

import numpy as np

from octet.data.dataset import Part
from octet.errors import ConvertError, InterpreterError
from octet.job import Job, Progress
from tasks import prepared_data
from tasks.evaluation import metrics
from tasks.export import c_source, card, examples, metadata, runtime_faults, samples
from tasks.graph import io_spec
from tasks.tflite import activation_memory, cost, int8_twin, model_file
from tasks.tflite.interpreter import processes
from tasks.tflite.model_file import Contents
from tasks.tflite.targets import fit

MOST_COMPARED = 1000
IN_C = 3
RUNTIME = "the interpreter of TensorFlow 1.14"


def run(job: Job, progress: Progress) -> Dict[str, Any]:
    dataset = prepared_data.load(job)
    part = dataset.parts["test"]
    network = io_spec.named(io_spec.read(job.input("ConvertUint8")), dataset)
    content = (job.input("ConvertUint8") / "model.tflite").read_bytes()
    contents = model_file.read(content)
    measurement = json.loads((job.input("Measure") / "measurement.json").read_text(encoding="utf-8"))

    compared = samples.rows(len(part), MOST_COMPARED)
    fed = [np.asarray(part.inputs[end["name"]][compared]) for end in network["inputs"]]
    made = processes.over(content, contents, fed, lambda done: progress(0.4 * done, "the uint8 file"))
    twin, int8, int8_made = _twin(content, network, part, compared, fed, made, progress)

    labels, names = _labels(network)
    ranges = {name: {"low": each.low, "high": each.high} for name, each in dataset.inputs.items()}
    costs = cost.of(contents)
    judged = fit.both(content, job.settings["export"]["targets"])
    facts = card.facts(network, ranges, measurement, content, int8, labels, costs, judged["targets"])
    models = {name: metadata.pack(each, facts, names, facts["measured_identifier"] or "unknown")
              for name, each in (("model.tflite", content), ("model_int8.tflite", twin)) if each is not None}
    facts = card.with_files(facts, models)
    for name, each in {**models, **names}.items():
        (job.out / name).write_bytes(each)
    (job.out / "card.json").write_text(json.dumps(facts, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    (job.out / "card.md").write_text(card.markdown(facts), encoding="utf-8")

    few = samples.rows(len(compared), samples.COUNT)
    samples.write(job.out / "samples", [each[few] for each in fed], [each[few] for each in made])
    rows = samples.rows(len(few), IN_C).tolist()
    classes = [end["classes"] for end in network["outputs"]]
    texts = {"examples/run.py": examples.PYTHON, "examples/main.cc": examples.LITE,
             "examples/MainActivity.kt": examples.kotlin(facts, contents)}
    sources = c_source.render("model_data", "model.tflite", content, contents, classes,
                              [each[few] for each in made], rows, costs["arena_bytes"])
    if twin is not None:
        twin_contents = model_file.read(twin)
        expected = None if int8_made is None else [each[few] for each in int8_made]
        sources.update(c_source.render("model_int8_data", "model_int8.tflite", twin, twin_contents, classes, expected,
                                       rows, activation_memory.arena_bytes(twin_contents),
                                       activation_memory.micro_arena_bytes(twin_contents)))
        texts["examples/main_micro.cc"] = examples.micro({each.kind for each in twin_contents.operators})
    texts.update({"c/" + name: text for name, text in sources.items()})
    for name, text in texts.items():
        (job.out / name).parent.mkdir(exist_ok=True)
        (job.out / name).write_text(text, encoding="utf-8")
    if int8["why"]:
        progress(1.0, int8["why"])
    return {"warnings": fit.warnings(judged), "size_bytes": len(models["model.tflite"]),
            "int8_size_bytes": len(models["model_int8.tflite"]) if twin else None, "int8": int8,
            "identifiers": {name: each["identifier"] for name, each in facts["files"].items()}}


def _twin(content: bytes, network: io_spec.Network, part: Part, compared: np.ndarray, fed: List[np.ndarray],
          made: List[np.ndarray], progress: Progress
          ) -> Tuple[Optional[bytes], Dict[str, Any], Optional[List[np.ndarray]]]:
    """(the int8 twin, what the card says of it, its outputs' codes); None for what could not be made or run."""
    try:
        twin = int8_twin.of(content)
    except ConvertError as error:
        return None, {"made": False, "measured": None, "why": error.why}, None
    contents: Contents = model_file.read(twin)
    faults = runtime_faults.found(contents)
    shifted = [(each.astype(np.int16) - int8_twin.SHIFT).astype(np.int8) for each in fed]
    try:
        codes = processes.over(twin, contents, shifted, lambda done: progress(0.4 + 0.5 * done, "the int8 file"))
    except InterpreterError as error:
        why = "{} has no int8 kernel for it: {}".format(RUNTIME, error.why.partition("\n")[0])
        return twin, {"made": True, "measured": None, "kernel_faults": faults, "why": why}, None
    measured = {}
    for end, one, other in zip(network["outputs"], made, codes):
        lifted = (other.astype(np.int16) + int8_twin.SHIFT).astype(np.uint8)
        figures: Dict[str, float] = {"largest_difference_lsb": int(np.abs(one.astype(int) - lifted).max())}
        if end["kind"] not in ("value", "raw"):
            before, after = (metrics.decided(end, io_spec.real(end, each)) for each in (one, lifted))
            truth = np.asarray(part.targets[end["name"]][compared])
            known = truth != end["ignore"] if end["ignore"] is not None else np.ones(truth.shape, bool)
            if known.any():
                figures.update(agreement=float(np.mean((before == after)[known])),
                               accuracy_uint8=float(np.mean((before == truth)[known])),
                               accuracy_int8=float(np.mean((after == truth)[known])))
        measured[end["name"]] = figures
    return twin, {"made": True, "measured": measured, "why": "", "samples": len(compared), "runtime": RUNTIME,
                  "kernel_faults": faults}, codes


def _labels(network: io_spec.Network) -> Tuple[Dict[str, str], Dict[str, bytes]]:
    """({output: the file that has its class names}, {file: its bytes})."""
    named = [end for end in network["outputs"] if end["classes"]]
    files = {end["name"]: "labels_{}.txt".format(number) if number else "labels.txt"
             for number, end in enumerate(named)}
    return files, {files[end["name"]]: ("\n".join(end["classes"]) + "\n").encode("utf-8") for end in named}
