"""Whether a recipe, with its model and its data, is fit to run."""

import argparse
import tempfile
from pathlib import Path

from octet.errors import OctetError
from octet.job import Job
from pipeline import child, settings, snapshot


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("recipe", help="a name in recipes/, or a path")


def run(arguments: argparse.Namespace) -> None:
    """Prints what the recipe comes to. Raises OctetError for what would fail in training."""
    taken = snapshot.take(settings.load().find_recipe(arguments.recipe))
    print("{}: recipe and data are readable; snapshot {}".format(taken.recipe, taken.digest[:12]))
    with tempfile.TemporaryDirectory(prefix="octet-check-") as folder:
        output = Path(folder) / "output"
        output.mkdir()
        job = Job(stage="check", settings=taken.sections, inputs={}, output=str(output),
                  recipe_folder=str(taken.folder))
        try:
            child.run(job, lambda fraction, message: message and print("  " + message, flush=True),
                      Path(folder) / "check.log")
        except OctetError as error:
            raise snapshot.located(error, taken.where) from error
    print("fit to run")
