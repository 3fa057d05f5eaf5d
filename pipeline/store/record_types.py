"""The types of the records in the store: manifests, marks, runs. Import this module only below `TYPE_CHECKING`.

A record is JSON, and a plain dict in memory. `record_format.py` validates each record that is read. A field that is not
`total` here may be missing in records of earlier versions. `docs/manifest.schema.json` describes manifests in full.
"""

from typing import Dict, List, Optional

from typing_extensions import TypedDict

from octet.job import Metrics
from pipeline.inputs.preimage_types import Digests, GitState, Preimage


class Output(TypedDict):
    """One file of an artifact.

    path: relative to the artifact's folder. bytes: its size. product: whether downstream stages see it."""

    path: str
    bytes: int
    sha256: str
    product: bool


class RecipeName(TypedDict):
    """name: as the command named the recipe, or its file's stem. path: absolute."""

    name: str
    path: str


Accepted = TypedDict("Accepted", {"from": str, "accepted": str, "by": str, "reason": str, "differences": List[str]})
"""The acceptance of an artifact of other code as this one: `from` is its key, `accepted` the time, `differences` a
sentence for each difference between the two."""


class _Circumstances(TypedDict, total=False):
    """The circumstances under which an artifact was made.

    snapshot: digest of the snapshot. started, finished: UTC, as '2026-01-31T12:00:00Z'. seconds: between them.
    accepted: only if somebody accepted another artifact as this one."""

    git: Optional[GitState]
    recipe: Optional[RecipeName]
    snapshot: str
    seed: Optional[int]
    host: str
    started: Optional[str]
    finished: Optional[str]
    seconds: float
    accepted: Accepted


class Facts(_Circumstances):
    """What is known about an artifact when it is made.

    inputs:   the preimage of its key.
    run:      the name of the run that made it ('RECIPE/NUMBER'); None outside a run.
    why:      why it was made, a sentence for each reason.
    upstream: {upstream stage: key of the artifact that was read}.
    sources:  {source file: sha256 of its bytes}, which are kept as blobs.
    listings: {part: sha256 of the list of the files or arrays that it consists of}, kept as blobs.
    places:   {'data', or a key of the recipe: path} of the files and folders that were read, for messages.
    """

    inputs: Preimage
    metrics: Metrics
    run: Optional[str]
    why: List[str]
    upstream: Dict[str, str]
    sources: Digests
    listings: Digests
    places: Dict[str, str]


class Manifest(Facts):
    """The provenance record of one artifact. seal: sha256 of the canonical JSON of the rest."""

    format: int
    stage: str
    key: str
    outputs: List[Output]
    seal: str


Mark = TypedDict("Mark", {
    "format": int, "stage": str, "key": str, "marked": str, "by": str, "reason": str, "as": str,
    "keeps": List[List[str]], "paths": List[str], "seal": str}, total=False)
"""A note that an artifact is pinned, forced or accepted, or has lost by-products. A damaged mark that protects an
artifact is read as an empty one.

marked: the time. by: the user. as: for an accepted artifact, the key as which it was accepted. keeps: for a pinned
artifact, the artifacts [stage, key] that are kept with it. paths: the lost by-products."""


class RunStage(TypedDict):
    """One stage of a run.

    key: of its artifact; None if unknown. made: whether this run made it. why: the reasons why it was not fresh."""

    key: Optional[str]
    made: bool
    why: List[str]


class _RunFacts(TypedDict, total=False):
    """snapshot: its digest; None for a run that was refused before it. error: one line. by: the user. process: a unique
    identifier of the process, also among later processes with its pid. argv: the arguments of the command."""

    snapshot: Optional[str]
    error: Optional[str]
    host: str
    pid: int
    process: Optional[str]
    by: str
    argv: List[str]


class UnnumberedRun(_RunFacts):
    """The record of a run, before it has a number.

    target: the stage to be made. finished, exit: None for a run that is running or was killed."""

    recipe: RecipeName
    target: str
    started: str
    finished: Optional[str]
    exit: Optional[int]
    stages: Dict[str, RunStage]


class Run(UnnumberedRun):
    """The record of a run. number: counts the runs of its recipe."""

    number: int
