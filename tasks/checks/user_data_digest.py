"""Digest: the sha256 of the parts of a user's own dataset. It runs in its own process, because the pipeline does not
import user code.

In:  the recipe's data section; the setting `parts`, the names of the parts.
Out: no file. Metrics: {part: sha256}.
Fails with DatasetError when the data has no digest, with RecipeError when the dataset has no function for it.
"""

from pathlib import Path
from typing import Dict

from octet.data import dataset_digest
from octet.job import Job, Progress


def run(job: Job, progress: Progress) -> Dict[str, str]:
    return {part: dataset_digest.digest(job.settings["data"], Path(job.recipe_folder), part)
            for part in job.settings["parts"]}
