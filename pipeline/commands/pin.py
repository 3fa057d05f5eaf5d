"""An artifact, and all that it was made from, is kept by every `octet gc` until it is unpinned.

ARTIFACT is a file (see `octet trace`), a recipe (what its newest run made last), RECIPE:STAGE, or the
first digits of a key.
"""

import argparse

from pipeline import naming, record, settings
from pipeline.lineage import Lineage
from pipeline.marks import PINNED
from pipeline.store import Store


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("artifact", metavar="ARTIFACT")
    parser.add_argument("--remove", action="store_true", help="unpin it")
    parser.add_argument("--reason", default="", help="for the record")


def run(arguments: argparse.Namespace) -> None:
    found = settings.load()
    store = Store(found.store)
    lineage = Lineage(store)
    for made in lineage.chain(naming.artifact(arguments.artifact, lineage, found)):
        stage, key = made["stage"], made["key"]
        if arguments.remove:
            store.marks.remove(PINNED, stage, key)
        else:
            store.marks.put(PINNED, stage, key, {"by": record.user(), "reason": arguments.reason})
        print("{} {} is {}".format(stage, key[:12], "no longer pinned" if arguments.remove else "pinned"))
