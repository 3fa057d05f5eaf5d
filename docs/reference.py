"""Writes docs/recipe.md from the schema in octet/recipe, and docs/commands.md from the verbs of `octet`.

    python -m docs.reference

tests/docs/test_reference.py fails while a page is not what this writes.
"""

import argparse
import inspect
import json
import re
from pathlib import Path
from typing import Any, Dict, Iterator, List, Type

from pydantic import BaseModel

from octet.recipe import schema
from pipeline.cli import main
from pipeline.stage_specs import STAGES

FOLDER = Path(__file__).resolve().parent
FIELD = re.compile(r"    (\w+): ")
WRITTEN = "Written by `python -m docs.reference`; do not edit.\n"

RECIPE_HEAD = """\
# The recipe, key by key

{}
A recipe is a YAML file. It names the data and the network, sets how the network is trained, and sets limits that the
result must keep (gates). Only the sections `data` and `model` are required. A key that is not in these tables is an
error.

`extends: other.yaml` (or `extends: digits`, a name in the folder of recipes) inherits the values of another recipe; the
values that are written override them. Relative paths of the other recipe stay relative to that recipe. With
`relative_to: /a/folder`, relative paths and modules are looked up in that folder instead of the recipe's own.

    data:     {{dataset: mnist}}
    model:    {{build: lenet}}
    train:    {{epochs: 3, schedule: cosine}}
    quantize: {{epochs: 1, schedule: cosine}}
    validate: {{max_accuracy_drop: 0.01}}

The arguments of the datasets are in [Bring your data](data.md). If you change a value, the stages that read its section
run again, and then the later stages whose inputs have changed ([What runs again](staleness.md)).
"""

COMMANDS_HEAD = """\
# Commands

{}
There are two commands. `luigi` runs stages; `octet` answers questions about recipes and the store. Both are in
`.venv/bin`, and work from any folder.

## luigi

    luigi --module pipeline STAGE [--recipe RECIPE] [--set KEY=VALUE ...]

STAGE is the last stage to run; the stages that it needs run first. RECIPE is a name in the folder of recipes, or a
path. Without `--recipe`, the default recipe in `luigi.cfg` is used. `--local-scheduler` and `--workers` are options of
Luigi. The stages are:

{}

`--set train.epochs=5` uses the recipe with another value. The result is a new recipe, `RECIPE+train.epochs=5`: a file
in the store that extends RECIPE. `octet ls` lists it, and every `octet` command accepts its name. `octet check` and
`octet why` have the option `--set`, too.

`luigi --module pipeline ValidateInterpreter` runs all stages up to the verdict; `Export` also makes the folder for
users of the model. [Operating](operating.md) has the exit codes.
"""


def recipe_page() -> str:
    """The text of docs/recipe.md: a table of keys for each section."""
    top = {field.alias or name: field for name, field in schema.Recipe.model_fields.items()}
    plain = [name for name, field in top.items() if not _is_section(field.annotation)]
    parts = [RECIPE_HEAD.format(WRITTEN), "## At the top\n", _table(schema.Recipe, plain)]
    for name, field in top.items():
        if _is_section(field.annotation):
            parts += ["## {}\n".format(name), _paragraph(field.annotation), _readers(name)]
            if field.annotation.model_fields:
                parts.append(_table(field.annotation, list(field.annotation.model_fields)))
            for key, inner in field.annotation.model_fields.items():
                if _is_section(inner.annotation):
                    parts += ["### {}.{}\n".format(name, key), _paragraph(inner.annotation),
                              _table(inner.annotation, list(inner.annotation.model_fields))]
    return "\n".join(parts)


def _is_section(annotation: Any) -> bool:
    return inspect.isclass(annotation) and issubclass(annotation, BaseModel)


def _paragraph(section: Type[BaseModel]) -> str:
    return inspect.cleandoc(section.__doc__ or "") + "\n"


def _readers(section: str) -> str:
    stages = ["`{}`".format(stage.name) for stage in STAGES.values() if section in stage.reads]
    return "Read by {}.\n".format(" and ".join(stages) if len(stages) < 3 else ", ".join(stages)) if stages else \
        "No stage reads it: it is compared with a measurement that is there already, so a change runs nothing.\n"


def _table(section: Type[BaseModel], names: List[str]) -> str:
    comments = _comments(section)
    rows = ["| key | default | value | meaning |", "|---|---|---|---|"]
    for name in names:
        field = section.model_fields[name]
        rows.append("| `{}` | {} | {} | {} |".format(
            name, "required" if field.is_required() else "`{}`".format(_written(field)),
            field.description, comments.get(name, "")))
    return "\n".join(rows) + "\n"


def _written(field: Any) -> str:
    """The default as it would stand in a recipe."""
    default = field.get_default(call_default_factory=True)
    if _is_section(type(default)):
        return "{}"
    return default if isinstance(default, str) else json.dumps(default)


def _comments(section: Type[BaseModel]) -> Dict[str, str]:
    """{field: the comment that stands above it}, those of base classes too."""
    found: Dict[str, str] = {}
    for cls in reversed(section.__mro__):
        if not cls.__module__.startswith("octet.recipe."):
            continue
        comment: List[str] = []
        for line in inspect.getsource(cls).splitlines():
            field = FIELD.match(line)
            if line.startswith("    # "):
                comment.append(line.strip(" #"))
            elif field:
                found[field.group(1)], comment = " ".join(comment), []  # a default of its own has a meaning of its own
            elif not line.startswith("     "):
                comment = []
    return found


def commands_page() -> str:
    """The text of docs/commands.md: each verb with its arguments."""
    stages = "\n".join("- `{}`".format(name) for name in STAGES)
    parts = [COMMANDS_HEAD.format(WRITTEN, stages)]
    for verb, parser in main._parser()[1].items():
        parts += ["## octet {}\n".format(verb), (parser.description or "").strip() + "\n",
                  "    {}\n".format(_usage(parser)), "\n".join(_arguments(parser)) + "\n"]
    return "\n".join(parts)


def _usage(parser: argparse.ArgumentParser) -> str:
    return " ".join(parser.format_usage().replace("usage: ", "", 1).split())


def _arguments(parser: argparse.ArgumentParser) -> Iterator[str]:
    yield "| argument | meaning |"
    yield "|---|---|"
    for action in parser._actions:  # argparse has no public list of them
        if action.dest != "help":
            names = ["{} {}".format(name, action.metavar or action.dest.upper()) if action.nargs != 0 else name
                     for name in action.option_strings] or [action.metavar or action.dest]
            yield "| {} | {} |".format(", ".join("`{}`".format(name) for name in names), action.help or "")


PAGES = {"recipe.md": recipe_page, "commands.md": commands_page}

if __name__ == "__main__":
    for name, page in PAGES.items():
        (FOLDER / name).write_text(page(), encoding="utf-8")
