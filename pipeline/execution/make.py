"""Makes the artifact of one stage: runs its process, checks that its inputs stayed the same, and publishes it."""

from __future__ import annotations

import socket
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, Dict, List, NamedTuple, Optional, Set, Tuple

from octet import file_stamps
from octet.data import dataset_digest
from octet.errors import OctetError, RecipeError
from octet.job import Job, Metrics
from pipeline import formatting
from pipeline.execution import preflight, progress, run_record
from pipeline.files import file_errors
from pipeline.inputs import git, snapshot
from pipeline.inputs.key import digest as key_digest
from pipeline.inputs.source_tree import SourceTree
from pipeline.process import child
from pipeline.stage_specs import PREPARE_DATA, STAGES, StageSpec
from pipeline.staleness.freshness import Staleness, listing_bytes
from pipeline.staleness.plan import Plan
from pipeline.store import manifest, shared_files
from pipeline.store.artifacts import Store
from pipeline.store.runs import Runs
from pipeline.store.status import FORCED, INTACT

if TYPE_CHECKING:
    from pipeline.inputs.preimage_types import Digests, Preimage

_PRINTED: Set[Tuple[str, str]] = set()
"""(digest of a snapshot, line) of each remark that this process has printed."""


class Making(NamedTuple):
    """Makes one stage of a snapshot.

    source: {module in `tasks`: the source of its job}, as in `taken_snapshot.trees`.
    recipe: as the command named it, for the manifest.
    tell_scheduler: tell_scheduler(fraction or None, message) shows the progress on the scheduler's page.
    prints_remarks: whether the warnings and notes of the stage are printed.
    """

    spec: StageSpec
    taken_snapshot: snapshot.Snapshot
    source: Dict[str, SourceTree]
    recipe: str
    tell_scheduler: Callable[[Optional[float], str], None]
    prints_remarks: bool = True

    def make(self, plan: Plan, key: str, preimage: Preimage, notes: List[str]) -> None:
        """Makes the artifact and publishes it, unless another process has made it. Waits for one that makes it now.

        notes: from the stage's checks, for the manifest. Raises an error if an upstream artifact is not intact, or has
        other products than those in the key."""
        name = self.spec.name
        with plan.store.lock(name, key, on_wait=self._show_waiting), ExitStack() as inputs:
            # Another process may have made it while this one waited for the lock: the plan looks for a missing artifact
            # anew each time.
            if plan.intact(name):
                return
            for need in self.spec.needs:  # nobody drops it while its lock is held
                inputs.enter_context(plan.store.lock(need, plan.known_key(need), shared=True))
                status = plan.store.status(need, plan.known_key(need))
                if status.state != INTACT or manifest.products(status.recorded) != plan.products(need):
                    raise input_missing(name, need)
            self._publish(plan, key, preimage, notes)

    def _show_waiting(self) -> None:
        self.tell_scheduler(0.0, "another run is making it: waiting for that")
        print("{}: another run is making it: waiting for that".format(self.spec.name), file=sys.stderr, flush=True)

    def _publish(self, plan: Plan, key: str, preimage: Preimage, notes: List[str]) -> None:
        store, name = plan.store, self.spec.name
        why = self._why(plan)
        workspace = store.workspace(name, key)
        try:
            started = time.time()
            code, sources = git.state(), self._keep_sources(store)
            metrics = self._work(plan, workspace, why)
            if self.prints_remarks:
                self.print_remarks(preflight.remarks(metrics, self.taken_snapshot.sections))
            if notes:
                metrics = {**metrics, "notes": notes + [note for note in metrics.get("notes", ()) if note not in notes]}
            try:
                self._check_files()
            except OctetError:
                store.checkpoints.remove(name, key)  # they may depend on both versions of the file
                raise
            finished = time.time()
            store.publish(workspace, name, key, {
                "inputs": preimage, "metrics": metrics, "git": code,
                "recipe": {"name": self.taken_snapshot.recipe.stem, "path": str(self.taken_snapshot.recipe)},
                "snapshot": self.taken_snapshot.digest, "seed": self.taken_snapshot.sections.get("seed"),
                "run": run_record.current(), "why": why, "sources": sources,
                "listings": self._keep_listings(store), "places": snapshot.places(self.taken_snapshot),
                "upstream": {need: plan.known_key(need) for need in self.spec.needs},
                "host": socket.gethostname(), "started": formatting.utc(started),
                "finished": formatting.utc(finished), "seconds": round(finished - started, 3)})
        finally:
            store.discard(workspace)  # does nothing if it was published
            if self.spec.trains:
                store.checkpoints.remove_empty(name, key)

    def _why(self, plan: Plan) -> List[str]:
        """Why the stage runs. Prints the reasons."""
        runs = Runs(plan.store.root)
        reasons = Staleness(plan, runs, current_run=run_record.current()).of(self.spec.name).reasons
        for reason in reasons:
            print("{}: {}".format(self.spec.name, reason), file=sys.stderr, flush=True)
        return reasons

    def _work(self, plan: Plan, workspace: Path, why: List[str]) -> Metrics:
        """Runs the stage's process. Returns its metrics."""
        log_path = plan.store.log(self.spec.name, plan.known_key(self.spec.name))
        reasons, checkpoints = "; ".join(why), self._checkpoints(plan)
        self.tell_scheduler(0.0, reasons)
        with progress.on_terminal(self.spec.name) as show:
            def report(fraction: float, message: str) -> None:
                show(fraction, message)
                self.tell_scheduler(fraction, "\n".join(part for part in (message, reasons) if part))
            job = self._job(plan, workspace, checkpoints)
            try:
                with file_errors.explained("run a stage", log_path):
                    tree = self.source[self.spec.module]
                    return child.run(job, report, log_path, tree.write, self.print_waiting, tree.modules)
            except OctetError as error:
                raise snapshot.located(error, self.taken_snapshot.where) from error

    def _checkpoints(self, plan: Plan) -> str:
        """The folder of the stage's checkpoints; '' for a stage without. Prints the epoch after which it resumes."""
        if not self.spec.trains:
            return ""
        stage, key = self.spec.name, plan.known_key(self.spec.name)
        checkpoints = plan.store.checkpoints
        folder, epochs_done = checkpoints.prepare_folder(stage, key), checkpoints.epochs_done(stage, key)
        if epochs_done:
            print("{}: resumes after epoch {} of {}".format(
                stage, epochs_done, self.taken_snapshot.sections[self.spec.trains]["epochs"]),
                file=sys.stderr, flush=True)
        return str(folder)

    @property
    def data(self) -> Digests:
        """{part: sha256} of the parts of the data that the stage reads, as in its key."""
        return {part: self.taken_snapshot.data[part] for part in self.spec.parts}

    def _check_files(self) -> None:
        """Raises an error if a file that the recipe names no longer has the content that is in the key. The data is
        checked by the process that reads it (tasks/data_source.py)."""
        if snapshot.files_now(self.taken_snapshot) != self.taken_snapshot.files:
            raise RecipeError("a file that the recipe names changed while the stage ran",
                              where=str(self.taken_snapshot.recipe),
                              why="{} may have read both versions, so its result is not kept".format(self.spec.name),
                              next_step="run it again when nothing writes to the file")

    def _keep_sources(self, store: Store) -> Dict[str, str]:
        """Stores the source that makes the artifact. Returns {file: sha256}."""
        content = self.source[self.spec.module].files
        return {name: store.blobs.keep(content[file.path])
                for name, file in self.taken_snapshot.closures[self.spec.name].files.items()}

    def _keep_listings(self, store: Store) -> Dict[str, str]:
        """Stores the listing of each part that the stage reads, if the dataset has listings and the data has not been
        edited since it was read. Returns {part: sha256}."""
        sha256 = {}
        if not dataset_digest.unit(self.taken_snapshot.sections["data"]["dataset"]) or not snapshot.has_data_as_taken(
                self.taken_snapshot, self.spec.parts):
            return {}
        for part in self.spec.parts:
            listing = dataset_digest.listing(self.taken_snapshot.sections["data"], self.taken_snapshot.folder, part)
            if listing is not None:
                sha256[part] = store.blobs.keep(listing_bytes(listing))
        return sha256

    def _job(self, plan: Plan, workspace: Path, checkpoints: str) -> Job:
        sections = self.taken_snapshot.sections
        read = {section: sections[section] for section in self.spec.reads if section in sections}
        return Job(stage=self.spec.module, settings=read,
                   inputs={need: str(plan.folder(need)) for need in self.spec.needs},
                   output=str(workspace), recipe_folder=str(self.taken_snapshot.folder), parts=self.spec.parts,
                   origin=self.source[self.spec.module].origin, checkpoints=checkpoints,
                   stamps=self._stamps(), data=self.data, names=self.spec.takes_names(sections),
                   **self._decoding(plan))

    def _decoding(self, plan: Plan) -> Dict[str, Any]:
        """The fields of PrepareData's job with which it finds decoded samples in earlier artifacts; {} for other
        stages. A forced stage uses no earlier artifact."""
        name, taken_snapshot = self.spec.name, self.taken_snapshot
        if not name.startswith(PREPARE_DATA):
            return {}
        decoder = key_digest({"source": taken_snapshot.source[name], "versions": taken_snapshot.versions[name]})
        forced = plan.status(name).state == FORCED
        folders = [] if forced else shared_files.newest(
            plan.store, [stage for stage in STAGES if stage.startswith(PREPARE_DATA)])
        return {"decoder": decoder, "earlier": tuple(str(folder) for folder in folders)}

    def _stamps(self) -> file_stamps.Stamps:
        """The stamps of the files that the recipe names and the stage reads. After taking the stamps, compares the
        files with the key: a file may be edited after the snapshot and restored before the end of the stage."""
        stamps = {name: (path, file_stamps.of(path)) for name, path in snapshot.places(self.taken_snapshot).items()
                     if name != "data" and name.split(".")[0] in self.spec.reads}
        self._check_files()
        return stamps

    def print_remarks(self, lines: List[str]) -> None:
        """Prints the lines, each with the stage's name. Lines that another stage of the same snapshot has printed are
        left out."""
        for line in lines:
            if (self.taken_snapshot.digest, line) in _PRINTED:
                continue
            _PRINTED.add((self.taken_snapshot.digest, line))
            print("{}: {}".format(self.spec.name, line), file=sys.stderr, flush=True)

    def print_waiting(self, message: str) -> None:
        """Prints a message about a process that has not reported for some time."""
        self.tell_scheduler(None, message)
        print("{}: {}".format(self.spec.name, message), file=sys.stderr, flush=True)


def input_missing(stage: str, needed: str) -> OctetError:
    """The error of a stage that finds no intact artifact of `needed`, or one with other products than in its key."""
    return OctetError("an artifact that it needs was removed, or made again with other bytes", where=stage,
                      why="it needs {}".format(needed), next_step="run it again: missing artifacts are made again")
