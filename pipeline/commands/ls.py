"""What there is: the recipes that ran, the runs and stages of one of them, or every artifact.

    octet ls                every recipe that ran: its newest run
    octet ls RECIPE         its runs, and the stages of the newest
    octet ls --artifacts    every artifact in the store
"""

import argparse
import itertools
import json
import os
import socket
from typing import Dict, Iterator, List, Optional, Tuple

from octet import digest
from pipeline import settings, words
from pipeline.looks import Look
from pipeline.marks import Artifact
from pipeline.runs import Runs
from pipeline.spec import STAGES
from pipeline.store import Store

RUNS_SHOWN = 20
CHUNK = 500


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("recipe", nargs="?", help="a name in recipes/, or a path")
    parser.add_argument("--artifacts", action="store_true", help="every artifact in the store")
    parser.add_argument("--json", action="store_true", help="as JSON, nothing left out")


def run(arguments: argparse.Namespace) -> None:
    found = settings.load()
    store = Store(found.store)
    runs = Runs(store.root)
    with digest.kept_open():
        if arguments.artifacts:
            _print(arguments, ("stage", "key", "age", "size", "metrics", "state"),
                   list(artifacts(store)), "no artifacts in {}".format(store.root))
        elif arguments.recipe:
            path = found.find_recipe(arguments.recipe).absolute()
            _runs_of(arguments, store, list(runs.of(path)), str(path))
        else:
            _print(arguments, ("recipe", "run", "age", "target", "stages", "size", "metrics", "state"),
                   list(recipes(store, runs)), "no runs in {}".format(store.root))


def artifacts(store: Store) -> Iterator[Dict]:
    """A row for each artifact, in the order of the pipeline, newest last."""
    rows = [_artifact(stage, key, look) for some in _in_chunks(store.list())
            for (stage, key), look in store.looks(some).items()]
    yield from sorted(rows, key=_in_order)


def recipes(store: Store, runs: Runs) -> Iterator[Dict]:
    """A row for the newest run of each recipe that ever ran."""
    newest = [(run, count) for count, of_recipe in runs.every()
              for run in itertools.islice(of_recipe, 1)]
    newest.sort(key=lambda pair: (pair[0]["recipe"]["name"], pair[0]["recipe"]["path"]))
    for some in _in_chunks(newest):
        looks = store.looks({(stage, said["key"]) for run, _ in some
                             for stage, said in run["stages"].items() if said["key"]})
        for run, count in some:
            yield _recipe(run, count, looks)


def _recipe(run: dict, count: int, looks: Dict[Artifact, Look]) -> Dict:
    of_run = [looks.get((stage, said["key"])) for stage, said in run["stages"].items()]
    there = [look for look in of_run if look and look.state == "intact"]
    last = looks.get((run["target"], run["stages"][run["target"]]["key"]))
    return {"recipe": run["recipe"]["name"], "path": run["recipe"]["path"], "run": run["number"],
            "runs": count, "started": run["started"], "target": run["target"],
            "stages": "{}/{} intact".format(len(there), len(of_run)),
            "bytes": sum(_bytes(look) for look in there), "metrics": _metrics(last),
            "state": _state(run)}


def _runs_of(arguments: argparse.Namespace, store: Store, runs: List[dict], recipe: str) -> None:
    rows = [{"run": run["number"], "started": run["started"], "target": run["target"],
             "made": [stage for stage in STAGES if (run["stages"].get(stage) or {}).get("made")],
             "state": _state(run)} for run in runs]
    stages = []
    if runs:
        keys = [(stage, runs[0]["stages"][stage]["key"]) for stage in STAGES
                if (runs[0]["stages"].get(stage) or {}).get("key")]
        looks = store.looks(keys)
        stages = [_artifact(stage, key, looks[stage, key]) for stage, key in keys]
    if arguments.json:
        print(json.dumps({"recipe": recipe, "runs": rows, "stages": stages}, indent=1))
        return
    _print(arguments, ("run", "age", "target", "made", "state"), rows[:RUNS_SHOWN],
           "no run of {} in {}".format(recipe, store.root))
    if stages:
        print()
        _print(arguments, ("stage", "key", "age", "size", "metrics", "state"), stages, "")


def _state(run: dict) -> str:
    if run["exit"] is None:
        return "running" if _is_alive(run) else "cut short"
    return "done" if run["exit"] == 0 else "exit {}".format(run["exit"])


def _is_alive(run: dict) -> bool:
    return run["host"] == socket.gethostname() and os.path.exists("/proc/{}".format(run["pid"]))


def _artifact(stage: str, key: str, look: Look) -> Dict:
    record = look.manifest or {}
    return {"stage": stage, "key": key, "finished": record.get("finished"), "bytes": _bytes(look),
            "metrics": _metrics(look), "state": look.state, "damage": list(look.damage)}


def _metrics(look: Optional[Look]) -> Dict:
    return ((look.manifest if look else None) or {}).get("metrics") or {}


def _bytes(look: Look) -> int:
    return sum(output["bytes"] for output in (look.manifest or {}).get("outputs", ()))


def _in_order(row: Dict) -> tuple:
    names = list(STAGES)
    place = names.index(row["stage"]) if row["stage"] in names else len(names)
    return place, row["finished"] or "", row["key"]


def _in_chunks(items: list) -> Iterator[list]:
    """A few at a time: a manifest is many times as large as its row."""
    for start in range(0, len(items), CHUNK):
        yield items[start:start + CHUNK]


def _print(arguments: argparse.Namespace, columns: Tuple[str, ...], rows: List[Dict],
           nothing: str) -> None:
    if arguments.json:
        print(json.dumps(rows, indent=1))
    elif rows:
        words.table(columns, [[_cell(row, column) for column in columns] for row in rows])
    else:
        print(nothing)


def _cell(row: Dict, column: str) -> str:
    if column == "key":
        return row["key"][:12]
    if column == "age":
        return words.age(row.get("finished") or row.get("started"))
    if column == "size":
        return words.size(row["bytes"])
    if column == "metrics":
        return words.figures(row["metrics"])
    if column == "made":
        return ", ".join(row["made"]) or "nothing"
    if column == "state":
        return "; ".join([row["state"]] + list(row.get("damage", ())))
    return str(row.get(column, ""))
