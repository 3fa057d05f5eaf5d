"""Starts the command of a situation, in a fork of the worker or in a new interpreter, with the situation's streams,
limits and environment."""

import ctypes
import os
import resource
import signal
import sys
import tempfile
from typing import List

from pipeline.cli import main
from pipeline.scheduling import luigi_command
from pipeline.terminal import out_of_memory
from tests.attacks.situation import Situation
from tests.attacks.situation_folder import Place

MEMORY_BYTES = 3 << 30
PR_CAPBSET_DROP = 24
CAPABILITIES = {"CAP_DAC_OVERRIDE": 1, "CAP_DAC_READ_SEARCH": 2, "CAP_FOWNER": 3}
CAPABILITY_VERSION = 0x20080522


def started(place: Place, situation: Situation, said: int) -> int:
    """Starts the command and returns its process."""
    words = place.words(situation.command)
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        os.setsid()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        _set_streams(situation, said)
        _set_environment(place, situation)
        if situation.fresh:
            script = str(place.python.with_name(words[0]))
            module = ["--module", "pipeline"] if words[0] == "luigi" else []
            os.execv(str(place.python), [str(place.python), script] + module + words[1:])
        code = _entered(words)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        for stream in (sys.stdout, sys.stderr):
            try:
                if stream is not None:
                    stream.flush()
            except (OSError, ValueError):
                code = code or 120  # Python's exit code if its last flush fails
        os._exit(code)
    return 0


def _entered(words: List[str]) -> int:
    """Runs the command. Returns its exit code, as the interpreter would."""
    out_of_memory.watch(words[0])  # in a command's own interpreter, the import of `pipeline` does this
    sys.argv[:] = words[:1] + (["--module", "pipeline"] if words[0] == "luigi" else []) + words[1:]
    try:
        if words[0] == "luigi":
            luigi_command.take_over(sys.argv[1:])
        return main.main()  # with argv=None, it is this process's command and handles Ctrl-C
    except SystemExit as leaving:
        if isinstance(leaving.code, str):
            print(leaving.code, file=sys.stderr)
            return 1
        return leaving.code or 0


def _set_streams(situation: Situation, said: int) -> None:
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for name, descriptor in (("stdout", 1), ("stderr", 2)):
        how = situation.closed.get(name)
        if how == "closed":
            os.close(descriptor)
            if not situation.fresh:
                setattr(sys, name, None)
            continue
        if how == "full":
            os.dup2(os.open("/dev/full", os.O_WRONLY), descriptor)
        elif how == "pipe":
            reading, writing = os.pipe()
            os.close(reading)
            os.dup2(writing, descriptor)
        else:
            os.dup2(said, descriptor)
        if not situation.fresh:
            setattr(
                sys,
                name,
                open(
                    descriptor,
                    "w",
                    buffering=1,
                    closefd=False,
                    encoding="utf-8",
                    errors="backslashreplace" if descriptor == 2 else "strict",
                ),
            )


def _set_environment(place: Place, situation: Situation) -> None:
    environment = {**place.environment(), **situation.env}
    os.environ.clear()
    os.environ.update({name: value.format(root=place.root) for name, value in environment.items() if value is not None})
    tempfile.tempdir = None
    os.chdir(str(place.cwd))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if situation.plain:
        _become_plain()
    for name, value in situation.limits.items():
        resource.setrlimit(getattr(resource, name), (value, value))


def _become_plain() -> None:
    """Drops root's capability to ignore file permissions, also for executed programs. Does nothing for other users."""
    if os.geteuid():
        return
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION, 0)
    sets = (ctypes.c_uint32 * 6)()  # effective, permitted, inheritable; twice
    libc.capget(header, sets)
    for number in CAPABILITIES.values():
        libc.prctl(PR_CAPBSET_DROP, number, 0, 0, 0)
        for index in range(3):
            sets[index] &= ~(1 << number)
    if libc.capset(header, sets):
        raise OSError(ctypes.get_errno(), "capset")
