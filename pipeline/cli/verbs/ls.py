"""Lists recipes that ran, the runs and stages of one recipe, or all artifacts.

    octet ls                every recipe that ran: the end of its newest run, and its figures
    octet ls RECIPE         the runs of a recipe with their figures and reasons, and the stages of the newest run
    octet ls digits:3       one run and its stages; for a file or a key, the artifact
    octet ls --artifacts    every artifact in the store, and the checkpoints of unfinished trainings
"""

from __future__ import annotations

import argparse
import collections
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Tuple, TypeVar

from octet import digest, sizes
from octet.errors import RecipeError
from pipeline import formatting, settings
from pipeline.cli import run_history, stage_figures
from pipeline.execution import headline_metrics
from pipeline.provenance import artifact_reference
from pipeline.provenance.lineage import Lineage
from pipeline.stage_specs import STAGES, upward
from pipeline.store.artifacts import Store
from pipeline.store.checkpoints import UnfinishedTraining
from pipeline.store.marks import Artifact
from pipeline.store.runs import Runs, state
from pipeline.store.status import INTACT, ArtifactStatus

if TYPE_CHECKING:
    from octet.job import Metrics
    from pipeline.store.record_types import Run

Row = Dict[str, Any]
"""One row of a table, or one object of the JSON: {name of the field: its value}."""
_T = TypeVar("_T")

RUNS_SHOWN = 20
CHUNK = 500
COLUMNS = 100
SHORTEST_STATE, SHORTEST_FIGURES = 20, 24
LONGEST_NAME = 32
OF_ARTIFACT = ("stage", "key", "age", "size", "figures", "state")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("recipe", nargs="?", help="a recipe, a run, an artifact, or a file of one")
    parser.add_argument("--artifacts", action="store_true", help="every artifact in the store")
    parser.add_argument("--json", action="store_true", help="print everything as JSON")


def run(arguments: argparse.Namespace) -> None:
    config = settings.load()
    store = Store(config.store)
    runs = Runs(store.root)
    with digest.kept_open():
        if arguments.artifacts:
            _print(arguments, OF_ARTIFACT, list(artifacts(store)), "no artifacts in {}".format(store.root))
        elif arguments.recipe:
            _named(arguments, store, runs, config)
        else:
            rows = list(recipes(store, runs))
            _name(rows, config)
            _print(arguments, ("recipe", "age", "figures", "size", "state"), rows, "no runs in {}".format(store.root))


def _named(arguments: argparse.Namespace, store: Store, runs: Runs, config: settings.Settings) -> None:
    """Prints what is known of the recipe, run or artifact that the command names."""
    path = artifact_reference.present_recipe(arguments.recipe, config, runs)
    run = None if path else artifact_reference.run(arguments.recipe, config, runs)
    if run is not None:
        path, of_recipe = Path(run["recipe"]["path"]), [run]
    elif path is not None:
        of_recipe = list(runs.of(path))
        if not of_recipe and not path.is_file():
            raise RecipeError("there is no such file, and no run of it", where=str(path), why="",
                              next_step="`octet ls` lists the recipes that ran")
    else:
        manifest = artifact_reference.artifact(arguments.recipe, Lineage(store), config)
        stage, key = manifest["stage"], manifest["key"]
        _print(arguments, OF_ARTIFACT, [_artifact(stage, key, store.status(stage, key))], "")
        return
    _runs_of(arguments, store, of_recipe, str(path), artifact_reference.name_of(path, config, runs))


def artifacts(store: Store) -> Iterator[Row]:
    """A row for each artifact, in the order of the pipeline, newest last."""
    rows = [_artifact(stage, key, status) for chunk in _in_chunks(store.list())
            for (stage, key), status in store.statuses(chunk).items()]
    rows += [_unfinished(store, training) for training in store.checkpoints.unfinished()]
    yield from sorted(rows, key=_in_order)


def recipes(store: Store, runs: Runs) -> Iterator[Row]:
    """A row for each recipe that ever ran: the end of its newest run, and the artifacts of its newest run that had
    stages."""
    newest: List[Tuple[Run, Run, int]] = []
    for count, of_recipe in runs.every():
        last = next(of_recipe, None)
        if last is not None:
            # A run that was refused has no stages: the artifacts are those of an earlier one.
            with_stages = last if last["stages"] else next((run for run in of_recipe if run["stages"]), last)
            newest.append((last, with_stages, count))
    newest.sort(key=lambda row: (row[0]["recipe"]["name"], row[0]["recipe"]["path"]))
    for chunk in _in_chunks(newest):
        statuses = store.statuses({(stage, in_run["key"]) for _, run, _ in chunk
                             for stage, in_run in run["stages"].items() if in_run["key"]})
        for last, with_stages, count in chunk:
            yield _recipe(last, with_stages, count, statuses)


def _name(rows: List[Row], config: settings.Settings) -> None:
    """Sets the name of each row's recipe to a text that every command accepts: its name, or its path if several recipes
    have that name."""
    catalogue = {path.stem: str(path.absolute()) for path in config.recipes.glob("*.yaml")}
    ran = collections.Counter(row["recipe"] for row in rows)
    for row in rows:
        name = row["recipe"]
        if catalogue.get(name, row["path"]) != row["path"] or (name not in catalogue and ran[name] > 1):
            row["recipe"] = row["path"]


def _recipe(last: Run, with_stages: Run, count: int, statuses: Dict[Artifact, ArtifactStatus]) -> Row:
    stages = with_stages["stages"]
    of_run = {stage: statuses[stage, in_run["key"]] for stage, in_run in stages.items() if in_run["key"]}
    intact = {stage: status for stage, status in of_run.items() if status.state == INTACT}
    metrics = {stage: _metrics(status) for stage, status in intact.items()}
    return {"recipe": last["recipe"]["name"], "path": last["recipe"]["path"], "run": last["number"],
            "runs": count, "started": last["started"], "target": last["target"],
            "stages": "{}/{} intact".format(len(intact), len(stages)),
            "bytes": sum(_bytes(status) for status in intact.values()),
            "tflite_bytes": headline_metrics.size_bytes(metrics),
            "metrics": metrics.get(with_stages["target"], {}),
            "headline": [each._asdict() for each in headline_metrics.of(metrics)],
            "state": state(last), "error": last.get("error")}


def _runs_of(arguments: argparse.Namespace, store: Store, runs: List[Run], recipe: str, name: str) -> None:
    rows = run_history.rows(store, runs if arguments.json else runs[:RUNS_SHOWN], recipe)
    stages = []
    if runs:
        newest = runs[0]["stages"]
        in_runs = [(stage, newest[stage]["key"]) for stage in STAGES if stage in newest]
        keys = [(stage, key) for stage, key in in_runs if key]
        statuses = store.statuses(keys)
        begun = {(training.stage, training.key): training for training in store.checkpoints.unfinished()}
        stages = [_unfinished(store, begun[stage, key])
                  if (stage, key) in begun and statuses[stage, key].state != INTACT else
                  _artifact(stage, key, statuses[stage, key]) for stage, key in keys]
    if arguments.json:
        print(json.dumps({"recipe": recipe, "runs": rows, "stages": stages}, indent=1))
        return
    for row in rows:  # the number alone does not name a run
        row["run"] = "{}:{}".format(name, row["run"])
    _print(arguments, ("run", "age", "target", "figures", "state"), rows,
           "no run of {} in {}".format(recipe, store.root))
    if rows and rows[0]["error"]:
        print("\n{}: {}".format(rows[0]["run"], rows[0]["error"]))
    if stages:
        print()
        _print(arguments, OF_ARTIFACT, stages, "")


def _artifact(stage: str, key: str, status: ArtifactStatus) -> Row:
    finished = status.manifest.get("finished") if status.manifest else None
    return {"stage": stage, "key": key, "finished": finished, "bytes": _bytes(status),
            "metrics": _metrics(status),
            "headline": [each._asdict() for each in headline_metrics.of({stage: _metrics(status)})],
            "state": status.state, "damage": list(status.damage)}


def _unfinished(store: Store, training: UnfinishedTraining) -> Row:
    """The row of the checkpoints of a training that has not ended."""
    at_work = store.is_being_made(training.stage, training.key)
    return {"stage": training.stage, "key": training.key, "finished": formatting.utc(training.written),
            "bytes": training.size_bytes, "metrics": {}, "headline": [], "damage": [],
            "state": "{} after epoch {}: checkpoints".format(
                "training" if at_work else "interrupted", training.epochs_done)}


def _metrics(status: ArtifactStatus) -> Metrics:
    return status.manifest["metrics"] if status.manifest else {}


def _bytes(status: ArtifactStatus) -> int:
    return sum(output["bytes"] for output in status.manifest["outputs"]) if status.manifest else 0


def _in_order(row: Row) -> Tuple[int, str, str]:
    """A sort key: by stage, then by time."""
    names = list(STAGES)
    place = names.index(row["stage"]) if row["stage"] in names else len(names)
    return place, row["finished"] or "", row["key"]


def _in_chunks(items: List[_T]) -> Iterator[List[_T]]:
    """Splits the list, so that few manifests are in memory at a time: a manifest is much larger than its row."""
    for start in range(0, len(items), CHUNK):
        yield items[start:start + CHUNK]


def _print(arguments: argparse.Namespace, columns: Tuple[str, ...], rows: List[Row], nothing: str) -> None:
    """nothing: the text to print if there are no rows."""
    if arguments.json:
        print(json.dumps(rows, indent=1))
    elif rows:
        cells = [[_cell(row, column) for column in columns] for row in rows]
        first = _fit(columns, cells)
        formatting.table(columns, cells, [_why(row, COLUMNS - 2 - first) for row in rows], LONGEST_NAME)
    else:
        print(nothing)


def _fit(columns: Tuple[str, ...], cells: List[List[str]]) -> int:
    """Cuts the figures and the states, so that the table fits the terminal. Names are not cut, so that they can be used
    in commands; a long name is printed on a line of its own. Returns the width of the first column."""
    figures, last = columns.index("figures"), len(columns) - 1
    widths = [max([len(name)] + [len(line[place]) for line in cells if place or len(line[0]) <= LONGEST_NAME])
              for place, name in enumerate(columns)]
    left = COLUMNS - sum(2 + width for place, width in enumerate(widths) if place not in (figures, last)) - 2
    for line in cells:
        line[figures] = formatting.cut(line[figures], max(SHORTEST_FIGURES, left - min(SHORTEST_STATE, widths[last])))
    left -= max(len(text) for text in ["figures"] + [line[figures] for line in cells])
    for line in cells:  # the error of a run may be long: it gets the rest of the line
        line[last] = formatting.cut(line[last], max(SHORTEST_STATE, left))
    return widths[0]


def _cell(row: Row, column: str) -> str:
    if column == "key":
        return str(row["key"][:12])
    if column == "age":
        return formatting.age(row.get("finished") or row.get("started"))
    if column == "size":
        size = row["tflite_bytes"] if "tflite_bytes" in row else row["bytes"]
        return "-" if size is None else sizes.size(size)
    if column == "figures":
        return stage_figures.of_headlines(row["headline"]) or stage_figures.words(
            row.get("stage", row.get("target")), row["metrics"]) or "-"
    if column == "state":
        if row.get("error"):
            return "{}: {}".format(row["state"], row["error"].replace(row["path"], os.path.basename(row["path"])))
        return "; ".join([row["state"]] + list(row.get("damage", ())))
    return str(row.get(column, ""))


def _why(row: Row, columns: int) -> str:
    """The stages that a run made and the reasons, in one line; '' for a row that is not a run."""
    if "made" not in row:
        return ""
    every = len(row["made"]) > 1 and row["made"] == list(upward(row["target"]))
    made = "all {} stages".format(len(row["made"])) if every else formatting.listed(row["made"], 2)
    # What a run made is recorded at its end, so it is unknown for a run that is running or was killed.
    what = "began: " if row["exit"] is None else "made {}: ".format(made or "nothing")
    text = what + "; ".join(row["changed"])
    return formatting.cut(text.rstrip(": "), max(SHORTEST_STATE, columns))
