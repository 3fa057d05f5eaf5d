"""Checks the arguments of `luigi --module pipeline STAGE ...` and Luigi's settings before Luigi reads them.

For wrong arguments, Luigi itself would only print its usage.
"""

import argparse
import configparser
import difflib
import functools
import os
from contextlib import contextmanager
from typing import Callable, Iterator, List, NoReturn, Optional, TypeVar

import luigi.configuration
import luigi.interface
import luigi.notifications
import luigi.scheduler
import luigi.worker
from luigi.cmdline_parser import CmdlineParser

from octet.errors import UsageError
from pipeline.scheduling import scheduler, scheduler_client, stages  # noqa: F401  (stages register themselves)
from pipeline.stage_specs import STAGES

_T = TypeVar("_T")

OWN_OPTIONS = ["--recipe", "--set", "--local-scheduler", "--workers", "--scheduler-host", "--scheduler-port"]


@contextmanager
def parsed(arguments: List[str]) -> Iterator[CmdlineParser]:
    """Yields Luigi's parser of the command line. Inside the block, Luigi's own settings use the options given there.

    Raises UsageError for an unknown stage or option."""
    _check_arguments(arguments)
    with CmdlineParser.global_instance(arguments) as parser:
        yield parser


def stage(arguments: List[str]) -> str:
    """The stage that the command line names. `parsed` must have checked the command line."""
    name: str = _luigi_parser(None).parse_known_args(arguments)[0].root_task
    return name


def recipe(arguments: List[str]) -> Optional[str]:
    """The recipe that the command line names; None for the default in luigi.cfg."""
    return _value(arguments, "recipe")


def snapshot(arguments: List[str]) -> Optional[str]:
    """The snapshot that the command line names; None if the run takes one itself."""
    return _value(arguments, "snapshot")


def _value(arguments: List[str], parameter: str) -> Optional[str]:
    """The value that the command line gives to a parameter of its stage; None without a value."""
    return getattr(_luigi_parser(stage(arguments)).parse_known_args(arguments)[0], parameter, None)


def has_option(arguments: List[str], *options: str) -> bool:
    """Whether the command line has one of the options, by its name or by Luigi's longer name (--core-...)."""
    flags = {"--" + option for option in options} | {"--core-" + option for option in options}
    return any(argument.split("=")[0] in flags for argument in arguments)


def names_scheduler(arguments: List[str]) -> bool:
    """Whether the command line or luigi.cfg names a scheduler."""
    if has_option(arguments, *scheduler.OPTIONS):
        return True
    config = luigi.configuration.get_config()
    written = {key.replace("_", "-") for key in config["core"]} if "core" in config else set()
    return bool(written & (set(scheduler.OPTIONS) | {"default-" + option for option in scheduler.OPTIONS}))


def core() -> luigi.interface.core:
    """Luigi's section [core]. Raises UsageError for a malformed setting in any section that Luigi reads."""
    settings = _read_settings(luigi.interface.core, "core")
    for cls, section in ((luigi.worker.worker, "worker"), (luigi.scheduler.scheduler, "scheduler"),
                         (luigi.notifications.email, "email")):
        values = _read_settings(cls, section)
        if section == "worker":
            _check_worker(values)
    if not settings.local_scheduler:
        _read_settings(lambda: scheduler_client.Client(scheduler.url(settings)), "core")
    _read_settings(lambda: luigi.configuration.get_config().getintdict("resources"), "resources")
    if settings.workers < 1:
        raise UsageError("--workers is {}: nothing would be done".format(settings.workers),
                         where="the command line, or section [core] of luigi.cfg",
                         why="", next_step="use at least 1, which is the default")
    for option, why in (
            ("assistant", "an assistant runs any task that the scheduler names, but a run makes only its own target"),
            ("parallel_scheduling", "Luigi would wait forever if one of its processes failed")):
        if getattr(settings, option):
            raise UsageError("--{} is not possible".format(option.replace("_", "-")), why=why, next_step="leave it out",
                             where="the command line, or section [core] of luigi.cfg")
    if settings.logging_conf_file and not os.path.isfile(settings.logging_conf_file):
        raise UsageError("logging_conf_file: there is no file {}".format(settings.logging_conf_file),
                         where="the command line, or section [core] of luigi.cfg",
                         why="Luigi reads its logging configuration from this file",
                         next_step="correct the path, or leave the setting out")
    return settings


def _check_worker(settings: luigi.worker.worker) -> None:
    for name, least in (("ping_interval", 0.01), ("wait_interval", 0.01), ("wait_jitter", 0.0)):
        value = getattr(settings, name)
        if not least <= value < float("inf"):  # also refuses nan
            raise UsageError("{} is {}".format(name, value), where="section [worker] of luigi.cfg",
                             why="it is a time in seconds, of at least {}".format(least),
                             next_step="correct it, or leave it out")


def _read_settings(read: Callable[[], _T], section: str) -> _T:
    """The result of `read`, which reads Luigi's settings. Raises UsageError for a malformed setting."""
    try:
        return read()
    except (ValueError, TypeError, configparser.Error) as error:
        name = str(error).rpartition("value of ")[2] or str(error)
        raise UsageError("{}: {}".format(name, error.__cause__ or error) if error.__cause__ else str(error),
                         where="the command line, or section [{}] of luigi.cfg".format(section),
                         why="it is one of Luigi's own settings",
                         next_step="`luigi --module pipeline --help-all` lists them") from error


def _check_arguments(arguments: List[str]) -> None:
    known, _ = _luigi_parser(None).parse_known_args(arguments)
    if known.core_help or known.core_help_all:
        return
    _check_stage(known.root_task)
    parser = _luigi_parser(known.root_task)
    _, unknown = parser.parse_known_args(arguments)
    if unknown:
        flags = [word.split("=")[0] for word in unknown if word.startswith("-")]
        options = OWN_OPTIONS + sorted(parser._option_string_actions)
        near = difflib.get_close_matches(flags[0], options, 1) if flags else []
        raise UsageError(
            "no option {}".format(", ".join(flags)) if flags else "{!r} is an extra word".format(unknown[0]),
            where="luigi --module pipeline {}".format(known.root_task), why="",
            next_step="{}there are: {}; --help-all lists Luigi's own".format(
                "did you mean {}?  ".format(near[0]) if near else "", ", ".join(OWN_OPTIONS)))
    if "--recipe=" in arguments or ("--recipe", "") in zip(arguments, arguments[1:]):
        raise UsageError("--recipe is empty", where="the command line",
                         why="Luigi would take an empty name for the default recipe",
                         next_step="name a recipe, or leave --recipe out for the one in luigi.cfg")


@functools.lru_cache(maxsize=None)  # it has hundreds of options
def _luigi_parser(root_task: Optional[str]) -> argparse.ArgumentParser:
    """Luigi's parser for the options of a stage. Unlike Luigi's own, it raises UsageError for a malformed command
    line."""
    def refuse(message: str) -> NoReturn:
        raise UsageError(message, where="the command line", why="",
                         next_step="`luigi --module pipeline {} --help` lists the options".format(root_task or "STAGE"))

    parser: argparse.ArgumentParser = CmdlineParser._build_parser(root_task=root_task)
    parser.error = refuse  # type: ignore[method-assign]
    return parser


def _check_stage(name: Optional[str]) -> None:
    if name in STAGES:
        return
    near = difflib.get_close_matches((name or "").lower(), [stage.lower() for stage in STAGES], 1)
    suggestions = ["did you mean {!r}?  ".format(stage) for stage in STAGES if stage.lower() in near]
    raise UsageError("no stage named {!r}".format(name) if name else "no stage is named",
                     where="luigi --module pipeline", why="the first word is the stage to make; its options follow it",
                     next_step="".join(suggestions) + "there are: {}".format(", ".join(STAGES)))
