"""Each edit in edits.py runs exactly the stages that the table names, for the stated reason. docs/staleness.md shows
the table."""

import os
import re
import shutil
import sys
from pathlib import Path
from typing import List, Set

import pytest

from tests.pipeline.checkout import ROOT, Checkout
from tests.pipeline.staleness.edits import ALL, EDITS, FLOAT, remove

PAGE = ROOT / "docs" / "staleness.md"


class Kept:
    """The files of some folders. Bytecode is left out: its header has the size and mtime of its source."""

    def __init__(self, *folders: Path) -> None:
        self.folders = folders
        self.paths = self._paths()
        self.files = {path: (path.read_bytes(), path.stat()) for path in self.paths if path.is_file()}

    def _paths(self) -> Set[Path]:
        return {path for folder in self.folders for path in folder.rglob("*") if "__pycache__" not in path.parts}

    def put_back(self) -> None:
        """Restores exactly these files in the folders."""
        for path in sorted(self._paths() - self.paths, reverse=True):  # what is in a folder before the folder
            remove(path)
        for path, (content, before) in self.files.items():
            now = path.stat() if path.exists() else None
            if not now or now.st_mtime_ns != before.st_mtime_ns or path.read_bytes() != content:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
                os.utime(str(path), ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.fixture(scope="module", params=["light", pytest.param("real", marks=pytest.mark.slow)])
def built(request, tmp_path_factory):
    """A checkout in which light or real stages have made everything. Each edit gets a copy of one of its stores, of
    which there is one for each recipe."""
    checkout = Checkout(tmp_path_factory.mktemp("edits"), real=request.param == "real")
    run = checkout.luigi()
    assert run.code == 0 and run.made == ALL, run.said
    checkout.stores = {"own": checkout.folder / "own"}
    shutil.copytree(str(checkout.store), str(checkout.stores["own"]))
    checkout.stores["faces"] = checkout.store
    checkout.use_store(checkout.stores["own"])
    run = checkout.luigi(recipe="own")
    assert run.code == 0 and run.made == FLOAT, run.said
    checkout.kept = Kept(checkout.mine, checkout.root, checkout.packages)
    return checkout


@pytest.fixture
def checkout(built, edit, tmp_path):
    """The checkout as it was built, for one edit."""
    store = tmp_path / "store"
    shutil.copytree(str(built.stores.get(edit.recipe, built.stores["faces"])), str(store))
    built.use_store(store)
    yield built
    built.kept.put_back()


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.what)
def test_edit_runs_exactly_these_stages_for_this_reason(edit, checkout):
    edit.do(checkout)
    asked = checkout.why(edit.recipe)
    run = checkout.luigi(recipe=edit.recipe)
    assert run.code == 0, run.said
    assert run.made == edit.runs
    assert {stage for stage in ALL if asked[stage][0] == "stale"} <= set(edit.runs)
    if not edit.runs:
        assert all(state[0] in ("fresh", "dropped") for state in asked.values())
        return
    stage, reason = edit.why.split(": ", 1)
    assert reason in ", ".join(asked[stage][1:])
    assert all(asked[name][0] in ("stale", "waits", "dropped") for name in edit.runs)


def page_table() -> str:
    rows = ["| edit | runs | because |", "|---|---|---|"]
    for edit in EDITS:
        rows.append("| {} | {} | {} |".format(edit.what, _stages(edit.runs), edit.why and "`{}`".format(edit.why)))
    return "\n".join(rows)


def _stages(names: List[str]) -> str:
    if names == ALL:
        return "every stage"
    if names and names == ALL[ALL.index(names[0]):] and len(names) > 2:
        return "{} and below".format(names[0])
    below = ALL[ALL.index(names[0]):] if names else []
    left = [name for name in below if name not in names]
    if len(left) == 1 and len(names) > 2:
        return "{}, but for {}".format(_stages(below), left[0])
    return ", ".join(names) or "nothing"


def test_the_page_shows_this_table():
    assert page_table() in PAGE.read_text(), "python -m tests.pipeline.staleness.test_edits writes it anew"


if __name__ == "__main__":
    text = PAGE.read_text()
    PAGE.write_text(re.sub(r"\| edit \|.*?(?=\n\n|\Z)", lambda _: page_table(), text, flags=re.DOTALL))
    sys.exit(0)
