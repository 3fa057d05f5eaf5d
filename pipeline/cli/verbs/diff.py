"""Shows the differences between two artifacts: their inputs, stage by stage, and their metrics.

A and B are each a file (see `octet trace`), a recipe (the last artifact of its newest run), RECIPE:STAGE, or the first
digits of a key.
"""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Dict, Iterator, List, NamedTuple, Optional, Tuple

from pipeline import formatting, settings
from pipeline.provenance import artifact_reference
from pipeline.provenance.lineage import Lineage
from pipeline.staleness import key_differences
from pipeline.store.artifacts import Store

if TYPE_CHECKING:
    from pipeline.store.record_types import Manifest


class StageDifference(NamedTuple):
    """The differences in one stage between two lineages.

    origin: a sentence for each difference in the inputs. metrics: {dotted name: (value of A, value of B)} of metrics
    that differ; None for a missing value."""

    stage: str
    origin: List[str]
    metrics: Dict[str, Tuple[Optional[float], Optional[float]]]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("a", metavar="A", help="the artifact on the left")
    parser.add_argument("b", metavar="B", help="the artifact on the right")
    parser.add_argument("--json", action="store_true", help="the same as JSON")


def run(arguments: argparse.Namespace) -> None:
    config = settings.load()
    lineage = Lineage(Store(config.store))
    a, b = (artifact_reference.artifact(text, lineage, config) for text in (arguments.a, arguments.b))
    of_a, of_b = ({manifest["stage"]: manifest for manifest in lineage.chain(artifact)} for artifact in (a, b))
    differences = [_of_stage(lineage, stage, of_a.get(stage), of_b.get(stage))
                   for stage in dict.fromkeys(list(of_a) + list(of_b))]
    if arguments.json:
        print(json.dumps([difference._asdict() for difference in differences], indent=1))
        return
    print("A  {} {}".format(a["stage"], a["key"][:12]))
    print("B  {} {}".format(b["stage"], b["key"][:12]))
    for difference in differences:
        for line in _lines(difference):
            print(line)


def _of_stage(lineage: Lineage, stage: str, a: Optional[Manifest], b: Optional[Manifest]) -> StageDifference:
    if a is None or b is None:
        return StageDifference(stage, ["only {} has this stage".format("A" if b is None else "B")], {})
    blob = lineage.store.blobs.read
    origin = [] if a["key"] == b["key"] and a["seal"] == b["seal"] else key_differences.differences(
        a["inputs"], b["inputs"], key_differences.from_manifest(a, blob), key_differences.from_manifest(b, blob))
    of_a, of_b = (dict(formatting.numbers(manifest["metrics"])) for manifest in (a, b))
    metrics = {name: (of_a.get(name), of_b.get(name)) for name in sorted(set(of_a) | set(of_b))}
    return StageDifference(stage, origin, {name: pair for name, pair in metrics.items() if pair[0] != pair[1]})


def _lines(difference: StageDifference) -> Iterator[str]:
    if not difference.origin and not difference.metrics:
        yield "{}  the same".format(difference.stage)
        return
    yield difference.stage
    for line in difference.origin:
        yield "  " + line
    for name, pair in difference.metrics.items():
        yield "  {}  {}".format(name, " -> ".join(_figure(value) for value in pair))


def _figure(value: Optional[float]) -> str:
    return "none" if value is None else "{:.6g}".format(value)
