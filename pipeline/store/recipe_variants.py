"""Variants of recipes, with values that were set on the command line (`--set`), as files in the store.

    <root>/recipes/<digest of the base's path>/<base>+train.epochs=5.yaml

A variant extends its base. Otherwise it is an ordinary recipe, with its own name and runs.
"""

import hashlib
import json
import os
import re
import tempfile
from pathlib import Path
from typing import Any, Callable, Dict, List, Sequence, Tuple

from octet.errors import RecipeError, UsageError
from octet.recipe import loading
from octet.recipe.yaml_text import Problem, parsed
from pipeline.files import file_errors
from pipeline.store.store_tree import StoreTree

FOLDER = "recipes"
LONGEST_NAME = 100
OPTION = "--set"

Tree = Dict[str, Any]
"""The keys that are set: nested sections with the words after `--set` as leaves."""


def written(base: Path, words: Sequence[str], root: Path, find_base: Callable[[str], Path]) -> Path:
    """Writes the variant of the recipe `base` with the values in `words`, such as 'train.epochs=5', if it is a valid
    recipe and does not exist yet. Returns its path.

    find_base: as for `loading.load`. Raises UsageError for words other than KEY=VALUE, RecipeError for an invalid
    value (its `where` is the words), and StoreError if the file cannot be written."""
    base = Path(os.path.abspath(str(base)))
    loading.load(base, find_base)  # reports problems of the base itself
    text, lines = _text(base, words)
    with tempfile.TemporaryDirectory(prefix="octet-set-") as folder:
        draft = Path(folder) / "recipe.yaml"
        draft.write_text(text, encoding="utf-8")
        try:
            loading.load(draft, find_base)
        except RecipeError as error:
            raise _relocated(error, draft, base, lines) from error
    tree, place, name = StoreTree(root), _place(base), _name(base, words) + ".yaml"
    path = tree.path(place) / name
    content = text.encode("utf-8")
    if _read(path) != content:
        with file_errors.explained("keep a recipe", path), tree.ensure(place) as kept:
            kept.write(name, content)
    return path


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _text(base: Path, words: Sequence[str]) -> Tuple[str, Dict[int, str]]:
    """The variant's YAML text, and {line: the words from which it was made}."""
    lines = ["extends: {}".format(json.dumps(str(base))), "relative_to: {}".format(json.dumps(str(base.parent)))]
    words_of_line: Dict[int, str] = {}

    def write(tree: Tree, depth: int) -> None:
        for key, below in tree.items():
            head = "  " * depth + json.dumps(key) + ":"
            if isinstance(below, dict):
                lines.append(head)
                write(below, depth + 1)
            else:
                lines.append("{} {}".format(head, below.partition("=")[2]))
                words_of_line[len(lines)] = below
    write(_tree(words), 0)
    return "\n".join(lines) + "\n", words_of_line


def _tree(words: Sequence[str]) -> Tree:
    tree: Tree = {}
    for each in sorted(words):
        key, equals, value = each.partition("=")
        keys = key.split(".")
        if not equals or not all(keys) or not value.strip():
            raise UsageError("expected KEY=VALUE", where="{} {}".format(OPTION, each),
                             why="KEY is the path of a recipe's key, such as train.epochs",
                             next_step="for example {} train.epochs=5; the value null means none".format(OPTION))
        problems: List[Problem] = []
        found = parsed("value: " + value, OPTION, problems)
        if "\n" in value or problems or found is None or list(found[0]) != ["value"]:
            raise UsageError("{!r} is not a value".format(value), where="{} {}".format(OPTION, each),
                             why="; ".join(problem.text for problem in problems) or "it is more than one value",
                             next_step="write it as in a recipe: 5, 0.001, true, null, adam, '[4, 4]'")
        section = tree
        for name in keys[:-1]:
            section = section.setdefault(name, {})
            if not isinstance(section, dict):
                break
        if not isinstance(section, dict) or keys[-1] in section:
            raise UsageError("{} is set twice".format(key), where="{} {}".format(OPTION, each),
                             why="only one of the values can be used", next_step="remove one of them")
        section[keys[-1]] = each
    return tree


def _relocated(error: RecipeError, draft: Path, base: Path, lines: Dict[int, str]) -> RecipeError:
    """The error with the words after `--set` in place of lines of the draft, which the user does not know."""
    def relocate(text: str) -> str:
        text = re.sub(re.escape(str(draft)) + r":(\d+):\d+", lambda found: "{} {}".format(
            OPTION, lines[int(found.group(1))]) if int(found.group(1)) in lines else str(base), text)
        return text.replace(str(draft), str(base))
    return RecipeError(relocate(error.what), where=relocate(error.where), why=error.why,
                       next_step="correct what follows {}".format(OPTION))


def _place(base: Path) -> str:
    return "{}/{}".format(FOLDER, hashlib.sha256(os.fsencode(str(base))).hexdigest()[:12])


def _name(base: Path, words: Sequence[str]) -> str:
    """The name of the variant: the base's name and the words, as far as they fit into a file name."""
    asked = "{}+{}".format(base.stem, ",".join(sorted(words)))
    name = re.sub(r"[^A-Za-z0-9_.=,+-]+", "-", asked)
    if name == asked and len(name) <= LONGEST_NAME:
        return name
    return "{}-{}".format(name[:LONGEST_NAME - 9], hashlib.sha256(os.fsencode(asked)).hexdigest()[:8])
