"""Finds Luigi's central scheduler, and makes the errors for one that does not answer."""

import json
import urllib.error
import urllib.parse
import urllib.request
from typing import Optional

import luigi.interface
import luigi.rpc

from octet.errors import SchedulerError
from pipeline.scheduling.scheduler_client import ANSWER_WITHIN_S, LARGEST_ANSWER_BYTES, NoAnswer, Question, reason

DEFAULT_URL = "http://localhost:8082/"
OPTIONS = ("scheduler-host", "scheduler-port", "scheduler-url")


def is_used(core: luigi.interface.core, configured: bool) -> bool:
    """Whether the run uses a central scheduler. Raises SchedulerError if a configured one does not answer.

    configured: whether the command line or luigi.cfg names one."""
    if core.local_scheduler:
        return False
    problem = _ask(url(core))
    if problem is None:
        if not configured:
            print("no scheduler is configured: using the one that answers at {}".format(DEFAULT_URL), flush=True)
        return True
    if not configured:
        print("no scheduler at localhost:8082: using the local one", flush=True)
        return False
    raise SchedulerError(
        "the scheduler does not answer", where=url(core), why=problem,
        next_step="start it ({}), correct its address in luigi.cfg or on the command line, or run without it: "
                  "--local-scheduler".format(_start_command(url(core))))


def gone(core: luigi.interface.core, error: luigi.rpc.RPCError) -> SchedulerError:
    """The error for a scheduler that answered at the start of the run and no longer does."""
    causes = [str(error)] + ([str(error.sub_exception)] if error.sub_exception else [])
    return SchedulerError("the scheduler answers no more", where=url(core), why="\n".join(dict.fromkeys(causes)),
                          next_step="start it again ({}), then the same command: complete stages are kept. Or run "
                                    "without it: --local-scheduler".format(_start_command(url(core))))


def url(core: luigi.interface.core) -> str:
    """The address of the scheduler that luigi.cfg and the command line name."""
    return core.scheduler_url or "http://{}:{}/".format(core.scheduler_host, core.scheduler_port)


def _start_command(address: str) -> str:
    """The command that starts a scheduler at this address. For another host, it names the host."""
    parts = urllib.parse.urlsplit(address)
    if parts.scheme == "http+unix":
        return "luigid --unix-socket {}".format(urllib.parse.unquote(parts.netloc))
    try:
        port = parts.port or 8082
    except ValueError:  # the port is not a number
        port = 8082
    if parts.hostname in ("localhost", "127.0.0.1", "::1"):
        return "luigid --address 127.0.0.1 --port {}".format(port)
    return "on {}: luigid --port {}".format(parts.hostname, port)


def _ask(address: str) -> Optional[str]:
    """The reason why the scheduler at `address` cannot be used; None if it answers within ANSWER_WITHIN_S."""
    if address.startswith("http+unix:"):
        return None  # only Luigi's own client can connect to it

    def ask() -> bool:
        with urllib.request.urlopen(address.rstrip("/") + "/api/resource_list", timeout=2 * ANSWER_WITHIN_S) as answer:
            return "response" in json.loads(answer.read(LARGEST_ANSWER_BYTES).decode("utf-8"))

    unknown = "what answers there is no Luigi scheduler"
    try:
        return None if Question(ask).answer(ANSWER_WITHIN_S) else unknown
    except NoAnswer:
        return "no answer within {} s".format(ANSWER_WITHIN_S)
    except (urllib.error.HTTPError, ValueError, TypeError) as error:
        return "{} ({})".format(unknown, error)
    except Exception as error:
        return reason(error)
