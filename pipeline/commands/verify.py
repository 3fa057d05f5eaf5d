"""Every byte of the store is read again; what is damaged goes into quarantine.

The exit code is 11 when anything was damaged. A damaged artifact is made again by the next run that
needs it; damaged by-products (logs, events) are only reported.
"""

import argparse
from pathlib import Path
from typing import Iterator, Optional

from octet import digest
from octet.errors import StoreError
from pipeline import settings
from pipeline.looks import DAMAGED, INTACT
from pipeline.store import Store


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--keep", action="store_true", help="leave damaged artifacts where they are")


def run(arguments: argparse.Namespace) -> Optional[int]:
    store = Store(settings.load().store)
    damaged = 0
    artifacts = store.list()
    for stage, key in artifacts:
        look = store.look(stage, key, hashed=True)
        lines = list(look.damage) if look.state == DAMAGED else []
        if look.state == INTACT:
            lines = list(_by_products(store.artifact(stage, key), look.manifest))
        damaged += bool(lines)
        for line in lines:
            print("{} {}: {}".format(stage, key[:12], line))
        if look.state == DAMAGED and not arguments.keep:
            print("{} {}: {}".format(stage, key[:12], _quarantine(store, stage, key)))
    for sha256 in store.blobs.list():
        if store.blobs.read(sha256) is None:
            damaged += 1
            print("source {}: damaged".format(sha256[:12]))
            if not arguments.keep:
                store.blobs.remove(sha256)
                print("source {}: removed; a run that has this file keeps it anew".format(sha256[:12]))
    print("{} artifacts read, {} damaged".format(len(artifacts), damaged))
    return StoreError.exit_code if damaged else None


def _by_products(folder: Path, manifest: dict) -> Iterator[str]:
    for output in manifest["outputs"]:
        if not output["product"]:
            try:
                if digest.of_file(str(folder / output["path"])) == output["sha256"]:
                    continue
                yield "by-product {} damaged: sha256 differs".format(output["path"])
            except FileNotFoundError:
                yield "by-product {} missing".format(output["path"])


def _quarantine(store: Store, stage: str, key: str) -> str:
    try:
        with store.lock(stage, key).acquire(timeout=0):
            # Between the look and the lock somebody may have made it again.
            if store.look(stage, key, hashed=True).state != DAMAGED:
                return "made again meanwhile"
            return "in quarantine: {}".format(store.quarantine(stage, key))
    except TimeoutError:
        return "in use: left where it is"
    except StoreError as error:
        return "left where it is: {}".format(error.what)
