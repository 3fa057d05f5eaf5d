"""A summary of an artifact and of everything that it was made from, in a few lines."""

from typing import Any, Iterator, List, Tuple

from octet import sizes
from pipeline import formatting
from pipeline.execution import headline_metrics
from pipeline.provenance.lineage import Lineage

VERSIONS = ("python", "tensorflow", "numpy")
"""The versions that the summary shows."""
DIGITS = 12

Manifest = Any
"""As `Lineage` gives it."""


def lines(lineage: Lineage, record: Manifest, chain: List[Manifest]) -> Iterator[Tuple[str, str]]:
    """(name, text) of each line. chain: `record` and all that it was made from."""
    yield "is", "{} {}, {}, {} old".format(record["stage"], record["key"][:DIGITS], lineage.store.state(
        record["stage"], record["key"]), formatting.age(record.get("finished")))
    recipe = record.get("recipe") or {}
    yield "recipe", "{} ({}), seed {}".format(recipe.get("name"), recipe.get("path"), record.get("seed"))
    metrics = {each["stage"]: each["metrics"] for each in _measured(lineage, record) + chain}
    for each in headline_metrics.of(metrics):
        yield each.metric.replace("_", " "), "{}{}  ({})".format(
            each.output + ": " if each.output else "", each.figures(), each.measured_on())
    size = headline_metrics.size_bytes(metrics)
    if size is not None:
        yield "size", sizes.size(size)
    sections = {name: section for each in chain for name, section in each["inputs"]["recipe"].items()}
    places = {name: place for each in chain for name, place in each["places"].items()}
    if "data" in sections:
        yield "data", "{}{}; {}".format(
            sections["data"].get("dataset"), " of " + places["data"] if "data" in places else "", ", ".join(
                "{} {}".format(part, sha256[:DIGITS]) for each in chain
                for part, sha256 in sorted(each["inputs"]["data"].items())))
    if "model" in sections:
        yield "model", str(sections["model"].get("build"))
    commits = dict.fromkeys("{}{}".format(git["commit"][:DIGITS],
                                          " with uncommitted changes" if git.get("dirty") else "")
                            for git in (each.get("git") or {} for each in chain) if git.get("commit"))
    yield "commit", ", ".join(commits) or "none known"
    versions = {name: version for each in chain for name, version in each["inputs"]["versions"].items()}
    yield "versions", ", ".join("{} {}".format(name, versions[name]) for name in VERSIONS if name in versions)
    yield "source", "{} files; --all lists them, --source DIR writes them".format(
        len({(name, sha256) for each in chain for name, sha256 in each["sources"].items()}))


def _measured(lineage: Lineage, record: Manifest) -> List[Manifest]:
    """The measurements of a model, the newest last. Empty if `record` is itself downstream of a measurement."""
    if record["stage"] != "ConvertUint8":
        return []
    found = [each for each in lineage.below([record]) if each["stage"] == "Measure"]
    return sorted(found, key=lambda each: each.get("finished") or "")
