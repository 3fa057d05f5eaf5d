"""Killed runs, damaged stores and full disks: what must hold after each.

    python -m tests.pipeline.faults [KILLS] [SEED] [REAL] [IN_TRAINING]      as in `make faults`

KILLS runs of light stages are killed or damaged, then REAL runs with TensorFlow and toco, and then IN_TRAINING runs
while a network is trained, so that the next run resumes from a checkpoint."""

import contextlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Dict, Iterator, List, Optional

import psutil

from pipeline.stage_specs import upward
from pipeline.store import manifest, upkeep
from pipeline.store.artifacts import Store
from pipeline.store.status import INTACT
from tests.pipeline.checkout import Checkout, damage

ALL = list(upward("ValidateInterpreter"))
REAL_WITHIN_S = 30.0  # as long as a whole run of the real stages takes
TRAINING_WITHIN_S = 20.0  # as long as both phases of `train_longer` take
DOOR = "/tasks/__main__.py"  # what the process of a stage runs, where the fork server has not forked it
SERVER = "/pipeline/process/fork_server.py"
VICTIMS = ("stage", "server", "parent", "everything")
SPOILS = ("truncated", "emptied", "flipped", "manifest truncated", "removed")


def products(checkout: Checkout) -> Dict[str, Dict[str, str]]:
    """{stage: its products} of all artifacts that the store calls intact. Reads every byte."""
    store = Store(checkout.store)
    statuses = store.statuses(store.list(), hashed=True)
    return {stage: manifest.products(status.manifest) for (stage, _), status in statuses.items()
            if status.state == INTACT}


def processes(checkout: Checkout) -> List[psutil.Process]:
    """The processes that run from the checkout's environment."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.status() != psutil.STATUS_ZOMBIE and str(checkout.python) in process.cmdline():
                found.append(process)
    return found


def check(checkout: Checkout, reference: Dict[str, Dict[str, str]]) -> None:
    """Asserts that no process is left, and that everything that counts as complete is correct."""
    end = time.monotonic() + 10
    while processes(checkout) and time.monotonic() < end:
        time.sleep(0.02)
    assert not processes(checkout), processes(checkout)
    for stage, found in products(checkout).items():
        assert found == reference[stage], stage


def kill(checkout: Checkout, chance: random.Random, within_s: float) -> str:
    """Starts one or two runs, and kills a part of the first after a moment. Returns what it killed."""
    victim, together = chance.choice(VICTIMS), chance.random() < 0.2
    run = checkout.start()
    other = checkout.start() if together else None
    with contextlib.suppress(subprocess.TimeoutExpired):
        run.wait(timeout=chance.uniform(0, within_s))
    with contextlib.suppress(psutil.Error):
        for process in _victims(psutil.Process(run.pid), victim):
            with contextlib.suppress(psutil.Error):
                process.send_signal(signal.SIGKILL)
    _end(run)
    if other is not None:
        said = _end(other)
        assert other.returncode == 0, said
    return victim + (" beside another run" if together else "")


def stages_of(parent: psutil.Process) -> List[psutil.Process]:
    """The stage processes below a run's process."""
    below = parent.children(recursive=True)
    servers = [process.pid for process in below if _runs(process, SERVER)]
    return [process for process in below
            if _runs(process, DOOR) or process.pid in servers and process.ppid() in servers]


def _victims(parent: psutil.Process, victim: str) -> List[psutil.Process]:
    """The processes of a run that an entry of VICTIMS stands for."""
    below = parent.children(recursive=True)
    servers = [process for process in below if _runs(process, SERVER) and process.ppid() == parent.pid]
    return {"stage": stages_of(parent), "server": servers, "parent": [parent], "everything": [parent] + below}[victim]


def _runs(process: psutil.Process, script: str) -> bool:
    with contextlib.suppress(psutil.Error):
        return any(word.endswith(script) for word in process.cmdline())
    return False


def train_longer(checkout: Checkout, epochs: int) -> None:
    """Sets this number of epochs for both phases, with dropout, augmentation and an average of the weights."""
    path, more = checkout.mine / "faces.yaml", "{{epochs: {}, weight_average: 0.9, batch_size: 4}}".format(epochs)
    checkout.change(path, "train: {epochs: 1}", "train: " + more)
    checkout.change(path, "quantize: {epochs: 1}",
                    "quantize: {}\naugment: {{flip: horizontal, noise: 0.05, shift: 0.2}}".format(more))
    checkout.change(checkout.mine / "nets/blocks.py", "+ layers + [",
                    "+ layers + [tf.keras.layers.Dropout(0.3), tf.keras.layers.GaussianNoise(0.1),")


def _end(run: subprocess.Popen) -> str:
    try:
        return run.communicate(timeout=300)[0].decode()
    finally:
        run.kill()


def spoil(checkout: Checkout, chance: random.Random) -> Optional[str]:
    """Damages one file of one artifact. Returns how, in words; None if there is no artifact."""
    folders = [path for path in (checkout.store / "artifacts").glob("*/*") if not path.name.startswith(".")]
    files = [path for folder in folders for path in folder.iterdir()
             if path.name not in (manifest.NAME, "events")]
    if not files:
        return None
    path, how = chance.choice(sorted(files)), chance.choice(SPOILS)
    if how == "removed":
        path.unlink()
    elif how == "emptied":
        damage(path, b"")
    elif how == "truncated":
        damage(path, path.read_bytes()[:-1])
    elif how == "flipped":
        content = bytearray(path.read_bytes())
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
        damage(path, bytes(content))
    else:
        damage(path.with_name(manifest.NAME), path.with_name(manifest.NAME).read_bytes()[:-20])
    return "{} {}".format(path.name, how)


def reference_of(checkout: Checkout) -> Dict[str, Dict[str, str]]:
    """The products of an undisturbed run in another store."""
    store = checkout.store
    checkout.use_store(checkout.folder / "undisturbed")
    run = checkout.luigi()
    assert run.code == 0, run.said
    found = products(checkout)
    checkout.use_store(store)
    assert set(found) == set(ALL)
    return found


def loop(checkout: Checkout, kills: int, seed: int, within_s: float = 6.0) -> Iterator[str]:
    """Kills and damages, one after another, each followed by the checks. Yields what was done."""
    chance, reference = random.Random(seed), reference_of(checkout)
    done = 0
    while done < kills:
        if set(products(checkout)) == set(ALL) and chance.random() < 0.7:
            shutil.rmtree(str(checkout.store))
        spoiled = spoil(checkout, chance) if chance.random() < 0.3 and checkout.store.exists() else None
        what = kill(checkout, chance, within_s)
        check(checkout, reference)
        done += 1
        yield "{}: {}{}; complete are {}".format(
            done, what, ", " + spoiled if spoiled else "", ", ".join(products(checkout)) or "none")
    run = checkout.luigi()
    assert run.code == 0, run.said
    check(checkout, reference)
    assert set(products(checkout)) == set(ALL)
    assert not upkeep.left_workspaces(Store(checkout.store))


def trainings(checkout: Checkout, kills: int, seed: int, within_s: float) -> Iterator[str]:
    """Kills, one after another, during TrainFloat or TrainQAT, some with damaged checkpoints. After each run that
    completes, the products must be those of an undisturbed run. Yields what was done."""
    chance, reference = random.Random(seed), reference_of(checkout)
    run = checkout.luigi(stage="TrainFloat")
    assert run.code == 0, run.said
    store = Store(checkout.store)
    for done in range(1, kills + 1):
        if {"TrainFloat", "TrainQAT"} <= set(products(checkout)):
            for stage in ("TrainFloat", "TrainQAT"):
                shutil.rmtree(str(checkout.artifact(stage)))
        what = _kill_training(checkout, chance, within_s)
        check(checkout, reference)
        there = store.checkpoints.unfinished()
        said = ["{} after epoch {}".format(training.stage, training.epochs_done) for training in there]
        if there and chance.random() < 0.2:
            newest = max((checkout.store / "partial").glob("*/*/epoch-*"))
            damage(newest, newest.read_bytes()[:-1])
            said.append("the newest spoiled")
        yield "{}: {} killed; {}; complete are {}".format(
            done, what, ", ".join(said) or "no checkpoint", ", ".join(products(checkout)))
    run = checkout.luigi()
    assert run.code == 0, run.said
    check(checkout, reference)
    assert set(products(checkout)) == set(ALL) and not store.checkpoints.unfinished()
    assert not upkeep.left_workspaces(store)


def _kill_training(checkout: Checkout, chance: random.Random, within_s: float) -> str:
    """Starts a run, and kills a part of it at this time after the start of a stage's process. Returns what it
    killed."""
    victim, run = chance.choice(VICTIMS), checkout.start(stage="TrainQAT")
    parent = psutil.Process(run.pid)
    with contextlib.suppress(psutil.Error, subprocess.TimeoutExpired):
        while run.poll() is None and not stages_of(parent):
            time.sleep(0.01)
        run.wait(timeout=chance.uniform(0, within_s))
    with contextlib.suppress(psutil.Error):
        for process in _victims(parent, victim):
            with contextlib.suppress(psutil.Error):
                process.send_signal(signal.SIGKILL)
    _end(run)
    return victim


@contextlib.contextmanager
def small_disk(folder: Path, size_bytes: int) -> Iterator[bool]:
    """Mounts a file system of this size on `folder`. Returns False if mounting is not allowed."""
    folder.mkdir(parents=True, exist_ok=True)
    options = "size={}".format(size_bytes)
    mounted = shutil.which("mount") is not None and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)],
        stderr=subprocess.DEVNULL).returncode == 0
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", str(folder)], check=True)


def enlarge(folder: Path, size_bytes: int) -> None:
    """Changes the size of the small disk."""
    subprocess.run(["mount", "-o", "remount,size={}".format(size_bytes), str(folder)], check=True)


def fill_up(checkout: Checkout, reference: Dict[str, Dict[str, str]], size_bytes: int) -> Optional[str]:
    """Runs on a disk of this size, then on an enlarged one. Returns how the first run ended; None if mounting is not
    allowed."""
    folder = checkout.folder / "small"
    with small_disk(folder, size_bytes) as mounted:
        if not mounted:
            return None
        checkout.use_store(folder / "store")
        first = checkout.luigi()
        assert first.code in (0, 11), first.said
        assert first.code == 0 or "No space left on device" in first.said or " of disk; " in first.said
        assert "Traceback" not in first.said, first.said
        check(checkout, reference)
        complete = len(products(checkout))
        enlarge(folder, 64 << 20)
        second = checkout.luigi()
        assert second.code == 0, second.said
        check(checkout, reference)
        assert set(products(checkout)) == set(ALL)
    return "{} bytes: exit {}, {} complete".format(size_bytes, first.code, complete)


def main(kills: int = 200, seed: int = 1, real: int = 20, in_training: int = 50) -> int:
    """Prints a line for each thing that was done; ends with an assertion if a check fails."""
    with tempfile.TemporaryDirectory(prefix="octet-faults-") as folder:
        checkout = Checkout(Path(folder))
        for line in loop(checkout, kills, seed):
            print(line, flush=True)
        reference = reference_of(checkout)
        for pages in range(2, 200):
            said = fill_up(checkout, reference, pages * 4096)
            print(said or "mounting is not allowed here: no small disk to fill", flush=True)
            if said is None or "exit 0" in said:
                break
    with tempfile.TemporaryDirectory(prefix="octet-faults-") as folder:
        for line in loop(Checkout(Path(folder), real=True), real, seed, within_s=REAL_WITHIN_S):
            print("with TensorFlow, {}".format(line), flush=True)
    with tempfile.TemporaryDirectory(prefix="octet-faults-") as folder:
        checkout = Checkout(Path(folder), real=True)
        train_longer(checkout, epochs=150)
        for line in trainings(checkout, in_training, seed, TRAINING_WITHIN_S):
            print("in training, {}".format(line), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(*[int(word) for word in sys.argv[1:]]))
