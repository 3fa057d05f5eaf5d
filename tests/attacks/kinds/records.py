"""Manifests, records of runs and marks with a correct seal and hostile content, as anybody can write them who can write
to the store."""

import json
from pathlib import Path
from typing import Any, Callable, Dict, Iterator

from pipeline.store import manifest
from tests.attacks.situation import VERBS, Situation, spread
from tests.attacks.situation_folder import STAGE, UPSTREAM, Place

VALUES: Dict[str, Any] = {
    "null": None,
    "number": 7,
    "negative": -1,
    "text": "x",
    "empty-text": "",
    "list": [],
    "list-of-null": [None],
    "mapping": {},
    "deep": [[[[[[[[[[]]]]]]]]]],
    "true": True,
    "huge-number": 10**400,
    "up": "../../../canary/kept.txt",
    "absolute": "{root}/canary/kept.txt",
    "nul": "a\0b",
    "surrogate": "\ud800",
    "long": "x" * 5000,
    "newlines": "a\nb\x1b[2J",
    "mapping-of-null": {"a": None},
    "mapping-up": {"../../canary/x.py": "0" * 64},
    "mapping-absolute": {"{root}/canary/x.py": "0" * 64},
}
FIELDS = {
    "manifest": (
        "outputs",
        "inputs",
        "metrics",
        "git",
        "recipe",
        "snapshot",
        "seed",
        "run",
        "why",
        "sources",
        "listings",
        "places",
        "upstream",
        "host",
        "started",
        "finished",
        "seconds",
        "stage",
        "key",
        "format",
    ),
    "output": ("path", "bytes", "sha256", "product"),
    "run": (
        "number",
        "recipe",
        "snapshot",
        "target",
        "started",
        "finished",
        "exit",
        "host",
        "pid",
        "argv",
        "stages",
        "by",
        "format",
    ),
}
COMMANDS = {
    "manifest": ("luigi", "why", "verify", "ls-artifacts", "trace-source", "gc-delete", "diff", "trace"),
    "output": ("luigi", "verify", "trace", "gc-delete", "ls-artifacts"),
    "run": ("ls", "ls-recipe", "gc", "why", "luigi"),
}


def situations() -> Iterator[Situation]:
    for record, at_most in (("manifest", 170), ("output", 60), ("run", 100)):
        rows = [
            _situation(record, field, value, verb)
            for field in FIELDS[record]
            for verb in COMMANDS[record]
            for value in VALUES
        ]
        yield from spread(rows, at_most)


def _situation(record: str, field: str, value: str, verb: str) -> Situation:
    return Situation(
        "{}.{}/{}/{}".format(record, field, value, verb),
        VERBS[verb],
        PREPARE[record](field, VALUES[value]),
        touches=("out",) if verb == "trace-source" else (),
    )


def _sealed(record: dict) -> bytes:
    try:
        return manifest.sealed(record)
    except ValueError:  # a text that cannot be sealed is written unchanged
        return json.dumps(record).encode()


def _edit(place: Place, path: Path, change: Callable[[dict], None]) -> None:
    place.at(path)
    record = json.loads(path.read_text())
    change(record)
    path.chmod(0o644)
    path.write_bytes(_sealed(record))


def _filled(value: Any, place: Place) -> Any:
    """The value with the situation's folder in it, so that no situation names a file of the machine."""
    return json.loads(json.dumps(value).replace("{root}", str(place.root)))


def _in_first_output(field: str, value: Any) -> Callable[[dict], None]:
    return lambda record: record["outputs"][0].update({field: value})


def _in_manifest(field: str, value: Any) -> Callable[[Place], None]:
    def prepare(place: Place) -> None:
        for stage in (STAGE, UPSTREAM, "ConvertUint8"):
            _edit(
                place,
                place.artifact(stage) / "manifest.json",
                lambda record: record.update({field: _filled(value, place)}),
            )

    return prepare


def _in_output(field: str, value: Any) -> Callable[[Place], None]:
    def prepare(place: Place) -> None:
        _edit(place, place.artifact(STAGE) / "manifest.json", _in_first_output(field, _filled(value, place)))

    return prepare


def _in_run(field: str, value: Any) -> Callable[[Place], None]:
    def prepare(place: Place) -> None:
        for path in sorted(place.store.glob("runs/*/*.json")):
            _edit(place, path, lambda record: record.update({field: _filled(value, place)}))

    return prepare


PREPARE = {"manifest": _in_manifest, "output": _in_output, "run": _in_run}
