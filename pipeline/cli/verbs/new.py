"""Writes a first recipe, with comments, for a folder of pictures, an .npz file or a table."""

import argparse
import os
from pathlib import Path

from octet.errors import UsageError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("data", help="a folder of pictures, an .npz file, or a table, .csv or .tsv")
    parser.add_argument("recipe", nargs="?", help="the file to write; NAME.yaml in the working folder by default")


def run(arguments: argparse.Namespace) -> None:
    """Writes the recipe. Raises OctetError for data of an unknown kind, or a file that exists already."""
    from octet import recipe_draft
    from octet.recipe.inheritance import is_path

    data = Path(arguments.data).expanduser().absolute()
    name = arguments.recipe or "{}.yaml".format(data.stem if data.is_file() else data.name)
    path = Path(name if is_path(name) else name + ".yaml").absolute()
    if not path.parent.is_dir():
        raise UsageError("there is no folder {}".format(path.parent), where="octet new",
                         why="the recipe is written to it", next_step="create it, or name another file")
    description = recipe_draft.of(str(data))
    text = recipe_draft.recipe(description, os.path.relpath(str(data), str(path.parent)))
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise UsageError("{} exists already".format(path), where="octet new", why="nothing is overwritten",
                         next_step="name another file: octet new DATA RECIPE") from None
    network, beside = recipe_draft.network(description), path.parent / "net.py"
    if network is not None and not beside.exists():
        beside.write_text(network, encoding="utf-8")
        print("{}: written, a small network to start from".format(beside))
    print(text, end="")
    print("{}: written; `octet data {}` shows the data as the network sees it, `octet check {}` checks both".format(
        path, name, name))
