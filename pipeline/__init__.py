"""The package that `luigi --module pipeline` imports."""

import os as _os
import sys as _sys

from pipeline.terminal import startup as _startup


def _loaded_by_luigi_command() -> bool:
    """Whether the `luigi` command imports this package because of its option `--module pipeline`.

    The scheduler's page shows a command with `--module pipeline.scheduling.stages`, which counts too.
    """
    argv = _sys.argv
    folder, name = _os.path.split(argv[0])
    is_luigi = _startup.is_command("luigi") or (
        _os.path.basename(folder) == "luigi" and name in ("__main__.py", "cmdline.py"))
    modules = [after for option, after in zip(argv, argv[1:]) if option == "--module"]
    modules += [option.partition("=")[2] for option in argv if option.startswith("--module=")]
    return is_luigi and any(module.split(".")[0] == "pipeline" for module in modules)


def _forget_pythonpath() -> None:
    """Removes the folders of PYTHONPATH from `sys.path`: a stage's process runs without them."""
    entries = _os.environ.get("PYTHONPATH", "").split(_os.pathsep)
    root = _os.path.dirname(_os.path.dirname(_os.path.abspath(__file__)))
    dropped = {_os.path.abspath(folder) for folder in entries if folder} - {root}
    _sys.path[:] = [folder for folder in _sys.path if _os.path.abspath(folder) not in dropped]


def _watch_memory(command: str) -> None:
    from pipeline.terminal import out_of_memory  # not at the top: during a long import, Ctrl-C would print a traceback
    out_of_memory.watch(command)


if _loaded_by_luigi_command():
    _startup.begin()
    _forget_pythonpath()
    _watch_memory("luigi --module pipeline")
    # Plain Luigi waits a minute for a scheduler that does not answer, reads luigi.cfg in the working folder only,
    # and exits with 0 whatever happens.
    from pipeline.scheduling import luigi_command as _luigi_command
    _luigi_command.take_over(_sys.argv[1:])
elif _startup.is_command("octet"):
    _startup.begin()
    _forget_pythonpath()
    _watch_memory("octet")
