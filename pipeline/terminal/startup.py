"""What a command needs before it imports anything else. Imports little: until it has begun, Ctrl-C is a traceback."""

import os
import signal
import sys

_folder_trouble = ""


def begin() -> None:
    """The command has its three standard streams and a working folder; Ctrl-C ends it without a traceback.

    A working folder that was removed is replaced by `/`, for Python cannot import without one;
    `folder_trouble` says so then."""
    global _folder_trouble
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:  # `>&-`: the next file that is opened would be taken for the stream
            os.open(os.devnull, os.O_RDWR)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # not with `nohup`, which has it ignored
        signal.signal(signal.SIGINT, _end)
    try:
        os.getcwd()
    except OSError as error:
        _folder_trouble = error.strerror or str(error)
        os.chdir("/")


def folder_trouble() -> str:
    """What is wrong with the folder that the command was started in; empty when nothing is."""
    return _folder_trouble


def _end(number: int, frame: object) -> None:
    try:
        os.write(2, b"interrupted: nothing had begun\n")
    finally:
        os._exit(128 + number)


def is_command(name: str) -> bool:
    """Whether this process is the command of that name."""
    return os.path.basename(sys.argv[0]) in (name, name + ".exe")
