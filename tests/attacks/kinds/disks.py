"""Full disks: that of the store, of the cache, of the temporary folder, or one disk for all of them."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Iterator, Tuple

from tests.attacks.situation import CHECK, LUIGI, VERBS, Situation, Skip
from tests.attacks.situation_folder import CONFIG, Place

PAGE = 4096
SIZES = (1, 2, 3, 4, 5, 7, 9, 12, 16, 20, 25, 30, 36, 42, 50, 60, 72, 85, 100, 120, 140, 170, 200, 250)
"""The number of pages that a run can write."""
FULL = {
    "why": VERBS["why"],
    "ls": VERBS["ls"],
    "verify": VERBS["verify"],
    "gc": VERBS["gc"],
    "gc-delete": VERBS["gc-delete"],
    "gc-quarantine": VERBS["gc-quarantine"],
    "pin": VERBS["pin"],
    "force": VERBS["force"],
    "luigi": LUIGI,
    "trace": VERBS["trace"],
    "check": CHECK,
}
ROOM = {
    "store": ("store",),
    "cache": ("cache",),
    "tmp": ("tmp",),
    "all": ("store", "cache", "tmp"),
    "cache-and-tmp": ("cache", "tmp"),
}
WORKS = ("why", "ls", "verify", "gc", "gc-delete", "gc-quarantine", "trace")
"""Commands that must succeed on a full disk."""


def situations() -> Iterator[Situation]:
    for on in ("store", "all"):
        for pages in SIZES:
            yield Situation(
                "{}/{}-pages/luigi".format(on, pages),
                LUIGI,
                _small(ROOM[on], pages, keep=False),
                codes=(0, 11),
                undamaged=True,
            )
    for on, names in ROOM.items():
        for verb, command in FULL.items():
            works = verb in WORKS or on == "cache" and verb != "check"
            yield Situation(
                "{}/full/{}".format(on, verb),
                command,
                _small(names, 0, keep=True),
                undamaged=True,
                codes=(0,) if works else None,
            )


def _small(names: Tuple[str, ...], pages: int, keep: bool):
    """Moves the folders to a small disk. keep: with their content, and filled to the last block."""

    def prepare(place: Place) -> None:
        small = place.at(place.root / "small")
        small.mkdir()
        if subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size={}".format(max(pages, 1024) * PAGE), "tmpfs", str(small)],
            stderr=subprocess.DEVNULL,
        ).returncode:
            raise Skip("mounting is not allowed here: no small disk to be had")
        for name in names:
            before = place.root / name
            if keep:
                shutil.copytree(str(before), str(small / name), symlinks=True)
            elif name != "store":
                (small / name).mkdir()
            shutil.rmtree(str(place.at(before)))
            os.symlink(str(small / name), str(before))
        if "store" in names:  # mounted at the store's own path: a store that is a link is another situation
            place.store.unlink()
            place.store = small / "store"
            place.config.write_text(
                CONFIG.format(place.root).replace(
                    "store = {}/store".format(place.root), "store = {}".format(place.store)
                )
            )
        place.allowed += (small,)
        if keep:
            _fill(small)
        else:
            subprocess.run(["mount", "-o", "remount,size={}".format(pages * PAGE), str(small)], check=True)

    return prepare


def _fill(folder: Path) -> None:
    with (folder / "filler").open("wb", buffering=0) as out:
        try:
            while True:
                out.write(bytes(PAGE))
        except OSError:
            pass
