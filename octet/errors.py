"""The errors that Octet expects, as one tree of classes.

OctetError
├── UsageError            the command line or luigi.cfg
├── RecipeError           a recipe's text or values
├── DatasetError          the data
│   └── DataChanged       the data changed since the snapshot
├── ModelError            the user's network
├── QuantizeError         the network has no uint8 form
├── ConvertError          toco refused the graph
│   └── AuditError        the .tflite file is not fully uint8
├── InterpreterError      the TensorFlow Lite interpreter
├── GateError             a measured value misses a limit of the recipe
│   └── LimitError        a figure of the data misses a limit of the recipe
├── StoreError            the artifact store
├── SchedulerError        Luigi's central scheduler
├── StageDied             a stage's process ended without a report
└── SourceError           code ran that is not part of the stage's key
"""

import json
import re
from typing import Any, Dict, List, Tuple, Type

# File names and values of a recipe may contain control characters of a terminal, or lone surrogates.
_UNPRINTABLE = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


class OctetError(Exception):
    """An error that the user can fix. It has four parts; a part that would add nothing is ''.

    what: what is wrong. where: the file, key or command with the fault. why: the cause, or the consequence.
    next_step: what to do. exit_code: the exit code of a command that ends with this error."""

    exit_code = 1

    def __init__(self, what: str, where: str, why: str, next_step: str) -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.why = why
        self.next_step = next_step

    def __str__(self) -> str:
        head = "{}  {}".format(self.where, self.what) if self.where else self.what
        tail = [line for part in (self.why, self.next_step) for line in part.splitlines()]
        return _UNPRINTABLE.sub(lambda found: ascii(found.group())[1:-1], "\n".join(
            [head] + ["    " + line for line in tail]))

    def __reduce__(self) -> Tuple[Any, ...]:
        return (type(self), (self.what, self.where, self.why, self.next_step))

    def to_json(self) -> str:
        """The error as one line of JSON, for the pipe from a stage's process to its parent."""
        return json.dumps({"type": type(self).__name__, "what": self.what, "where": self.where,
                           "why": self.why, "next_step": self.next_step})


class UsageError(OctetError):
    exit_code = 2


class RecipeError(OctetError):
    exit_code = 3


class DatasetError(OctetError):
    exit_code = 4


class DataChanged(DatasetError):
    pass  # a run then takes a new snapshot and starts again, once


class ModelError(OctetError):
    exit_code = 5


class QuantizeError(OctetError):
    exit_code = 6


class ConvertError(OctetError):
    exit_code = 7


class AuditError(ConvertError):
    exit_code = 8


class InterpreterError(OctetError):
    exit_code = 9


class GateError(OctetError):
    exit_code = 10


class LimitError(GateError):
    pass  # of `data.limits`: nothing is trained


class StoreError(OctetError):
    exit_code = 11


class SchedulerError(OctetError):
    exit_code = 12


class StageDied(OctetError):
    exit_code = 13


class SourceError(OctetError):
    exit_code = 14


def by_name() -> Dict[str, Type[OctetError]]:
    """{name: class} of all classes of the tree."""
    classes: Dict[str, Type[OctetError]] = {}
    todo: List[Type[OctetError]] = [OctetError]
    while todo:
        cls = todo.pop()
        classes[cls.__name__] = cls
        todo.extend(cls.__subclasses__())
    return classes


def from_json(line: str) -> OctetError:
    """The error that `to_json` wrote. Raises KeyError for a class that is not in the tree."""
    parts = json.loads(line)
    return by_name()[parts.pop("type")](**parts)
