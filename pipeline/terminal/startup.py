"""Sets up standard streams, working folder and Ctrl-C before a command imports anything else.

It imports only os, signal and sys, because Ctrl-C prints a traceback until `begin` has run."""

import os
import signal
import sys

_folder_trouble = ""


def begin() -> None:
    """Opens standard streams that are closed, and makes Ctrl-C end the process without a traceback.

    If the working folder was removed, changes to `/`, since Python cannot import without a working folder.
    `folder_trouble` then returns the reason."""
    global _folder_trouble
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:  # closed by `>&-`; otherwise the next opened file would get the stream's descriptor
            os.open(os.devnull, os.O_RDWR)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # with `nohup`, it stays ignored
        signal.signal(signal.SIGINT, _end)
    try:
        os.getcwd()
    except OSError as error:
        _folder_trouble = error.strerror or str(error)
        os.chdir("/")


def folder_trouble() -> str:
    """The reason why the folder in which the command was started cannot be used; '' if it can."""
    return _folder_trouble


def _end(number: int, frame: object) -> None:
    try:
        os.write(2, b"interrupted: nothing had begun\n")
    finally:
        os._exit(128 + number)


def is_command(name: str) -> bool:
    """Whether this process is the command of that name."""
    return os.path.basename(sys.argv[0]) in (name, name + ".exe")
