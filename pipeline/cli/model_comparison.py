"""Compares models side by side: their metrics, and the inputs in which they differ."""

from typing import TYPE_CHECKING, Any, Dict, Iterator, List, NamedTuple, Sequence, Tuple

from octet import sizes
from octet.errors import GateError
from pipeline import formatting
from pipeline.execution import headline_metrics
from pipeline.stage_specs import STAGES

if TYPE_CHECKING:
    from pipeline.store.record_types import Manifest

DIGITS = 8
"""The number of digits shown of a digest or commit."""
MISSED = "exit {}".format(GateError.exit_code)


class Compared(NamedTuple):
    """A model to compare. name: as it was written in the command. manifests: {stage: its manifest}. state: how its run
    ended; '' for an artifact."""

    name: str
    manifests: "Dict[str, Manifest]"
    state: str


class Row(NamedTuple):
    """One line of the comparison: a cell for each model, '-' where it has none."""

    name: str
    cells: List[str]


def figures(items: Sequence[Compared]) -> List[Row]:
    """The rows with metrics and sizes. Rows without any value are left out."""
    return _rows([dict(_figures(item)) for item in items])


def inputs(items: Sequence[Compared]) -> List[Row]:
    """The rows with inputs that differ, in stages that all models have: values of the recipe, data, files, source,
    versions, commit."""
    common = [stage for stage in STAGES if all(stage in item.manifests for item in items)]
    rows = _rows([dict(_inputs([item.manifests[stage] for stage in common])) for item in items])
    return [row for row in rows if len(set(row.cells)) > 1]


def _rows(columns: List[Dict[str, str]]) -> List[Row]:
    names = []  # type: List[str]
    for column in columns:
        place = 0
        for name in column:  # inserted in the order of its own column, since the first one may not have it
            if name in names:
                place = names.index(name) + 1
            else:
                names.insert(place, name)
                place += 1
    return [Row(name, [column.get(name, "-") for column in columns]) for name in names]


def _figures(item: Compared) -> Iterator[Tuple[str, str]]:
    metrics = {stage: manifest["metrics"] for stage, manifest in item.manifests.items()}
    if item.state:
        yield "state", item.state
    last = max((manifest.get("finished") or "" for manifest in item.manifests.values()), default="")
    yield "age", formatting.age(last or None)
    found = headline_metrics.of(metrics)
    several = headline_metrics.has_several_outputs(found)
    for each in found:
        for side in each.sides:
            yield "{}{} {} ({})".format(each.output + ": " if several and each.output else "", side.replace("_", "-"),
                                        each.metric.replace("_", " "), each.measured_on()), each.value(side)
    for output, measured in sorted(((metrics.get("Measure") or {}).get("outputs") or {}).items()):
        if isinstance(measured.get("agreement"), (int, float)):
            yield "{}agreement with float (test)".format(output + ": " if several else ""), "{:.4g}".format(
                measured["agreement"])
    size = headline_metrics.size_bytes(metrics)
    if size is not None:
        yield "size", sizes.size(size)
    if "ValidateInterpreter" in metrics:
        yield "verdict", "passes"
    elif item.state == MISSED and "Measure" in metrics:
        yield "verdict", "misses a gate"
    trained = [item.manifests[stage].get("seconds") or 0.0 for stage in ("TrainFloat", "TrainQAT")
               if stage in item.manifests]
    if any(trained):
        yield "seconds of training", "{:.1f}".format(sum(trained))


def _inputs(records: "List[Manifest]") -> Iterator[Tuple[str, str]]:
    for record in records:
        for section, values in record["inputs"]["recipe"].items():
            yield from _values(section, values)
    for record in records:
        read = record["inputs"]
        for shown, digests in (("data: {}", read["data"]), ("file: {}", read.get("files", {})),
                               ("source: {}", read["source"])):
            for name, sha256 in sorted(digests.items()):
                yield shown.format(name), sha256[:DIGITS]
    for record in records:
        for name, version in sorted(record["inputs"]["versions"].items()):
            yield "version: {}".format(name), version
    commits = set()
    for record in records:
        git = record.get("git")
        commit = git.get("commit") if git else None
        if git and commit:
            commits.add(commit[:DIGITS] + ("+" if git.get("dirty") else ""))
    if commits:
        yield "commit (+: uncommitted changes)", ", ".join(sorted(commits))


def _values(name: str, value: Any) -> Iterator[Tuple[str, str]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _values("{}.{}".format(name, key), inner)
    else:
        yield name, "null" if value is None else str(value)
