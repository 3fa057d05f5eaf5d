"""Checks the `args` of a recipe against the function that takes them.

    in_source(path, name) -> its Signature, or None
    problems(signature, args, passed) -> [(argument, text)]

The signature is parsed from the source, so that a recipe is checked without running the user's code or loading
TensorFlow. Some signatures cannot be parsed (those of decorated functions, partials and imported functions); `expect`
checks them when the function is loaded. A parameter without an annotation, or with an unknown type, accepts any value.
"""

import ast
import builtins
import collections
import collections.abc
import functools
import inspect
import itertools
import json
import typing
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence, Tuple, Type

from octet import digest, regular_file
from octet.errors import OctetError
from octet.lookup import UNPARSABLE
from octet.suggestions import suggest

WORDS = {int: "a whole number", float: "a number", bool: "true or false", str: "text", type(None): "null",
         list: "a list", dict: "a mapping"}
LISTS = (list, tuple, collections.abc.Sequence, collections.abc.Iterable, collections.abc.Collection)
MAPPINGS = (dict, collections.abc.Mapping)
TYPE_MODULES = ("typing", "collections.abc")  # the modules whose names are known in annotations

MOST_CHECKED = 100  # arguments of one function

_NO_DEFAULT = inspect.Parameter.empty


def problems(signature: inspect.Signature, args: Dict[str, Any], passed: Sequence[str] = ()) -> List[Tuple[str, str]]:
    """(argument, problem) for each of `args` that the function does not take or whose type does not fit the annotation,
    and for each required argument that is missing.

    passed: arguments that Octet passes in addition to `args`. If the function does not take these, that is the only
    problem, and its argument is ''."""
    takes = {name: parameter for name, parameter in signature.parameters.items()
             if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY) and name not in passed}
    takes_any = any(parameter.kind == parameter.VAR_KEYWORD for parameter in signature.parameters.values())
    refused = [] if takes_any else [name for name in passed if name not in signature.parameters]
    if refused:
        others = [name for name, parameter in takes.items() if parameter.default is _NO_DEFAULT and name not in args]
        renamed = ["{} to {}".format(other, name) for other, name in zip(others, refused)]
        return [("", "the function is called with {} and does not take {}: {}".format(
            " and ".join(passed), " and ".join(refused), "rename " + ", ".join(renamed) if renamed else "add it"))]
    wrong = []
    for name, value in itertools.islice(args.items(), MOST_CHECKED):
        if name in passed:
            wrong.append((name, "is set by the dataset, and cannot be set in a recipe"))
        elif name in takes:
            if not _fits(value, takes[name].annotation):
                wrong.append((name, "expected {}, found {}".format(_words(takes[name].annotation), _shown(value))))
        elif not takes_any:
            wrong.append((name, "no argument of this name; " + suggest(name, takes)))
    return wrong + [(name, "expected {}, found no such key".format(_words(parameter.annotation)))
                    for name, parameter in takes.items() if parameter.default is _NO_DEFAULT and name not in args]


def refusal(signature: inspect.Signature, passed: Sequence[str]) -> str:
    """The reason why a function cannot be called with the positional arguments `passed`; empty if it can."""
    try:
        signature.bind(*passed)
    except TypeError as error:
        return "the function is called with {}, and takes ({}): {}; write def NAME({}):".format(
            ", ".join(passed), ", ".join(map(str, signature.parameters)), error, ", ".join(passed))
    return ""


def expect(function: Callable[..., Any], args: Dict[str, Any], where: str, error: Type[OctetError],
           passed: Sequence[str] = (), positional: int = 0) -> None:
    """Raises `error` with all `problems` of `args`, if there are any. positional: the number of positional arguments
    before `args`. where: the recipe's key that holds `args`."""
    try:
        signature = inspect.signature(function, follow_wrapped=False)  # a decorator may change the arguments
    except (TypeError, ValueError):  # a function written in C, without a signature
        return
    known = [parameter.replace(annotation=_type_of(parameter)) for parameter in signature.parameters.values()]
    wrong = problems(signature.replace(parameters=known[positional:]), args, passed)
    if wrong and not wrong[0][0]:
        raise error(wrong[0][1], where=where.replace(".args", ".build"), why="it is {}{}".format(
            getattr(function, "__name__", "a function"), signature), next_step="change the function's arguments")
    if wrong:
        raise error("\n".join("{}: {}".format(argument, text) for argument, text in wrong), where=where,
                    why="they go to {}{}".format(getattr(function, "__name__", "the function"), signature),
                    next_step="correct {} in the recipe".format(where))


def _type_of(parameter: inspect.Parameter) -> Any:
    """The type of a loaded function's parameter, as `_parameter` parses it from source."""
    hint = parameter.annotation if isinstance(parameter.annotation, collections.abc.Hashable) else Any
    return _made(lambda: typing.Optional[hint]) if parameter.default is None else hint


def in_source(path: Path, name: str, positional: int = 0) -> Optional[inspect.Signature]:
    """The signature of the file's function of this name, without its first `positional` parameters; None if it
    cannot be parsed."""
    signature = _read(str(path), name, digest.stamp(str(path))) if path.suffix == ".py" else None
    return signature and signature.replace(parameters=list(signature.parameters.values())[positional:])


@functools.lru_cache(maxsize=None)
def _read(path: str, name: str, stamp: Tuple[int, ...]) -> Optional[inspect.Signature]:
    tree, binders = _parsed(path, stamp)
    bound = binders.get(name, [])
    if len(bound) != 1 or bound[0] not in tree.body or not isinstance(bound[0], ast.FunctionDef) \
            or bound[0].decorator_list:
        return None
    return inspect.Signature(list(_parameters(bound[0].args, _types(tree, binders))))


@functools.lru_cache(maxsize=4)  # a recipe names several functions of one file; trees of many recipes would be large
def _parsed(path: str, stamp: Tuple[int, ...]) -> Tuple[ast.Module, Dict[str, List[ast.AST]]]:
    """(the file's syntax tree, {name: the nodes that bind it, anywhere in the file}). Both are empty for a file that
    cannot be parsed: loading it reports the error."""
    binders: Dict[str, List[ast.AST]] = collections.defaultdict(list)
    try:
        tree = ast.parse(regular_file.text(path))
    except UNPARSABLE:
        return ast.Module([]), binders
    for node in ast.walk(tree):
        for name in _names_bound(node):
            binders[name].append(node)
    return tree, binders


def _names_bound(node: ast.AST) -> List[str]:
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return [node.name]
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return [alias.asname or alias.name.split(".")[0] for alias in node.names]
    return [node.id] if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) else []


def _parameters(args: ast.arguments, types: Dict[str, Any]) -> Iterator[inspect.Parameter]:
    required = len(args.args) - len(args.defaults)
    defaults: List[Any] = [_NO_DEFAULT] * required + list(args.defaults)
    for arg, default in zip(args.args, defaults):
        yield _parameter(arg, inspect.Parameter.POSITIONAL_OR_KEYWORD, default, types)
    if args.vararg:
        yield inspect.Parameter(args.vararg.arg, inspect.Parameter.VAR_POSITIONAL)
    for arg, keyword_default in zip(args.kwonlyargs, args.kw_defaults):
        yield _parameter(arg, inspect.Parameter.KEYWORD_ONLY,
                         _NO_DEFAULT if keyword_default is None else keyword_default, types)
    if args.kwarg:
        yield inspect.Parameter(args.kwarg.arg, inspect.Parameter.VAR_KEYWORD)


def _parameter(arg: ast.arg, kind: Any, default: Any, types: Dict[str, Any]) -> inspect.Parameter:
    hint = Any if arg.annotation is None else _hint(arg.annotation, types)
    if isinstance(default, ast.NameConstant) and default.value is None:
        hint = _made(lambda: typing.Optional[hint])  # as typing.get_type_hints takes `size: int = None`
    return inspect.Parameter(arg.arg, kind, default=default if default is _NO_DEFAULT else ..., annotation=hint)


def _types(tree: ast.Module, binders: Dict[str, List[ast.AST]]) -> Dict[str, Any]:
    """{name: type} of the names that the module's annotations use, where they are known without running it."""
    types: Dict[str, Any] = {kind.__name__: kind for kind in (int, float, bool, str, list, tuple, dict)}
    for node in tree.body:
        if isinstance(node, ast.Import):
            types.update({alias.asname or alias.name: typing for alias in node.names if alias.name == "typing"})
        elif isinstance(node, ast.ImportFrom) and node.module in TYPE_MODULES and not node.level:
            types.update({alias.asname or alias.name: getattr(typing, alias.name, Any) for alias in node.names})
    return {name: kind for name, kind in types.items()
            if len(binders.get(name, ())) <= (not hasattr(builtins, name))}


def _hint(node: ast.AST, types: Dict[str, Any]) -> Any:
    """The type of an annotation; Any for an unknown type."""
    if isinstance(node, ast.NameConstant):
        return type(None) if node.value is None else Any
    if isinstance(node, ast.Ellipsis):
        return ...
    if isinstance(node, ast.Name):
        return types.get(node.id, Any)
    if isinstance(node, ast.Str):
        text = node.s
        return _made(lambda: _hint(ast.parse(text, mode="eval").body, types))
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and types.get(node.value.id) is typing:
        return getattr(typing, node.attr, Any)
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Index):
        inner = node.slice.value
        parts = tuple(_hint(part, types) for part in (inner.elts if isinstance(inner, ast.Tuple) else [inner]))
        outer = _hint(node.value, types)
        return Any if outer is Any else _made(lambda: outer[parts if len(parts) > 1 else parts[0]])
    return Any


def _made(make: Callable[[], Any]) -> Any:
    """The result of `make`; Any if it fails, as for a bare Optional."""
    try:
        return make()
    except (TypeError, IndexError, SyntaxError, ValueError):
        return Any


def _fits(value: Any, hint: Any) -> bool:
    """Whether a value of a recipe has the type; True for an unknown type."""
    if hint in (int, float):
        return isinstance(value, (int, hint)) and not isinstance(value, bool)
    if hint in WORDS:
        return isinstance(value, hint)
    origin, inner = _taken_apart(hint)
    if origin is typing.Union:
        return any(_fits(value, option) for option in inner)
    if origin in MAPPINGS:
        return isinstance(value, dict) and (len(inner) != 2 or all(_fits(entry, inner[1]) for entry in value.values()))
    if origin not in LISTS:
        return True
    if not isinstance(value, list):
        return False
    if origin is tuple and inner and ... not in inner:
        return len(value) == len(inner) and all(map(_fits, value, inner))
    return not inner or all(_fits(entry, inner[0]) for entry in value)


def _words(hint: Any) -> str:
    """The type in the words of a recipe: 'a whole number', 'a list, each a number'."""
    if hint in WORDS:
        return WORDS[hint]
    origin, inner = _taken_apart(hint)
    if origin is typing.Union:
        return ", or ".join(map(_words, inner))
    if origin in MAPPINGS:
        return "a mapping"
    if origin in LISTS:
        if origin is tuple and inner and ... not in inner:
            return "a list of {} ({})".format(len(inner), ", ".join(map(_words, inner)))
        return "a list" + (", each {}".format(_words(inner[0])) if inner and inner[0] is not Any else "")
    return "a value"


def _taken_apart(hint: Any) -> Tuple[Any, Tuple[Any, ...]]:
    """(origin, arguments) of a type; the argument of a bare List is Any."""
    inner = tuple(Any if isinstance(argument, typing.TypeVar) else argument
                  for argument in getattr(hint, "__args__", None) or ())
    return getattr(hint, "__origin__", hint), inner


def _shown(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:57] + "..."
