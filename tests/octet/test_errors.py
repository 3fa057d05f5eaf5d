"""Each error has its four parts where it is raised. Nobody would see that a rare one lacks a part."""

import ast
import inspect
from pathlib import Path

import pytest

from octet import errors

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("octet", "pipeline", "tasks", "models")
PARTS = list(inspect.signature(errors.OctetError.__init__).parameters)[1:]


def raised():
    """(position, {part: its expression}) of every place that makes an error of the tree."""
    for path in sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_bytes())):
            name = getattr(node.func, "id", getattr(node.func, "attr", "")) if isinstance(node, ast.Call) else ""
            if name in errors.by_name() and not any(isinstance(argument, ast.Starred) for argument in node.args):
                yield ("{}:{}".format(path.relative_to(ROOT), node.lineno), {
                    **dict(zip(PARTS, node.args)), **{keyword.arg: keyword.value for keyword in node.keywords}})


def test_every_error_has_what_where_why_and_next_step():
    """`why` may be an empty text if it would only repeat other parts."""
    found = list(raised())
    assert len(found) > 100
    assert [place for place, parts in found if set(parts) != set(PARTS) or any(
        isinstance(part, ast.Str) and not part.s for name, part in parts.items() if name != "why")] == []


@pytest.mark.parametrize("name", sorted(errors.by_name()))
def test_an_error_comes_through_the_pipe_as_it_was(name):
    sent = errors.by_name()[name]("no such file", "data.npz", "it is read", "give another")
    got = errors.from_json(sent.to_json())
    assert type(got) is type(sent) and str(got) == str(sent) == (
        "data.npz  no such file\n    it is read\n    give another")
