"""Validates the format of a record (manifest, mark, run) before its content is used.

A seal shows that a record is not damaged, but not who wrote it. So the values are checked too, because stages, keys and
paths of a record become paths in the store. `record_types.py` has the same formats as types.
"""

import calendar
import os
import re
import time
from typing import Any, Dict, Iterable, Optional

from pipeline import formatting
from pipeline.files.safe_tree import is_safe, is_safe_name

_SHA256 = re.compile("[0-9a-f]{64}")

Form = Any
"""A type or a tuple of types; a predicate; {name: form} of required fields; [form] of each item of a list;
{...: form} of each value of a dict; {predicate: form} of each name and value; `Nullable` and `Absent` below."""


class Nullable:
    """null, or a value of the form."""

    def __init__(self, form: Form) -> None:
        self.form = form


class Absent(Nullable):
    """A field that may be missing; else a value of the form."""


def is_sha256(value: object) -> bool:
    return isinstance(value, str) and _SHA256.fullmatch(value) is not None


def is_artifact(value: object) -> bool:
    """Whether it is [stage, key]."""
    return isinstance(value, list) and len(value) == 2 and all(map(is_safe_name, value))


def is_text(value: object) -> bool:
    """Whether it is a text that can be used in a path or an argument of a command."""
    try:
        return isinstance(value, str) and b"\0" not in os.fsencode(value)
    except ValueError:  # a lone surrogate
        return False


def is_size(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def is_time(value: object) -> bool:
    try:
        calendar.timegm(time.strptime(value, formatting.UTC))  # type: ignore[arg-type]  # TypeError says so
    except (TypeError, ValueError):
        return False
    return True


_TEXTS, _DIGESTS = {...: str}, {...: is_sha256}

MANIFEST = {
    "stage": Absent(is_safe_name), "key": Absent(is_safe_name),
    "inputs": Absent({"recipe": Absent({...: object}), "source": Absent(_TEXTS), "data": Absent(_TEXTS),
                      "files": Absent(_TEXTS), "versions": Absent(_TEXTS), "upstream": Absent({is_safe_name: _TEXTS}),
                      "products": Absent([str])}),
    "outputs": Absent([{"path": is_safe, "bytes": is_size, "sha256": is_sha256, "product": bool}]),
    "metrics": Absent(dict), "git": Absent(Nullable({"commit": Absent(Nullable(str)), "dirty": object})),
    "recipe": Absent(Nullable({"name": Absent(str), "path": Absent(str)})),
    "run": Nullable(str), "why": [str], "upstream": {is_safe_name: is_safe_name}, "sources": {...: is_sha256},
    "listings": _DIGESTS, "places": {...: is_text}, "started": Absent(Nullable(is_time)),
    "finished": Absent(Nullable(is_time)),
    "accepted": Absent({"from": str, "accepted": str, "by": str, "reason": Nullable(str), "differences": [str]}),
}

MARK = {"stage": is_safe_name, "key": is_safe_name, "marked": is_time, "as": Absent(is_safe_name), "by": Absent(str),
        "reason": Absent(str), "keeps": Absent([is_artifact]), "paths": Absent([is_safe])}

RUN = {
    "number": is_size, "recipe": {"name": str, "path": is_text}, "target": is_safe_name,
    "started": is_time, "finished": Nullable(is_time), "exit": Nullable(int),
    "host": Absent(str), "pid": Absent(is_size),
    "stages": {is_safe_name: {"key": Nullable(is_safe_name), "made": bool, "why": [str]}},
}


def fault(value: Any, form: Form, name: str = "") -> Optional[str]:
    """The name of the first field that does not have the form, such as 'outputs[0].path'; None if all have it."""
    if isinstance(form, Nullable):
        return None if value is None and not isinstance(form, Absent) else fault(value, form.form, name)
    if isinstance(form, dict):
        return _fault_of_dict(value, form, name)
    if isinstance(form, list):
        if not isinstance(value, list):
            return name
        return _first(fault(item, form[0], "{}[{}]".format(name, index)) for index, item in enumerate(value))
    if isinstance(form, (type, tuple)):
        return None if isinstance(value, form) else name
    return None if form(value) else name


def _fault_of_dict(value: Any, form: Dict[Any, Form], name: str) -> Optional[str]:
    if not isinstance(value, dict):
        return name or "the whole"
    if ... in form:
        if _all_hold(form[...], value.values()):  # the fast path, for most of a manifest
            return None
        return _first(fault(item, form[...], _below(name, key)) for key, item in value.items())
    for key, inner in form.items():
        if callable(key):
            return _first(_below(name, repr(item)) for item in value if not key(item)) or _fault_of_dict(
                value, {...: inner}, name)
        if key not in value:
            if isinstance(inner, Absent):
                continue
            return _below(name, key)
        wrong = fault(value[key], inner, _below(name, key))
        if wrong:
            return wrong
    return None


def _first(faults: Iterable[Optional[str]]) -> Optional[str]:
    return next((name for name in faults if name), None)


def _below(name: str, key: str) -> str:
    return "{}.{}".format(name, key) if name else key


def _all_hold(form: Form, values: Iterable[Any]) -> bool:
    """Whether all values have the form, which is a type or a predicate. False for a form of another kind."""
    if isinstance(form, type):
        return all(isinstance(value, form) for value in values)
    return callable(form) and all(map(form, values))
