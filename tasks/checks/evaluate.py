"""Evaluate: metrics of a .tflite file of any origin on one prepared part of a dataset.

In:  the settings file (its path), network (the names of the file's inputs and outputs, if they are known), metrics
     (the recipe's section); the part, as PrepareData published it. The job has no other input.
Out: no file; as metrics {samples, size_bytes, inputs and outputs: [{name, tensor, dtype, shape}],
     outputs' figures: {name: {kind, METRIC: figure, recall and precision: {class: share}}},
     metrics: {NAME: figure} of the recipe's section `metrics`}.
Fails with InterpreterError for a file whose inputs or outputs are not those of the data, or that cannot be run.
"""

from typing import Any, Dict, List, Sequence

from octet.job import Job, Progress
from tasks import prepared_data
from tasks.evaluation import metrics
from tasks.evaluation.own_metrics import OwnMetrics
from tasks.tflite import any_model, output_meanings
from tasks.tflite.model_file import Tensor


def run(job: Job, progress: Progress) -> Dict[str, Any]:
    dataset = prepared_data.load(job)
    (part_name, part), = dataset.parts.items()
    model = any_model.read(job.settings["file"])
    known = job.settings["network"]
    names = any_model.input_names(model, dataset.inputs, [end["name"] for end in known["inputs"]])
    ends = output_meanings.of(model, dataset, known["outputs"])
    sums = {end["name"]: metrics.of(end) for end in ends}
    own = OwnMetrics(job.settings["metrics"], job.recipe_folder)
    for rows, reals in any_model.run(model, [part.inputs[name] for name in names],
                                     [dataset.inputs[name] for name in names],
                                     lambda done: progress(done, "the file over the {} part".format(part_name))):
        # The outputs of a file of another origin may have another shape with the same number of values.
        reals = [values.reshape((-1,) + tuple(dataset.targets[end["name"]].shape))
                 if end["kind"] in ("value", "raw") else values for end, values in zip(ends, reals)]
        for end, values in zip(ends, reals):
            sums[end["name"]].add(values, part.targets[end["name"]][rows])
        own.add(ends, reals, part, rows)
    figures = {}
    for end in ends:
        total = sums[end["name"]]
        figures[end["name"]] = {"kind": end["kind"], **total.figures()}
        if end["classes"]:
            figures[end["name"]].update(total.details(), classes=end["classes"])
    return {"part": part_name, "samples": len(part), "size_bytes": len(model.content),
            "inputs": _tensors_json(model.inputs, names),
            "outputs": _tensors_json(model.outputs, [end["name"] for end in ends]), "figures": figures,
            "metrics": own.figures()}


def _tensors_json(tensors: Sequence[Tensor], names: Sequence[str]) -> List[Dict[str, Any]]:
    return [{"name": name, "tensor": tensor.name, "dtype": tensor.dtype, "shape": list(tensor.shape)}
            for tensor, name in zip(tensors, names)]
