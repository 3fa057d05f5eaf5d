"""The making of one stage's artifact: its process, what it read, what it leaves, and the manifest."""

import socket
import sys
import time
from pathlib import Path
from typing import Callable, Dict, List, NamedTuple, Optional

from octet import stamps
from octet.data import identity
from octet.errors import DatasetError, OctetError, RecipeError
from octet.job import Job
from pipeline import formatting
from pipeline.execution import preflight, progress, run_record
from pipeline.files import durable_files
from pipeline.inputs import git, snapshot
from pipeline.inputs.source_tree import SourceTree
from pipeline.process import child
from pipeline.spec import StageSpec
from pipeline.staleness.plan import Plan
from pipeline.staleness.verdict import Staleness, listing_bytes
from pipeline.store.artifacts import Store
from pipeline.store.runs import Runs

_SAID = set()  # type: Set[Tuple[str, str]]


class Making(NamedTuple):
    """One stage of a snapshot, about to be made.

    taken:  the snapshot, with the bytes of its source in `source`.
    recipe: as the command named it, for the manifest.
    tell:   tell(fraction or None, message) shows on the scheduler's page how far it is.
    """

    spec: StageSpec
    taken: snapshot.Snapshot
    source: Dict[str, SourceTree]
    recipe: str
    tell: Callable[[Optional[float], str], None]

    def make(self, plan: Plan, key: str, preimage: dict, notes: List[str]) -> None:
        """Publishes the artifact. notes: what its checks found that a person should know; the manifest keeps it."""
        store, name = plan.store, self.spec.name
        why = self._why(plan)
        workspace = store.workspace(name, key)
        try:
            started = time.time()
            code, sources = git.state(), self._keep_sources(store)
            metrics = self._work(plan, workspace, why)
            self.say(preflight.remarks(metrics))
            if notes:
                metrics = {**metrics, "notes": notes + [note for note in metrics.get("notes", ()) if note not in notes]}
            try:
                self._check_data()
            except OctetError:
                store.checkpoints.remove(name, key)  # they may have seen both, too
                raise
            finished = time.time()
            store.publish(workspace, name, key, {
                "inputs": preimage, "metrics": metrics, "git": code,
                "recipe": {"name": self.recipe, "path": str(self.taken.recipe)},
                "snapshot": self.taken.digest, "seed": self.taken.sections.get("seed"),
                "run": run_record.current(), "why": why, "sources": sources,
                "listings": self._keep_listings(store), "places": snapshot.places(self.taken),
                "upstream": {need: plan.key(need)[0] for need in self.spec.needs},
                "host": socket.gethostname(), "started": formatting.utc(started),
                "finished": formatting.utc(finished), "seconds": round(finished - started, 3)})
        finally:
            store.discard(workspace)  # gone already when it was published
            if self.spec.trains:
                store.checkpoints.remove_empty(name, key)

    def _why(self, plan: Plan) -> List[str]:
        """Why the stage runs; said in the terminal and on the scheduler's page."""
        runs, going_on = Runs(plan.store.root), run_record.current()
        reasons = Staleness(plan, runs, but_for=going_on).of(self.spec.name).reasons
        for reason in reasons:
            print("{}: {}".format(self.spec.name, reason), file=sys.stderr, flush=True)
        return reasons

    def _work(self, plan: Plan, workspace: Path, why: List[str]) -> Dict:
        log_path = plan.store.log(self.spec.name, plan.key(self.spec.name)[0])
        told, checkpoints = "; ".join(why), self._checkpoints(plan)
        self.tell(0.0, told)
        with progress.on_terminal(self.spec.name) as shown:
            def report(fraction: float, message: str) -> None:
                shown(fraction, message)
                self.tell(fraction, "\n".join(part for part in (message, told) if part))
            job = self._job(plan, workspace, checkpoints)
            try:
                with durable_files.explained("run a stage", log_path):
                    return child.run(job, report, log_path, self.source[self.spec.module].write, self.say_silent)
            except OctetError as error:
                raise snapshot.located(error, self.taken.where) from error

    def _checkpoints(self, plan: Plan) -> str:
        """The folder of the stage's checkpoints, '' for a stage that has none. What it goes on from is said."""
        if not self.spec.trains:
            return ""
        stage, (key, _) = self.spec.name, plan.key(self.spec.name)
        folder, epoch = plan.store.checkpoints.folder(stage, key), plan.store.checkpoints.epoch(stage, key)
        if epoch:
            print("{}: goes on after epoch {} of {}".format(
                stage, epoch, self.taken.sections[self.spec.trains]["epochs"]), file=sys.stderr, flush=True)
        return str(folder)

    def _check_data(self) -> None:
        """What the stage read is what its key says, to the end."""
        parts = self.spec.parts  # a corrected test label is no reason to throw hours of training away
        if parts and snapshot.data_now(self.taken, parts) != {part: self.taken.data[part] for part in parts}:
            raise DatasetError("the data changed while the stage ran",
                               where=str(self.taken.recipe),
                               why="{} may have seen both, so nothing is recorded".format(
                                   self.spec.name),
                               next_step="run it again when the data is at rest")
        if snapshot.files_now(self.taken) != self.taken.files:
            raise RecipeError("a file that the recipe names changed while the stage ran",
                              where=str(self.taken.recipe),
                              why="{} may have seen both, so nothing is recorded".format(
                                  self.spec.name),
                              next_step="run it again when the file is at rest")

    def _keep_sources(self, store: Store) -> Dict[str, str]:
        """{file: sha256} of the source that the artifact is made by, kept from now on."""
        content = self.source[self.spec.module].files
        return {name: store.blobs.keep(content[file.path])
                for name, file in self.taken.closures[self.spec.name].files.items()}

    def _keep_listings(self, store: Store) -> Dict[str, str]:
        """{part: sha256 of the list of what it is made of}, for datasets that say so."""
        kept = {}
        for part in self.spec.parts:
            listing = identity.listing(self.taken.sections["data"], self.taken.folder, part)
            if listing is not None:
                kept[part] = store.blobs.keep(listing_bytes(listing))
        return kept

    def _job(self, plan: Plan, workspace: Path, checkpoints: str) -> Job:
        sections = self.taken.sections
        wanted = {section: sections[section] for section in self.spec.reads if section in sections}
        return Job(stage=self.spec.module, settings=wanted,
                   inputs={need: str(plan.folder(need)) for need in self.spec.needs},
                   output=str(workspace), recipe_folder=str(self.taken.folder), parts=self.spec.parts,
                   origin=self.source[self.spec.module].origin, checkpoints=checkpoints,
                   stamps=self._stamps())

    def _stamps(self) -> stamps.Stamps:
        """Of what the stage is to read. The data is looked at again after it, where that is cheap: it could have been
        another one since the snapshot was taken, and be put back before the end."""
        read = {name: path for name, path in snapshot.places(self.taken).items()
                if (self.spec.parts if name == "data" else name.split(".")[0] in self.spec.reads)}
        found = {name: (path, stamps.of(path)) for name, path in read.items()}
        if self.spec.parts and identity.is_ours(self.taken.sections["data"]["dataset"]):
            self._check_data()
        return found

    def say(self, lines: List[str]) -> None:
        """The lines on the terminal, each with the stage's name; one that another stage has said of the same snapshot
        is not said again."""
        for line in lines:
            if (self.taken.digest, line) in _SAID:
                continue
            _SAID.add((self.taken.digest, line))
            print("{}: {}".format(self.spec.name, line), file=sys.stderr, flush=True)

    def say_silent(self, message: str) -> None:
        """The stage's process has not reported for some time: says what it is at."""
        self.tell(None, message)
        print("{}: {}".format(self.spec.name, message), file=sys.stderr, flush=True)
