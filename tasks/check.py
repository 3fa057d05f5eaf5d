"""Check: whether a recipe's model, on its data, can become uint8; nothing is trained or written.

In:  the recipe's data, model and train sections.
Out: no file; where each tensor's range will come from, as metrics.
Fails with ModelError when the model cannot be built on this data or its weights are another network's,
QuantizeError when a tensor cannot be uint8.
"""

from octet.job import Job, Progress
from tasks import data
from tasks.quantize import plan
from tasks.training import inference


def run(job: Job, progress: Progress) -> dict:
    ranges = plan.quantizable(*inference.frozen(job, data.load(job)))
    progress(1.0, "every tensor has a range")
    return {"ranges": [item._asdict() for item in ranges]}
