"""Standard streams, working folder and Ctrl-C, set up before a command imports anything else.

It imports os, signal and sys only: until `begin` has run, Ctrl-C prints a traceback."""

import os
import signal
import sys

_folder_trouble = ""


def begin() -> None:
    """Opens the standard streams that are closed, makes sure of a working folder, and lets Ctrl-C end the process
    without a traceback.

    A working folder that was removed is replaced by `/`, since Python cannot import without one; `folder_trouble`
    then says why."""
    global _folder_trouble
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:  # `>&-`: the next file that is opened would get the stream's descriptor
            os.open(os.devnull, os.O_RDWR)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # not with `nohup`, which has it ignored
        signal.signal(signal.SIGINT, _end)
    try:
        os.getcwd()
    except OSError as error:
        _folder_trouble = error.strerror or str(error)
        os.chdir("/")


def folder_trouble() -> str:
    """Why the folder that the command was started in cannot be used; '' if it can."""
    return _folder_trouble


def _end(number: int, frame: object) -> None:
    try:
        os.write(2, b"interrupted: nothing had begun\n")
    finally:
        os._exit(128 + number)


def is_command(name: str) -> bool:
    """Whether this process is the command of that name."""
    return os.path.basename(sys.argv[0]) in (name, name + ".exe")
