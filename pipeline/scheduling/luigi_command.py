"""The `luigi` command, which stands in the place of Luigi's own (docs/decisions/0002-the-luigi-command.md).

Luigi reads every luigi.cfg about while it is imported, and dies in a traceback of one that is malformed. So for
`--module pipeline` they are looked at before; for any other module it is Luigi's own command.
"""

import importlib.util
import signal
import sys
from typing import List, NoReturn, Optional

from octet.errors import UsageError
from pipeline import settings
from pipeline.terminal import no_memory, streams, unexpected


def main() -> None:
    """Luigi's own command; importing `pipeline` has taken over already where it is for us."""
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
    """Does what the command line says and exits."""
    streams.guard()
    try:
        no_memory.expect_some()
        settings.expect_folders()
        settings.expect_readable()
        from pipeline.scheduling import run  # not at the top: it imports Luigi
    except Exception as error:
        known = unexpected.explained(error, "luigi --module pipeline")
        print(known, file=sys.stderr)
        sys.exit(known.exit_code)
    run.main(argv)


def _expect_module(argv: List[str]) -> None:
    """Raises UsageError where Luigi's own command would find no module, and show a traceback."""
    named = _module(argv)
    if named is None:
        from pipeline.spec import STAGES
        words = [word for word in argv if word in STAGES]
        if words:
            raise UsageError("--module is missing", where="luigi " + " ".join(argv), why="Luigi takes {} from the "
                             "module that it names".format(words[0]),
                             next_step="luigi --module pipeline " + " ".join(argv))
        return
    top = named.split(".")[0]
    try:
        found = bool(top) and importlib.util.find_spec(top) is not None
    except (ImportError, ValueError):
        found = False
    if not found:
        raise UsageError("no module named {!r}".format(top), where="luigi --module {}".format(named),
                         why="it is neither installed nor in a folder of PYTHONPATH",
                         next_step="for the stages of Octet it is: luigi --module pipeline STAGE")


def _module(argv: List[str]) -> Optional[str]:
    """What `--module` names; None without one."""
    for option, after in zip(argv, argv[1:] + [""]):
        if option == "--module":
            return after
        if option.startswith("--module="):
            return option.partition("=")[2]
    return None
