"""The front door: what `luigi --module pipeline` finds."""

import sys as _sys
from pathlib import Path as _Path


def _loaded_by_luigi_command(argv) -> bool:
    """Whether the `luigi` command itself is importing us, because of its `--module pipeline`."""
    command = _Path(argv[0])
    is_luigi = command.name in ("luigi", "luigi.exe") or (
        command.parent.name == "luigi" and command.name in ("__main__.py", "cmdline.py"))
    return is_luigi and ("--module=pipeline" in argv or
                         ("--module", "pipeline") in zip(argv, argv[1:]))


if _loaded_by_luigi_command(_sys.argv):
    # Plain Luigi would wait a minute for a scheduler that is not there, look for luigi.cfg in the
    # working folder only, and exit with 0 whatever happens.
    from pipeline import front as _front
    _front.main(_sys.argv[1:])
