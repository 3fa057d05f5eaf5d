"""Edits during a run: what is published under a key must be what an undisturbed run makes under that key."""

import os
import time
from pathlib import Path
from typing import Callable, Dict, Iterator, Tuple

from pipeline.stage_specs import upward
from tests.attacks.kinds.files import PLACES
from tests.attacks.situation import LUIGI, Situation
from tests.attacks.situation_folder import Place
from tests.attacks.substitutes import THINGS, remove, write

MOMENTS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.6, 0.8, 1.2, 1.7, 2.3)
"""Seconds after the start of the command; a whole run takes about three."""
SLOW = "width: 8, sleep_s: 0.3"
Edit = Callable[[Place], None]


def _edited(name: str, old: str, new: str) -> Edit:
    def edit(place: Place) -> None:
        path = place.mine / name
        path.write_text(path.read_text().replace(old, new))

    return edit


EDITS: Dict[str, Tuple[Path, Edit]] = {
    "model": ("nets/net.py", _edited("nets/net.py", "0.1", "0.7")),
    "neighbour": ("nets/blocks.py", _edited("nets/blocks.py", "scale=1.0", "scale=2.0")),
    "recipe": ("faces.yaml", _edited("faces.yaml", "width: 8", "width: 7")),
    "picture": (
        "photos/train/cat/0.png",
        lambda place: write(
            place, place.mine / "photos/train/cat/0.png", (place.mine / "photos/train/dog/0.png").read_bytes()
        ),
    ),
    "test-picture": (
        "photos/test/cat/0.png",
        lambda place: write(
            place, place.mine / "photos/test/cat/0.png", (place.mine / "photos/train/dog/0.png").read_bytes()
        ),
    ),
    "added-module": ("nets/fast.py", lambda place: write(place, place.mine / "nets/fast.py", b"STEP = 5\n")),
    "added-picture": (
        "photos/train/dog/9.png",
        lambda place: write(
            place, place.mine / "photos/train/dog/9.png", (place.mine / "photos/train/dog/0.png").read_bytes()
        ),
    ),
}


def situations() -> Iterator[Situation]:
    for what, (name, edit) in EDITS.items():
        for moment in MOMENTS:
            yield Situation(
                "{}/at-{}".format(what, moment),
                LUIGI,
                _emptied,
                _at(moment, edit),
                undamaged=True,
                touches=("mine",),
                new_keys=True,
            )
            yield Situation(
                "{}/put-back-from-{}".format(what, moment),
                LUIGI,
                _emptied,
                _put_back(moment, name, edit),
                undamaged=True,
                touches=("mine",),
                new_keys=True,
            )
    for at in ("recipe", "model", "neighbour", "data", "picture", "config", "models-folder", "cache"):
        for thing in ("nothing", "fifo", "link-to-canary-file", "folder"):
            for moment in (0.1, 0.6):
                yield Situation(
                    "{}/{}-at-{}".format(at, thing, moment),
                    LUIGI,
                    _emptied,
                    _replaced(moment, at, thing),
                    undamaged=True,
                    touches=("mine", "luigi.cfg"),
                    new_keys=True,
                )
    for name in ("store", "store/artifacts", "store/locks", "store/logs", "store/runs", "tmp"):
        for thing in ("nothing", "moved-behind-a-link"):
            for moment in (0.2, 0.7):
                yield Situation(
                    "{}/{}-at-{}".format(name.replace("/", "-"), thing, moment),
                    LUIGI,
                    _emptied,
                    _thing(moment, name, thing),
                    undamaged=True,
                    touches=("elsewhere",),
                    new_keys=True,
                )


def _emptied(place: Place) -> None:
    for stage in upward("ValidateInterpreter"):
        remove(place, place.artifact(stage))


def _at(moment: float, edit: Edit) -> Callable[[Place, int], None]:
    def during(place: Place, pid: int) -> None:
        time.sleep(moment)
        edit(place)

    return during


def _put_back(moment: float, name: str, edit: Edit) -> Callable[[Place, int], None]:
    """Keeps the edit for a moment, then restores bytes and mtime."""

    def during(place: Place, pid: int) -> None:
        path = place.mine / name
        before = (path.read_bytes(), path.stat()) if path.exists() else None
        time.sleep(moment)
        edit(place)
        time.sleep(0.25)
        if before is None:
            remove(place, path)
        else:
            path.write_bytes(before[0])
            os.utime(str(path), ns=(before[1].st_atime_ns, before[1].st_mtime_ns))

    return during


def _replaced(moment: float, at: str, thing: str) -> Callable[[Place, int], None]:
    def during(place: Place, pid: int) -> None:
        time.sleep(moment)
        THINGS[thing](place, PLACES[at](place))

    return during


def _thing(moment: float, name: str, thing: str) -> Callable[[Place, int], None]:
    def during(place: Place, pid: int) -> None:
        time.sleep(moment)
        try:
            THINGS[thing](place, place.root / name)
        except OSError:
            pass  # the run writes there at this moment

    return during
