"""Traces a file back to data, source, commit, versions and seed; or lists what was made from an input.

FILE is a file or folder of the store, a copy of such a file, or a .tflite found anywhere, which is identified by its
content or by the identifier at its end. It may also be a name: RECIPE, RECIPE:NUMBER of a run, RECIPE:STAGE, or the
first digits of a key. WHAT is the name or path of a dataset, a model or a source file, a commit, or the first digits of
a sha256.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Iterator, List, Set, Tuple

from octet import sizes
from octet.errors import StoreError, UsageError
from pipeline import formatting, settings
from pipeline.cli import trace_summary
from pipeline.provenance import artifact_reference, lineage_graph, restore_source
from pipeline.provenance.lineage import Lineage, id_of
from pipeline.store.artifacts import Store
from pipeline.store.marks import ACCEPTED

if TYPE_CHECKING:
    from pipeline.store.record_types import Manifest

UNSET: Tuple[Any, ...] = (None, [], {})
"""Values of settings that the recipe leaves out; only `--all` prints them."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", nargs="?", help="the file to trace, or a name")
    parser.add_argument("--all", action="store_true",
                        help="also list all source files, products, versions, and settings without a value")
    parser.add_argument("--used-by", metavar="WHAT", help="instead list the artifacts that were made from WHAT")
    parser.add_argument("--source", metavar="DIR", type=Path,
                        help="also write the source that made it to DIR, with a folder for each stage")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print every manifest of the lineage as JSON")
    form.add_argument("--dot", action="store_true", help="a picture, for Graphviz")
    form.add_argument("--mermaid", action="store_true", help="a picture, for Markdown")


def run(arguments: argparse.Namespace) -> None:
    config = settings.load()
    lineage = Lineage(Store(config.store))
    if (arguments.file is None) == (arguments.used_by is None):
        raise UsageError("needs a FILE or --used-by WHAT, one of them", where="octet trace",
                         why="the first traces a file back, the second lists what was made from an input",
                         next_step="write `octet trace model.tflite`, for example")
    if arguments.used_by is not None:
        _print_users(lineage, arguments.used_by, arguments.json)
        return
    found = artifact_reference.find(arguments.file, lineage, config)
    chain = lineage.chain(found.manifest)
    if arguments.json:
        print(json.dumps({"file": str(arguments.file), "found_by": found.how,
                          "also": [[manifest["stage"], manifest["key"]] for manifest in found.others],
                          "lineage": chain}, indent=1))
    elif arguments.dot or arguments.mermaid:
        draw = lineage_graph.dot if arguments.dot else lineage_graph.mermaid
        print(draw([(manifest, lineage.above(manifest)) for manifest in chain]))
    else:
        print("{}: found by {}".format(arguments.file, found.how))
        for other in found.others:
            print("  the same file is in {} {}".format(other["stage"], other["key"][:12]))
        for name, text in trace_summary.lines(lineage, found.manifest, chain):
            print("  {:<9} {}".format(name, text))
        print()
        for line in _tree(lineage, found.manifest, arguments.all):
            print(line)
    if arguments.source is not None:
        _write_source(lineage, chain, arguments.source)


def _write_source(lineage: Lineage, chain: List[Manifest], folder: Path) -> None:
    restore_source.expect_new(folder)
    for manifest in chain:
        count = restore_source.write(lineage.store, manifest, folder / manifest["stage"])
        print("{}: {} source files".format(folder / manifest["stage"], count))


def _print_users(lineage: Lineage, name: str, as_json: bool) -> None:
    users = list(lineage.users(name))
    below = lineage.below([manifest for manifest, _ in users])
    if not users:
        raise StoreError("nothing in the store was made with it", where=name,
                         why="no manifest has a dataset, model, source file, commit or sha256 of this name",
                         next_step="`octet ls --artifacts` lists all artifacts")
    rows = [(manifest, how) for manifest, how in users] + [(manifest, "made from these") for manifest in below]
    if as_json:
        print(json.dumps([{"stage": manifest["stage"], "key": manifest["key"], "how": how}
                          for manifest, how in rows], indent=1))
        return
    formatting.table(("stage", "key", "age", "how"),
                [[manifest["stage"], manifest["key"][:12], formatting.age(manifest.get("finished")), how]
                 for manifest, how in rows])


def _tree(lineage: Lineage, root: Manifest, whole: bool) -> Iterator[str]:
    printed: Set[Tuple[str, str, str]] = set()
    todo = [(root, 0)]
    while todo:
        manifest, depth = todo.pop()
        again = id_of(manifest) in printed
        for line in _story(lineage, manifest, again, whole):
            yield "  " * depth + line
        if again:
            continue
        printed.add(id_of(manifest))
        for stage, above in sorted(lineage.above(manifest).items(), reverse=True):
            if above is not None:
                todo.append((above, depth + 1))
            else:
                yield "  " * (depth + 1) + "{}  (its manifest is gone)".format(stage)


def _story(lineage: Lineage, manifest: Manifest, again: bool, whole: bool) -> Iterator[str]:
    """The lines for one artifact. again: whether it was printed before. whole: with products, source and versions."""
    state = lineage.store.state(manifest["stage"], manifest["key"])
    yield "{} {}  {}{}".format(manifest["stage"], manifest["key"][:12], state, "  (shown above)" if again else "")
    if again:
        return
    inputs, git, recipe = manifest["inputs"], manifest.get("git"), manifest.get("recipe")
    yield "  made      {} on {} in {} s".format(
        manifest.get("finished"), manifest.get("host"), manifest.get("seconds"))
    for why in manifest["why"]:
        yield "  because   {}".format(why)
    for line in _acceptances(lineage, manifest):
        yield "  accepted  {}".format(line)
    yield "  recipe    {} ({}), seed {}".format(
        recipe.get("name") if recipe else None, recipe.get("path") if recipe else None, manifest.get("seed"))
    for section, values in sorted(inputs["recipe"].items()):
        text = _settings(values, whole)
        if text:
            yield "  {:<9} {}".format(section, text)
    for part, sha256 in sorted(inputs["data"].items()):
        yield "  data      {} sha256 {}".format(part, sha256)
    for name, sha256 in sorted(inputs["files"].items()):
        yield "  file      {} sha256 {}".format(name, sha256)
    if not whole:
        return
    for output in manifest["outputs"]:
        if output["product"]:
            yield "  product   {} {} sha256 {}".format(
                output["path"], sizes.size(output["bytes"]), output["sha256"])
    for path, tree in sorted(inputs["source"].items()):
        yield "  code      {} {}".format(path, manifest["sources"].get(path, tree)[:12])
    yield "  versions  {}".format("  ".join(
        "{} {}".format(name, version) for name, version in sorted(inputs["versions"].items())))
    yield "  git       {}{}".format(
        git.get("commit") if git and git.get("commit") else "no commit known",
        ", with uncommitted changes" if git and git.get("dirty") else "")


def _settings(values: Any, whole: bool) -> str:
    """A section of a recipe in one line; '' if no setting has a value. whole: with the settings that have none."""
    if not isinstance(values, dict):
        return str(values)
    return ", ".join("{}: {}".format(name, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
                     for name, value in sorted(values.items()) if whole or value not in UNSET)


def _acceptances(lineage: Lineage, manifest: Manifest) -> Iterator[str]:
    accepted = manifest.get("accepted")
    if accepted:
        yield "as it was made by {}, on {} by {}: {}".format(
            accepted["from"][:12], accepted["accepted"], accepted["by"], accepted["reason"] or "no reason given")
        for line in accepted["differences"]:
            yield "although {}".format(line)
    for (stage, key), mark in lineage.store.marks.of(ACCEPTED):
        if (stage, key) == (manifest["stage"], manifest["key"]):
            yield "as {} too, on {} by {}".format(mark["as"][:12], mark["marked"], mark["by"])
