"""What a stage is given, and all that it may touch."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Callable, Dict, NamedTuple, Optional, Sequence

from octet.stamps import Stamps


class Job(NamedTuple):
    """One stage's work order.

    stage:     the module in `tasks` that does it (`stages.train_float`).
    settings:  the recipe's sections that the stage reads, defaults filled in; always with `seed`.
    inputs:    the folder of each upstream artifact, by stage name.
    output:    an empty folder; what is in it at the end is the artifact.
    recipe_folder: what file paths and dotted names in the recipe are relative to.
    parts:     the parts of the dataset that the stage reads: it is given no others.
    stamps:    of the files that it is to read, named 'data' and by their place in the recipe (`octet.stamps`).
    origin:    the folder that the packages octet, tasks and models were copied from: the process runs a copy.
    checkpoints: the folder of the stage's checkpoints, in which it may write and from which it goes on; '' for none.
    """

    stage: str
    settings: Dict[str, dict]
    inputs: Dict[str, str]
    output: str
    recipe_folder: str
    parts: Sequence[str] = ()
    origin: str = ""
    checkpoints: str = ""
    stamps: Stamps = {}

    @property
    def out(self) -> Path:
        return Path(self.output)

    @property
    def checkpoints_folder(self) -> Optional[Path]:
        return Path(self.checkpoints) if self.checkpoints else None

    def input(self, stage: str) -> Path:
        """The folder of one upstream artifact."""
        return Path(self.inputs[stage])

    def section(self, name: str) -> SimpleNamespace:
        """One section of the recipe, its values as attributes."""
        return SimpleNamespace(**self.settings[name])

    def to_json(self) -> str:
        return json.dumps(self._asdict(), sort_keys=True)

    @classmethod
    def from_json(cls, line: str) -> "Job":
        return cls(**json.loads(line))


Progress = Callable[[float, str], None]
"""`progress(fraction, message)`: how far a stage is, fraction in 0..1."""
