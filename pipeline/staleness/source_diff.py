"""The functions, classes and constants that differ between two versions of a source file."""

import ast
import functools
from typing import Dict, List, Optional

from pipeline.inputs.source_closure import without_docstrings


def changes(before: Optional[bytes], after: Optional[bytes]) -> List[str]:
    """'cosine() changed', 'class Feed added', 'module level changed' ..., in the order of the file.

    Empty if one version is unknown or not Python, or if only comments, docstrings and formatting differ."""
    old, new = _pieces(before), _pieces(after)
    if old is None or new is None:
        return []
    lines = []
    for name in list(new) + [name for name in old if name not in new]:
        if name not in old:
            lines.append("{} added".format(name))
        elif name not in new:
            lines.append("{} removed".format(name))
        elif old[name] != new[name]:
            lines.append("{} changed".format(name))
    return lines


@functools.lru_cache(maxsize=64)  # stale recipes mostly share the same files
def _pieces(source: Optional[bytes]) -> Optional[Dict[str, str]]:
    """{name: its syntax tree} of the functions, classes, methods and constants; 'module level' is the rest."""
    if source is None:
        return None
    try:
        tree = without_docstrings(ast.parse(source))
    except (SyntaxError, ValueError):
        return None
    pieces: Dict[str, str] = {}
    rest = []
    for node in tree.body:
        name = _name(node)
        if name is None:
            rest.append(ast.dump(node))
        elif isinstance(node, ast.ClassDef):
            _put_class(node, pieces)
        else:
            pieces[name] = pieces.get(name, "") + ast.dump(node)
    pieces["module level"] = "\n".join(rest)
    return pieces


def _put_class(node: ast.ClassDef, pieces: Dict[str, str]) -> None:
    own = []
    for inner in node.body:
        if isinstance(inner, (ast.FunctionDef, ast.AsyncFunctionDef)):
            name = "{}.{}()".format(node.name, inner.name)
            pieces[name] = pieces.get(name, "") + ast.dump(inner)  # a property and its setter
        else:
            own.append(ast.dump(inner))
    parts: List[ast.AST] = [*node.bases, *node.keywords, *node.decorator_list]
    pieces["class {}".format(node.name)] = "\n".join([ast.dump(part) for part in parts] + own)


def _name(node: ast.AST) -> Optional[str]:
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return node.name + "()"
    if isinstance(node, ast.ClassDef):
        return "class " + node.name
    if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(
            node.targets[0], ast.Name):
        return node.targets[0].id
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return node.target.id
    return None
