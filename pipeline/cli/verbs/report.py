"""Where the page of a recipe's model is: what it is, how good it is, what it gets wrong. Makes nothing.

    octet report RECIPE            prints the path of the page
    octet report RECIPE --open     opens it in the browser, too
"""

import argparse
import shlex
import webbrowser

from octet.errors import StoreError
from pipeline import settings
from pipeline.inputs import snapshot
from pipeline.provenance import artifact_reference
from pipeline.spec import STAGES
from pipeline.staleness.plan import Plan
from pipeline.store.artifacts import Store
from pipeline.store.runs import Runs

STAGE = "Report"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("recipe", help="a name in recipes/, or a path")
    parser.add_argument("--open", action="store_true", help="open it in the browser")


def run(arguments: argparse.Namespace) -> None:
    """Prints the page's path. Raises StoreError where there is no page of the recipe as it is now."""
    found = settings.load()
    store = Store(found.store)
    recipe = artifact_reference.recipe(arguments.recipe, found, Runs(store.root))
    plan = Plan(snapshot.take(recipe), store)
    folder = plan.folder(STAGE)
    if folder is None or not plan.intact(STAGE):
        raise StoreError("there is no whole page of the recipe as it is now", where=str(recipe),
                         why="; ".join(plan.status(STAGE).damage),
                         next_step="run `luigi --module pipeline {} --recipe {}`".format(
                             STAGE, shlex.quote(arguments.recipe)))
    page = folder / STAGES[STAGE].products[0]
    print(page)
    if arguments.open:
        webbrowser.open(page.as_uri())
