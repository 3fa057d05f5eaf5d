"""Stages run one after another in this process, as the pipeline runs them each in its own."""

import importlib
from pathlib import Path

from octet.job import Job
from octet.recipe import loading
from pipeline.stage_specs import STAGES


def run(folder, text, last, made=None):
    """(metrics, output folder) of each stage up to `last`, for a recipe's text, in new folders.

    made: folders of stages that were run before, which are not run again.
    """
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
