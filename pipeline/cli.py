"""`octet check | ls | trace`: what would be built, what there is, and where a file came from."""

import argparse
import calendar
import sys
import tempfile
import time
from pathlib import Path
from typing import Dict, Iterator, List, Optional

from octet.errors import OctetError, StoreError
from octet.job import Job
from pipeline import child, manifest, settings, snapshot
from pipeline.spec import STAGES
from pipeline.store import Store


def main(argv: Optional[List[str]] = None) -> int:
    """The exit code of the command; the four parts of a known error go to stderr."""
    arguments = _parser().parse_args(argv)
    try:
        arguments.run(arguments)
    except OctetError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # `octet ls | head`
        sys.stderr.close()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="octet", description=__doc__)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    commands.required = True
    command = commands.add_parser("check", help="is this recipe, with its model and data, fit to run")
    command.add_argument("recipe", help="a name in recipes/, or a path")
    command.set_defaults(run=lambda given: check(given.recipe))
    command = commands.add_parser("ls", help="the artifacts in the store")
    command.set_defaults(run=lambda given: list_artifacts())
    command = commands.add_parser("trace", help="where a file came from, back to data and code")
    command.add_argument("file", help="a file or folder in the store, or a copy of such a file")
    command.set_defaults(run=lambda given: trace(Path(given.file)))
    return parser


# check

def check(recipe: str) -> None:
    """Prints what the recipe comes to. Raises OctetError for what would fail in training."""
    taken = snapshot.take(settings.load().find_recipe(recipe))
    print("{}: recipe and data are readable; snapshot {}".format(taken.recipe, taken.digest[:12]))
    with tempfile.TemporaryDirectory(prefix="octet-check-") as folder:
        output = Path(folder) / "output"
        output.mkdir()
        job = Job(stage="check", settings=taken.sections, inputs={}, output=str(output),
                  recipe_folder=str(taken.folder))
        try:
            child.run(job, lambda fraction, message: message and print("  " + message, flush=True),
                      Path(folder) / "check.log")
        except OctetError as error:
            raise snapshot.located(error, taken.where) from error
    print("fit to run")


# ls

def list_artifacts() -> None:
    """Prints a table of the artifacts in the store, in the order of the pipeline, newest last."""
    from rich.console import Console
    from rich.table import Table
    store = Store(settings.load().store)
    records = sorted(store.list(), key=_in_order)
    if not records:
        print("no artifacts in {}".format(store.root))
        return
    table = Table("stage", "key", "age", "size", "metrics", "state", box=None, pad_edge=False)
    for record in records:
        table.add_row(record["stage"], record["key"][:12], _age(record.get("finished")),
                      _size(sum(output["bytes"] for output in record["outputs"])),
                      _figures(record.get("metrics") or {}),
                      store.state(record["stage"], record["key"]))
    # In a pipe there is no width to fit into: a line for each artifact, none of it cut.
    Console(width=None if sys.stdout.isatty() else 240).print(table)


def _in_order(record: dict) -> tuple:
    names = list(STAGES)
    place = names.index(record["stage"]) if record["stage"] in names else len(names)
    return place, record.get("finished") or "", record["key"]


def _age(utc: Optional[str]) -> str:
    if not utc:
        return "-"
    seconds = max(0, time.time() - calendar.timegm(time.strptime(utc, "%Y-%m-%dT%H:%M:%SZ")))
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return "{:.0f} {}".format(seconds // length, unit)
    return "{:.0f} s".format(seconds)


def _size(size_bytes: int) -> str:
    if size_bytes < 1000:
        return "{} B".format(size_bytes)
    return ("{:.1f} kB".format(size_bytes / 1e3) if size_bytes < 1e6
            else "{:.1f} MB".format(size_bytes / 1e6))


def _figures(metrics: Dict, prefix: str = "") -> str:
    return "  ".join(_each_figure(metrics, prefix))


def _each_figure(metrics: Dict, prefix: str) -> Iterator[str]:
    for name, value in sorted(metrics.items()):
        if isinstance(value, dict):
            yield from _each_figure(value, prefix + name + ".")
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            yield "{}{}={:.6g}".format(prefix, name, value)


# trace

def trace(file: Path) -> None:
    """Prints where `file` came from. Raises StoreError when no manifest knows it."""
    store = Store(settings.load().store)
    records = store.list()
    record = _by_place(store, records, file) or _by_content(records, file)
    if record is None:
        raise StoreError("no artifact holds this file", where=str(file),
                         why="looked for its place and its sha256 in {} manifests of {}".format(
                             len(records), store.root),
                         next_step="`octet ls` lists what there is")
    told = set()
    todo = [(record, 0)]
    while todo:
        record, depth = todo.pop()
        for line in _story(record, again=record["key"] in told):
            print("  " * depth + line)
        if record["key"] not in told:
            told.add(record["key"])
            for name, products in sorted(record["inputs"]["upstream"].items(), reverse=True):
                above = _maker(records, name, products)
                if above:
                    todo.append((above, depth + 1))
                else:
                    print("  " * (depth + 1) + "{}  (its artifact is gone)".format(name))


def _by_place(store: Store, records: List[dict], file: Path) -> Optional[dict]:
    real = file.resolve()
    for record in records:
        folder = store.artifact(record["stage"], record["key"]).resolve()
        if real == folder or folder / manifest.NAME == real:
            return record
        # A file that was changed after it was published did not come from there.
    return None


def _by_content(records: List[dict], file: Path) -> Optional[dict]:
    if not file.is_file():
        if not file.exists():
            raise StoreError("there is no such file", where=str(file))
        return None
    from octet import digest
    found = digest.of_file(file)
    # Most downstream first would name a copy; the first stage in order is who made it.
    holders = [record for record in sorted(records, key=_in_order)
               if any(output["sha256"] == found for output in record["outputs"])]
    real = file.resolve()
    inside = [record for record in holders if record["key"] in real.parts]
    return next(iter(inside + holders), None)


def _maker(records: List[dict], stage: str, products: Dict[str, str]) -> Optional[dict]:
    return next((record for record in records if record["stage"] == stage
                 and manifest.products(record) == products), None)


def _story(record: dict, again: bool) -> Iterator[str]:
    yield "{} {}{}".format(record["stage"], record["key"][:12], "  (above)" if again else "")
    if again:
        return
    inputs, git = record["inputs"], record.get("git") or {}
    recipe = record.get("recipe") or {}
    yield "  made      {} on {} in {} s".format(
        record.get("finished"), record.get("host"), record.get("seconds"))
    yield "  recipe    {} ({}), seed {}".format(
        recipe.get("name"), recipe.get("path"), record.get("seed"))
    for section, values in sorted(inputs["recipe"].items()):
        yield "  {:<9} {}".format(section, values)
    for part, digest in sorted(inputs["data"].items()):
        yield "  data      {} sha256 {}".format(part, digest)
    for output in record["outputs"]:
        if output["product"]:
            yield "  product   {} {} sha256 {}".format(
                output["path"], _size(output["bytes"]), output["sha256"])
    for path, digest in sorted(inputs["source"].items()):
        yield "  code      {} {}".format(path, digest[:12])
    yield "  versions  {}".format("  ".join(
        "{} {}".format(name, version) for name, version in sorted(inputs["versions"].items())))
    yield "  git       {}{}".format(
        git.get("commit") or "no commit known", ", with changes" if git.get("dirty") else "")


if __name__ == "__main__":
    sys.exit(main())
