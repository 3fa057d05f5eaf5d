"""Writes a first recipe, with comments, for data: a folder of pictures (in folders of classes, or with masks), an .npz
file, a folder of .npy files, a table (.csv, .tsv, .parquet), or TFRecord files.

It says what it guessed, and what it does not read. For arrays and tables, it also writes a small network.
"""

import argparse
import os
from pathlib import Path

from pipeline.files import new_files


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("data", help="a folder or a file of data")
    parser.add_argument("recipe", nargs="?", help="the file to write; NAME.yaml in the working folder by default")


def run(arguments: argparse.Namespace) -> None:
    """Writes the recipe. Raises OctetError for data of an unknown kind, or a file that exists already."""
    from octet import recipe_draft
    from octet.recipe.inheritance import is_path

    data = Path(arguments.data).expanduser().absolute()
    name = arguments.recipe or "{}.yaml".format(data.stem if data.is_file() else data.name)
    path = Path(name if is_path(name) else name + ".yaml").absolute()
    with new_files.explained(path, "octet new"):
        path.parent.stat()  # looked at before the data, which may be large
    description = recipe_draft.of(str(data))
    text = recipe_draft.recipe(description, os.path.relpath(str(data), str(path.parent)))
    new_files.write(path, text, "octet new")
    network, beside = recipe_draft.network(description), path.parent / "net.py"
    if network is not None and not os.path.lexists(str(beside)):
        new_files.write(beside, network, "octet new")
        print("{}: written, a small network to start from".format(beside))
    print(text, end="")
    print("{}: written; `octet data {}` shows the data as the network sees it, `octet check {}` checks both".format(
        path, name, name))
