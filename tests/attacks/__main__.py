"""Runs the table and prints the results by kind.

    python -m tests.attacks [--anew] [--failed] [--known] [--workers N] [--every N] [KIND ...]

Resumes where it was stopped, unless a source has changed since. --anew: starts from the beginning. --failed: runs
failed situations again. --every N: runs only each N-th situation. --known: runs only those in known.txt. Exits with 1
if a situation failed that is not in known.txt."""

import argparse
import hashlib
import json
import queue
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Dict, Iterable, Iterator, List, Tuple

from tests.attacks import table, template
from tests.pipeline.checkout import ROOT

RESULTS = ROOT / ".octet" / "attacks" / "results.jsonl"
KNOWN = Path(__file__).resolve().parent / "known.txt"
HEAD = """\
# Situations that are known to fail: each is a fault to be mended. A line is KIND NAME; `python -m tests.attacks` says
# which of them are right by now, and --write-known leaves those out.
"""
SOURCE = ("pipeline", "octet", "models", "tasks", "tests/attacks", "tests/pipeline/checkout.py", "tests/pipeline/light")

Named = Tuple[str, str]
"""(kind, name)."""


def main() -> int:
    arguments = _arguments()
    wanted = [(kind, name) for kind in arguments.kinds or table.names() for name in table.of(kind)][:: arguments.every]
    if arguments.known:
        wanted = sorted(set(wanted) & set(known()))
    source, done = _fingerprint(), {}
    if not arguments.anew:
        done = {
            named: result
            for named, result in _recorded(arguments.results, source).items()
            if not (arguments.failed and result.get("faults"))
        }
    todo = [named for named in wanted if named not in done]
    print("{} situations, {} of them done already".format(len(wanted), len(wanted) - len(todo)), flush=True)
    arguments.results.parent.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    with arguments.results.open("w" if arguments.anew else "a") as out:
        for count, result in enumerate(run(todo, arguments.workers), 1):
            done[result["kind"], result["name"]] = result
            out.write(json.dumps(dict(result, source=source)) + "\n")
            out.flush()
            for fault in result.get("faults", ()):
                print("{} {}: {}".format(result["kind"], result["name"], fault), flush=True)
            if count % 100 == 0:
                print("{} of {} after {:.0f} s".format(count, len(todo), time.monotonic() - started), flush=True)
    done = {named: done[named] for named in wanted if named in done}
    if arguments.write_known:
        _write_known(done)
    return _summary(done)


def run(todo: Iterable[Named], workers: int) -> Iterator[dict]:
    """Runs the situations in a temporary folder and yields each result when it is there."""
    waiting, results = queue.Queue(), queue.Queue()  # type: queue.Queue, queue.Queue
    for named in todo:
        waiting.put(named)
    count = waiting.qsize()
    with tempfile.TemporaryDirectory(prefix="octet-attacks-") as folder:
        template.make(Path(folder))
        for _ in range(workers):
            threading.Thread(target=_feed, args=(Path(folder), waiting, results), daemon=True).start()
        for _ in range(count):
            yield results.get()


def _feed(folder: Path, waiting: queue.Queue, results: queue.Queue) -> None:
    """Gives the workers one situation after another. Replaces a worker that dies."""
    worker = None
    try:
        while True:
            kind, name = waiting.get_nowait()
            if worker is None or worker.poll() is not None:
                worker = subprocess.Popen(
                    [str(folder / "environment" / "bin" / "python"), "-m", "tests.attacks.worker", str(folder)],
                    cwd=str(folder / "checkout"),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                    env={"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "HOME": str(folder), "LANG": "C.UTF-8"},
                )
            worker.stdin.write("{} {}\n".format(kind, name))
            worker.stdin.flush()
            line = worker.stdout.readline()
            results.put(
                json.loads(line)
                if line
                else {"kind": kind, "name": name, "said": "", "faults": ["the table: its worker died"]}
            )
    except queue.Empty:
        pass
    finally:
        if worker is not None:
            worker.stdin.close()
            worker.wait()


def known() -> List[Named]:
    """The situations that are known to fail."""
    if not KNOWN.exists():
        return []
    lines = [line.split(" ", 1) for line in KNOWN.read_text().splitlines() if line and not line.startswith("#")]
    return [(kind, name) for kind, name in lines]


def _write_known(done: Dict[Named, dict]) -> None:
    """Updates known.txt: the situations that were run are listed if they failed, and all others stay as they are."""
    failing = {named for named in known() if named not in done and named[1] in table.of(named[0])}
    failing |= {named for named, result in done.items() if result.get("faults")}
    with KNOWN.open("w") as out:
        out.write(HEAD)
        for kind, name in sorted(failing):
            out.write("{} {}\n".format(kind, name))


def _summary(done: Dict[Named, dict]) -> int:
    excused, unexpected = set(known()), 0
    print(
        "\n{:<14}{:>11}{:>8}{:>8}{:>8}{:>9}{:>9}".format(
            "kind", "situations", "right", "wrong", "known", "skipped", "seconds"
        )
    )
    for kind in sorted({kind for kind, _ in done}):
        results = {named: result for named, result in done.items() if named[0] == kind}
        wrong = {named for named, result in results.items() if result.get("faults")}
        skipped = sum("skipped" in result for result in results.values())
        unexpected += len(wrong - excused)
        print(
            "{:<14}{:>11}{:>8}{:>8}{:>8}{:>9}{:>9.0f}".format(
                kind,
                len(results),
                len(results) - len(wrong) - skipped,
                len(wrong - excused),
                len(wrong & excused),
                skipped,
                sum(result.get("seconds", 0) for result in results.values()),
            )
        )
    mended = sorted(named for named in excused & set(done) if not done[named].get("faults"))
    if mended:
        print("right now, to be taken out of known.txt: {}".format(", ".join(" ".join(named) for named in mended)))
    print("{} situations, {} wrong that are not in known.txt".format(len(done), unexpected))
    return int(bool(unexpected))


def _recorded(path: Path, source: str) -> Dict[Named, dict]:
    if not path.exists():
        return {}
    results = [json.loads(line) for line in path.read_text().splitlines() if line.endswith("}")]
    return {(result["kind"], result["name"]): result for result in results if result["source"] == source}


def _fingerprint() -> str:
    """The sha256 of all source that the situations depend on."""
    hasher = hashlib.sha256()
    for place in SOURCE:
        path = ROOT / place
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            hasher.update(str(file).encode() + hashlib.sha256(file.read_bytes()).digest())
    return hasher.hexdigest()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.attacks")
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=", ".join(table.names()))
    parser.add_argument("--anew", action="store_true")
    parser.add_argument("--failed", action="store_true")
    parser.add_argument("--known", action="store_true")
    parser.add_argument("--write-known", action="store_true", help="known.txt names what fails, of what was run")
    parser.add_argument("--results", type=Path, default=RESULTS, help="the file that keeps what is done")
    parser.add_argument("--workers", type=int, default=4, help="most situations wait more than they compute")
    parser.add_argument("--every", type=int, default=1)
    arguments = parser.parse_args()
    unknown = set(arguments.kinds) - set(table.names())
    if unknown:
        parser.error("no kind {}; there are {}".format(", ".join(sorted(unknown)), ", ".join(table.names())))
    return arguments


if __name__ == "__main__":
    sys.exit(main())
