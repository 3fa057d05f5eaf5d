"""Report: one HTML page that shows what the model is, its accuracy, and what it gets wrong.

In:  ConvertUint8's model.tflite and network.json; Measure's measurement.json and mistakes.json; training.json of
     TrainFloat and TrainQAT; the three parts of the data; the recipe's sections validate and report.
Out: report.html, which is self-contained: it loads no script, font or other file.
The page is also made for a model that misses its gates.
"""

import json
from typing import Any, Dict, Optional

from octet.gates import judgement
from octet.job import Job, Progress
from tasks import prepared_data
from tasks.graph import io_spec
from tasks.report import page
from tasks.report.predicted_boxes import PredictedBoxes
from tasks.training import training_record

MEASURED, PAGE = "Measure", "report.html"


def run(job: Job, progress: Progress) -> Dict[str, Any]:
    measurement, mistakes = (json.loads((job.input(MEASURED) / name).read_text(encoding="utf-8"))
                             for name in ("measurement.json", "mistakes.json"))
    judgements = judgement.judged(measurement, job.settings["validate"])
    dataset = prepared_data.load(job)
    text = page.render(page.Known(
        dataset, io_spec.named(io_spec.read(job.input("ConvertUint8")), dataset),
        (job.input("ConvertUint8") / "model.tflite").read_bytes(), measurement, mistakes,
        training_record.read(job.input("TrainFloat")), training_record.read(job.input("TrainQAT")), judgements,
        draw=job.section("report").samples != "none", boxes=_boxes(job)))
    (job.out / PAGE).write_text(text, encoding="utf-8")
    return {"bytes": len(text.encode("utf-8")), "gates_missed": sum(not one.passed for one in judgements)}


def _boxes(job: Job) -> Optional[PredictedBoxes]:
    spec = job.section("report").boxes
    return None if spec is None else PredictedBoxes(spec, job.recipe_folder)
