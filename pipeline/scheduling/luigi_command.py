"""The `luigi` command, which replaces Luigi's own (docs/decisions/0002-the-luigi-command.md).

When Luigi is imported, it reads every luigi.cfg that it finds, and prints a traceback for a malformed one. So these
files are checked first for `--module pipeline`. For other modules, Luigi's own command runs.
"""

import importlib.util
import signal
import sys
from typing import List, NoReturn, Optional

from octet.errors import UsageError
from pipeline import settings
from pipeline.terminal import open_files, out_of_memory, streams, unexpected_error


def main() -> None:
    """Runs Luigi's own command. With `--module pipeline`, that command imports `pipeline`, which calls `take_over`."""
    try:
        _expect_module(sys.argv[1:])
    except UsageError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    from luigi.cmdline import luigi_run
    luigi_run()


def take_over(argv: List[str]) -> NoReturn:
    """Runs the pipeline with these arguments, and exits."""
    streams.guard()
    try:
        out_of_memory.expect_some()
        open_files.expect_some("luigi --module pipeline")
        settings.expect_folders()
        settings.expect_readable()
        from pipeline.scheduling import run  # not at the top: it imports Luigi
    except Exception as error:
        explained = unexpected_error.explained(error, "luigi --module pipeline")
        print(explained, file=sys.stderr)
        sys.exit(explained.exit_code)
    run.main(argv)


def _expect_module(argv: List[str]) -> None:
    """Raises UsageError if Luigi's own command would not find the module and would print a traceback."""
    module = _module(argv)
    if module is None:
        from pipeline.stage_specs import STAGES
        stages = [word for word in argv if word in STAGES]
        if stages:
            raise UsageError("--module is missing", where="luigi " + " ".join(argv), why="it names the module "
                             "that Luigi takes {} from".format(stages[0]),
                             next_step="luigi --module pipeline " + " ".join(argv))
        return
    top = module.split(".")[0]
    try:
        exists = bool(top) and importlib.util.find_spec(top) is not None
    except (ImportError, ValueError):
        exists = False
    if not exists:
        raise UsageError("no module named {!r}".format(top), where="luigi --module {}".format(module),
                         why="it is neither installed nor in a folder of PYTHONPATH",
                         next_step="for Octet's stages: luigi --module pipeline STAGE")


def _module(argv: List[str]) -> Optional[str]:
    """The value of the option `--module`, or None."""
    for option, after in zip(argv, argv[1:] + [""]):
        if option == "--module":
            return after
        if option.startswith("--module="):
            return option.partition("=")[2]
    return None
