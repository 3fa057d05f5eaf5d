"""The artifacts of a run, or those around an artifact, that a command names."""

from typing import TYPE_CHECKING, Dict, List

from octet.data.dataset import PARTS
from octet.errors import StoreError
from pipeline import settings
from pipeline.cli import run_history
from pipeline.cli.model_comparison import Compared
from pipeline.provenance import artifact_reference
from pipeline.provenance.lineage import Lineage
from pipeline.stage_specs import PREPARE_DATA, SUMMARIZE
from pipeline.store.runs import Runs, state

if TYPE_CHECKING:
    from pipeline.store.record_types import Manifest

MODEL = "ConvertUint8"
"""The first stage whose artifact belongs to one .tflite file."""


def find(text: str, lineage: Lineage, config: settings.Settings) -> Compared:
    """The run or the artifact that `text` refers to, with the artifacts upstream and downstream of it.

    Raises UsageError if it refers to none, or to several."""
    recorded = artifact_reference.run(text, config, Runs(lineage.store.root))
    if recorded is not None:
        return Compared(text, run_history.manifests(lineage.store, [recorded])[0], state(recorded))
    manifest = artifact_reference.artifact(text, lineage, config)
    chain = {each["stage"]: each for each in lineage.chain(manifest)}
    if MODEL in chain:  # otherwise many models may be downstream, for example of a part of the data
        for each in _newest_first(lineage.below([manifest])):
            chain.setdefault(each["stage"], each)
    return Compared(text, chain, "")


def made(text: str, stage: str, lineage: Lineage, config: settings.Settings) -> "Dict[str, Manifest]":
    """{stage: its manifest} of the run or the artifact that `text` refers to. Raises StoreError if there is none of
    `stage`, UsageError as `find` does."""
    found = find(text, lineage, config).manifests
    if stage == SUMMARIZE and stage not in found:
        found = {**found, **_summary(found, lineage)}
    if stage not in found:
        raise StoreError("there is no {} of it".format(stage), where=text,
                         why="it has {}".format(", ".join(found) or "no artifacts any more"),
                         next_step="name a run that made it; `octet ls RECIPE` lists the runs of a recipe")
    return found


def _summary(found: "Dict[str, Manifest]", lineage: Lineage) -> "Dict[str, Manifest]":
    """{SummarizeData: the newest summary of exactly the prepared parts in `found`}, or {}. A model is not made from the
    summary of its data, so the summary is not upstream of it."""
    parts = [found[PREPARE_DATA + part] for part in PARTS if PREPARE_DATA + part in found]
    keys = {(part["stage"], part["key"]) for part in parts}
    summaries = [each for each in lineage.below(parts) if each["stage"] == SUMMARIZE and keys == {
        (part["stage"], part["key"]) for part in lineage.chain(each) if part["stage"].startswith(PREPARE_DATA)}]
    return {SUMMARIZE: _newest_first(summaries)[0]} if summaries else {}


def _newest_first(manifests: "List[Manifest]") -> "List[Manifest]":
    return sorted(manifests, key=lambda manifest: manifest.get("finished") or "", reverse=True)
