"""A store with one of everything, for tests that put other things into its places."""

import contextlib
import io
from pathlib import Path
from typing import NamedTuple, Tuple

from pipeline.cli import main
from pipeline.store.artifacts import Store

STAGE, KEY, OTHER = "Freeze", "ab" * 32, "cd" * 32
ROOT = Path(__file__).resolve().parents[3]
SOURCE = b"import this\n"


class Situation(NamedTuple):
    """A store with one of everything, and the files that must not change."""

    store: Store
    folder: Path
    canary: Path
    source: str  # sha256 of the source that is kept
    record: str  # the place of the run's record


PLACES = {
    "artifacts": "artifacts", "a stage": "artifacts/Freeze", "an artifact": "artifacts/Freeze/" + KEY,
    "a manifest": "artifacts/Freeze/{}/manifest.json".format(KEY),
    "a product": "artifacts/Freeze/{}/frozen.pb".format(KEY),
    "a by-product": "artifacts/Freeze/{}/logs/events".format(KEY),
    "the folder of a by-product": "artifacts/Freeze/{}/logs".format(KEY),
    "a note of a drop": "artifacts/Freeze/{}/dropped.json".format(KEY),
    "something more in an artifact": "artifacts/Freeze/{}/more".format(KEY),
    "a leftover": "artifacts/Freeze/.{}.0123abcd.tmp".format(KEY),
    "a leftover of another": "artifacts/Freeze/.{}.0123abcd.tmp".format(OTHER),
    "marks": "marks", "a kind of marks": "marks/pinned", "a pin": "marks/pinned/Freeze-{}.json".format(OTHER),
    "forced": "marks/forced", "a force": "marks/forced/Freeze-{}.json".format(KEY),
    "locks": "locks", "a lock": "locks/Freeze-{}.lock".format(KEY),
    "logs": "logs", "a log": "logs/Freeze-{}.log".format(KEY[:12]),
    "runs": "runs", "the runs of a recipe": "{run folder}", "a run": "{run}",
    "sources": "sources", "a folder of sources": "sources/{two}", "a source": "sources/{two}/{source}",
    "quarantine": "quarantine", "something in quarantine": "quarantine/Freeze-{}-00000000".format(OTHER),
}


def publish(store: Store, content: bytes = b"graph") -> Path:
    """Publishes an artifact of STAGE with KEY, and returns its folder."""
    with store.lock(STAGE, KEY):
        work = store.workspace(STAGE, KEY)
        store.log(STAGE, KEY).parent.mkdir(exist_ok=True)
        store.log(STAGE, KEY).write_text("what a stage prints")
        (work / "frozen.pb").write_bytes(content)
        (work / "network.json").write_text("{}")
        (work / "logs").mkdir()
        (work / "logs" / "events").write_text("by-product")
        return store.publish(work, STAGE, KEY, {
            "metrics": {"nodes": 3}, "sources": {"a.py": store.blobs.keep(SOURCE)}, "inputs": {
                "recipe": {}, "source": {"a.py": "ef" * 32}, "data": {}, "versions": {}, "upstream": {}}})


def octet(*argv: str) -> Tuple[int, str]:
    """(exit code, output) of a command in this process. A traceback fails the test."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main.main(list(argv))
    assert code in (0, 2, 11), out.getvalue() + err.getvalue()
    assert code == 0 or out.getvalue() + err.getvalue()
    return code, out.getvalue() + err.getvalue()
