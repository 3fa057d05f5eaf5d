"""Runs stages one after another in this process, with the same jobs as the pipeline."""

import importlib
from pathlib import Path

from octet.job import Job
from octet.recipe import loading
from pipeline.stage_specs import STAGES


def run(folder, text, last, made=None):
    """(metrics, output folder) of each stage up to `last`, for the text of a recipe, in new folders. made: folders of
    stages that were run before and are not run again."""
    path = Path(folder) / "recipe.yaml"
    path.write_text(text)
    sections = loading.load(path).sections()
    metrics, folders = {}, dict(made or {})
    for name, spec in STAGES.items():
        if name in folders:
            continue
        folders[name] = Path(folder) / name
        folders[name].mkdir()
        job = Job(spec.module, {section: sections[section] for section in spec.reads},
                  {need: str(folders[need]) for need in spec.needs}, str(folders[name]), str(folder), spec.parts)
        stage = importlib.import_module("tasks." + spec.module)
        metrics[name] = stage.run(job, lambda fraction, message: None)
        if name == last:
            return metrics, folders
    raise ValueError("no stage named {}".format(last))
