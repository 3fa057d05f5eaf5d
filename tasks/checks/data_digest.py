"""Digest: the content of a dataset's parts, for a dataset too heavy to be imported by the pipeline.

In:  the recipe's data section; the parts asked for, as the setting `parts`.
Out: no file; {part: sha256} as metrics.
Fails with DatasetError when the data has no digest, RecipeError when the dataset has no such function.
"""

from pathlib import Path

from octet.data import identity
from octet.job import Job, Progress


def run(job: Job, progress: Progress) -> dict:
    return {part: identity.digest(job.settings["data"], Path(job.recipe_folder), part)
            for part in job.settings["parts"]}
