"""A stage's job: what the pipeline passes to the process that runs the stage."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Callable, Dict, NamedTuple, Optional, Sequence

from octet.file_stamps import Stamps

Section = Dict[str, Any]
"""One section of a recipe: {key: value}, defaults filled in. octet/recipe/schema.py has the keys and their types."""

Sections = Dict[str, Any]
"""{section of a recipe: its values, a Section}, and numbers: `seed` and `threads`."""

Metrics = Dict[str, Any]
"""What a job reports at its end, as JSON: the metrics of a stage or the report of a check, with `warnings` and `notes`.
The other fields depend on the job; the module in `tasks` that does the work documents them."""

THREADS = 4
"""The default of `threads`. On two processors, four threads cost up to a tenth more CPU time than two (decision 18)."""


class Job(NamedTuple):
    """The work of one stage, or of one check of a recipe.

    stage:     the module in `tasks` that does the work, such as `stages.train_float`.
    settings:  the recipe's sections that the stage reads; for a check, what its module in tasks/checks/ documents.
    inputs:    {stage: folder of its artifact} of the upstream stages.
    output:    an empty folder; its content at the end is the artifact.
    recipe_folder: the folder to which file paths and dotted names in the recipe are relative.
    parts:     the parts of the dataset that the stage reads. It cannot read other parts.
    data:      {part: sha256} of these parts, as in the stage's key; empty for work that publishes no artifact.
    origin:    the folder from which the packages octet, tasks and models were copied; the process runs the copy.
    stamps:    {key in the recipe: (path, stamp)} of the files that the recipe names (`octet.file_stamps`).
    names:     whether the stage's key has the names of the classes. Other stages use the classes' numbers as names.
    decoder:   for PrepareData: the sha256 of the source code and the versions that decode pictures.
    earlier:   for PrepareData: the folders of artifacts that may have decoded rows of the same files, newest first.
               Each may be removed at any moment.
    checkpoints: the folder in which the stage writes checkpoints, and from which it resumes; '' for none.
    """

    stage: str
    settings: Sections
    inputs: Dict[str, str]
    output: str
    recipe_folder: str
    parts: Sequence[str] = ()
    origin: str = ""
    checkpoints: str = ""
    stamps: Stamps = {}
    data: Dict[str, str] = {}
    names: bool = True
    decoder: str = ""
    earlier: Sequence[str] = ()

    @property
    def out(self) -> Path:
        """The folder `output`."""
        return Path(self.output)

    @property
    def seed(self) -> int:
        """The recipe's seed."""
        return int(self.settings["seed"])

    @property
    def threads(self) -> int:
        """The number of threads among which TensorFlow divides an operation. The last bits of its results depend on it,
        and so it never depends on the machine."""
        return int(self.settings.get("threads", THREADS))

    @property
    def checkpoints_folder(self) -> Optional[Path]:
        """The folder of the stage's checkpoints; None for a stage that keeps none."""
        return Path(self.checkpoints) if self.checkpoints else None

    def input(self, stage: str) -> Path:
        """The folder of an upstream stage's artifact."""
        return Path(self.inputs[stage])

    def section(self, name: str) -> SimpleNamespace:
        """A section of the recipe with its keys as attributes: the fields of its class in octet/recipe/schema.py."""
        return SimpleNamespace(**self.settings[name])

    def to_json(self) -> str:
        """The job as one line of JSON."""
        return json.dumps(self._asdict(), sort_keys=True)

    @classmethod
    def from_json(cls, line: str) -> "Job":
        """The job that `to_json` wrote."""
        return cls(**json.loads(line))


Progress = Callable[[float, str], None]
"""`progress(fraction, message)` reports how much of a stage is done, from 0 to 1."""
