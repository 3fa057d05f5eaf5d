"""What differs between two artifacts: what went in, stage by stage, and what was measured.

A and B are each a file (see `octet trace`), a recipe (what its newest run made last), RECIPE:STAGE, or
the first digits of a key.
"""

import argparse
import json
from typing import Dict, Iterator, Optional

from pipeline import formatting, settings
from pipeline.provenance import artifact_reference
from pipeline.provenance.lineage import Lineage
from pipeline.staleness import key_differences
from pipeline.store.artifacts import Store


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("a", metavar="A", help="the artifact on the left")
    parser.add_argument("b", metavar="B", help="the artifact on the right")
    parser.add_argument("--json", action="store_true", help="the same as JSON")


def run(arguments: argparse.Namespace) -> None:
    found = settings.load()
    lineage = Lineage(Store(found.store))
    a, b = (artifact_reference.artifact(text, lineage, found) for text in (arguments.a, arguments.b))
    chains = [{record["stage"]: record for record in lineage.chain(end)} for end in (a, b)]
    result = [_of_stage(lineage, stage, *(chain.get(stage) for chain in chains))
              for stage in dict.fromkeys(list(chains[0]) + list(chains[1]))]
    if arguments.json:
        print(json.dumps(result, indent=1))
        return
    print("A  {} {}".format(a["stage"], a["key"][:12]))
    print("B  {} {}".format(b["stage"], b["key"][:12]))
    for stage in result:
        for line in _lines(stage):
            print(line)


def _of_stage(lineage: Lineage, stage: str, a: dict, b: dict) -> Dict:
    """One stage of both lineages: what differs in its origin, and its metrics side by side."""
    if a is None or b is None:
        return {"stage": stage, "origin": ["only {} has it".format("A" if b is None else "B")],
                "metrics": {}}
    blob = lineage.store.blobs.read
    origin = [] if a["key"] == b["key"] and a["seal"] == b["seal"] else key_differences.differences(
        a["inputs"], b["inputs"], key_differences.from_manifest(a, blob), key_differences.from_manifest(b, blob))
    of_a, of_b = (dict(formatting.numbers(manifest["metrics"])) for manifest in (a, b))
    metrics = {name: (of_a.get(name), of_b.get(name)) for name in sorted(set(of_a) | set(of_b))}
    return {"stage": stage, "origin": origin,
            "metrics": {name: pair for name, pair in metrics.items() if pair[0] != pair[1]}}


def _lines(stage: Dict) -> Iterator[str]:
    if not stage["origin"] and not stage["metrics"]:
        yield "{}  the same".format(stage["stage"])
        return
    yield stage["stage"]
    for line in stage["origin"]:
        yield "  " + line
    for name, pair in stage["metrics"].items():
        yield "  {}  {}".format(name, " -> ".join(_figure(value) for value in pair))


def _figure(value: Optional[float]) -> str:
    return "none" if value is None else "{:.6g}".format(value)
