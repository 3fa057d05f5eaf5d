"""`luigi --module pipeline STAGE`, as a person expects it to behave.

In: the command line. Out: the exit code, 0 when the stage's artifact is complete, whoever made it.
"""

import argparse
import configparser
import difflib
import json
import logging
import os
import signal
import sys
import threading
import time
import urllib.error
import urllib.request
import warnings
from contextlib import contextmanager
from typing import Iterator, List, NoReturn, Optional

import luigi
import luigi.configuration
import luigi.interface
import luigi.rpc
from luigi.cmdline_parser import CmdlineParser
from luigi.execution_summary import LuigiStatusCode, _summary_dict

from octet.errors import OctetError, SchedulerError, UsageError
from pipeline import failures, record, settings, stage_process, stages  # noqa: F401  (stages register themselves)
from pipeline.spec import STAGES

ANSWER_WITHIN_S = 3.0
LOOK_AGAIN_S = 2.0
# For ten seconds after a task is done, a scheduler ignores that it is wanted again.
PATIENCE_S = 15.0
UNREACHABLE = "Failed connecting to remote scheduler"


class Terminated(KeyboardInterrupt):
    """SIGTERM. Of all exceptions Luigi lets only KeyboardInterrupt through."""


def main(argv: List[str]) -> NoReturn:
    """Does what the command line says and exits."""
    failures.start()
    signal.signal(signal.SIGTERM, _terminate)
    try:
        code = run(argv)
    except OctetError as error:
        failures.record(error)
        code = error.exit_code
    except KeyboardInterrupt as interrupt:
        print("interrupted: complete stages are kept, the same command goes on from there",
              file=sys.stderr)
        code = 128 + (signal.SIGTERM if isinstance(interrupt, Terminated) else signal.SIGINT)
    sys.stdout.flush()
    sys.exit(code)


def _terminate(signum, frame) -> NoReturn:
    raise Terminated


def run(argv: List[str]) -> int:
    """The exit code of the stage that `argv` names. Raises OctetError before anything has run."""
    _read_config()
    arguments = list(argv)
    if not _says(arguments, "log-level"):
        arguments += ["--log-level", "WARNING"]
    logging.getLogger("luigi-interface").addFilter(quiet_about_known_errors)
    _check_recipe(arguments)
    with _parsed(arguments) as parsed:
        local = not _use_central(_core(), arguments)
        root = parsed.get_task_obj()
        return record.around(root.plan, root.task_family, lambda: _run_until_complete(root, local))


def _run_until_complete(root, local: bool) -> int:
    started = time.monotonic()
    while True:
        try:
            outcome = luigi.build([root], local_scheduler=local, no_lock=True, detailed_summary=True)
        except luigi.rpc.RPCError as error:
            raise SchedulerError(
                "the scheduler answers no more", where=_scheduler_url(luigi.interface.core()),
                why=str(error), next_step="start it again, then the same command: complete stages are "
                                          "kept. Or do without: --local-scheduler") from error
        if failures.seen():
            return failures.seen()[0].exit_code
        if root.complete():
            print("{} is complete: {}".format(root.task_family, root.output().path))
            return 0
        others = _summary_dict(outcome.worker)["run_by_other_worker"]
        failed = outcome.status in (LuigiStatusCode.FAILED, LuigiStatusCode.SCHEDULING_FAILED,
                                    LuigiStatusCode.FAILED_AND_SCHEDULING_FAILED)
        if failed or (not others and time.monotonic() - started > PATIENCE_S):
            return 1
        # Another worker has a stage in hand. When it fails or dies there, it is ours to do.
        time.sleep(LOOK_AGAIN_S)


def quiet_about_known_errors(record: logging.LogRecord) -> bool:
    """Lets a log record pass unless it is the traceback of an error that is already told."""
    if record.exc_info and isinstance(record.exc_info[1], OctetError):
        return False
    if str(record.msg).startswith(UNREACHABLE):
        record.exc_info = None  # Luigi tries again, and says so with a traceback
    return not (failures.seen() and str(record.msg).startswith("Will not run "))


def _read_config() -> None:
    """Luigi's own sections come from the machine's luigi.cfg, ours, and LUIGI_CONFIG_PATH; the last
    wins. The luigi.cfg of another project, which happens to be in the working folder, does not count.
    """
    ours, named = settings.find_config(), os.environ.get("LUIGI_CONFIG_PATH")
    config = luigi.configuration.get_config()
    config.clear()
    config.read(["/etc/luigi/luigi.cfg"] + [str(path) for path in (ours, named) if path])
    config.set("worker", "task_process_context", stage_process.CONTEXT)
    # Luigi itself reads these, and then warns that nobody does.
    warnings.filterwarnings("ignore", ".* parameter '(default_scheduler_(host|port|url)|rpc_retry_wait)' ")


def _says(arguments: List[str], *options: str) -> bool:
    flags = {"--" + option for option in options} | {"--core-" + option for option in options}
    return any(argument.split("=")[0] in flags for argument in arguments)


def _core() -> luigi.interface.core:
    """Luigi's own settings. Raises UsageError for one that it cannot read."""
    try:
        core = luigi.interface.core()
    except (ValueError, configparser.Error) as error:
        name = str(error).rpartition("value of ")[2] or str(error)
        raise UsageError("{}: {}".format(name, error.__cause__ or error),
                         where="the command line, or section [core] of luigi.cfg",
                         why="it is one of Luigi's own settings",
                         next_step="`luigi --module pipeline --help-all` lists them") from error
    if core.workers < 1:
        raise UsageError("--workers is {}: nothing would be done".format(core.workers),
                         where="the command line, or section [core] of luigi.cfg",
                         why="they do the work", next_step="take 1, which is the default")
    if core.logging_conf_file and not os.path.isfile(core.logging_conf_file):
        raise UsageError("logging_conf_file: there is no file {}".format(core.logging_conf_file),
                         where="the command line, or section [core] of luigi.cfg",
                         why="Luigi takes from it how to log", next_step="correct its path, or leave it out")
    return core


@contextmanager
def _parsed(arguments: List[str]) -> Iterator[CmdlineParser]:
    """The command line, parsed once: inside the block Luigi takes its own settings from it, too.
    Raises UsageError for what is no stage or no option."""
    _check_words(arguments)
    with CmdlineParser.global_instance(arguments) as parsed:
        yield parsed


def _check_words(arguments: List[str]) -> None:
    """Before Luigi looks at them: it would answer with the usage of all its options."""
    known, _ = _strict(None).parse_known_args(arguments)
    if known.core_help or known.core_help_all:
        return
    _check_stage(known.root_task)
    parser = _strict(known.root_task)
    _, left = parser.parse_known_args(arguments)
    if left:
        flags = [word.split("=")[0] for word in left if word.startswith("-")]
        ours = ["--recipe", "--local-scheduler", "--workers", "--scheduler-host", "--scheduler-port"]
        near = difflib.get_close_matches(flags[0], ours + sorted(parser._option_string_actions), 1) if flags else []
        raise UsageError(
            "no option {}".format(", ".join(flags)) if flags else "{!r} is one word too many".format(left[0]),
            where="luigi --module pipeline {}".format(known.root_task), why="nothing is passed over in silence",
            next_step="{}there are: {}; --help-all lists Luigi's own".format(
                "did you mean {}?  ".format(near[0]) if near else "", ", ".join(ours)))


def _strict(root_task: Optional[str]) -> argparse.ArgumentParser:
    """Luigi's parser of the command line; what it cannot read is a UsageError."""
    def refuse(message: str) -> NoReturn:
        raise UsageError(message, where="the command line", why="so it cannot be read",
                         next_step="`luigi --module pipeline {} --help` lists the options".format(root_task or "STAGE"))

    parser = CmdlineParser._build_parser(root_task=root_task)
    parser.error = refuse
    return parser


def _check_stage(name: Optional[str]) -> None:
    if name in STAGES:
        return
    near = difflib.get_close_matches((name or "").lower(), [stage.lower() for stage in STAGES], 1)
    meant = ["did you mean {!r}?  ".format(stage) for stage in STAGES if stage.lower() in near]
    raise UsageError("no stage named {!r}".format(name) if name else "no stage is named",
                     where="luigi --module pipeline", why="the first word is the stage to make; its options follow it",
                     next_step="".join(meant) + "there are: {}".format(", ".join(STAGES)))


def _check_recipe(arguments: List[str]) -> None:
    if "--recipe=" in arguments or ("--recipe", "") in zip(arguments, arguments[1:]):
        raise UsageError("--recipe is empty", where="the command line",
                         why="it would be the default recipe, which nobody asked for",
                         next_step="name one, or leave --recipe out for the one in luigi.cfg")


# Which scheduler

def _use_central(core, arguments: List[str]) -> bool:
    """Whether to use a central scheduler. Raises SchedulerError if the one configured is not there."""
    if core.local_scheduler:
        return False
    url = _scheduler_url(core)
    problem = _ask(url)
    if problem is None:
        return True
    if not _scheduler_is_configured(arguments):
        print("no scheduler at localhost:8082: using the local one", flush=True)
        return False
    raise SchedulerError(
        "the scheduler does not answer", where=url, why=problem,
        next_step="start it (luigid --address 127.0.0.1), correct its address in luigi.cfg or on "
                  "the command line, or do without: --local-scheduler")


def _scheduler_url(core) -> str:
    return core.scheduler_url or "http://{}:{}/".format(core.scheduler_host, core.scheduler_port)


def _scheduler_is_configured(arguments: List[str]) -> bool:
    options = ["scheduler-host", "scheduler-port", "scheduler-url"]
    if _says(arguments, *options):
        return True
    config = luigi.configuration.get_config()
    written = {key.replace("_", "-") for key in config["core"]} if "core" in config else set()
    return bool(written & (set(options) | {"default-" + option for option in options}))


def _ask(url: str) -> Optional[str]:
    """What is wrong with the scheduler at `url`; None when it answers as one in time."""
    if url.startswith("http+unix:"):
        return None  # Luigi's own client alone can speak to it
    answers = []  # type: List[Optional[str]]

    def ask() -> None:
        try:
            with urllib.request.urlopen(url.rstrip("/") + "/api/resource_list",
                                        timeout=ANSWER_WITHIN_S) as answer:
                known = "response" in json.loads(answer.read().decode("utf-8"))
            answers.append(None if known else "what answers there is no Luigi scheduler")
        except urllib.error.HTTPError as error:
            answers.append("what answers there is no Luigi scheduler ({})".format(error))
        except (ValueError, TypeError) as error:
            answers.append("what answers there is no Luigi scheduler ({})".format(error))
        except Exception as error:
            answers.append(str(getattr(error, "reason", error)))

    # In a thread: a name server, or one byte a second, is under no socket's time limit.
    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(ANSWER_WITHIN_S)
    return answers[0] if answers else "no answer within {} s".format(ANSWER_WITHIN_S)
