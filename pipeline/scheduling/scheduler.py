"""Luigi's central scheduler: whether one answers, and a client that raises one kind of error."""

import http.client
import json
import threading
import urllib.error
import urllib.parse
import urllib.request
from typing import Any, Dict, List, Optional

import luigi.interface
import luigi.rpc

from octet.errors import SchedulerError

ANSWER_WITHIN_S = 3.0
DEFAULT_URL = "http://localhost:8082/"
OPTIONS = ("scheduler-host", "scheduler-port", "scheduler-url")


class Client(luigi.rpc.RemoteScheduler):
    """Luigi's client of a scheduler. It raises RPCError for every error of the connection or the answer."""

    def _fetch(self, url_suffix: str, body: Dict[str, str]) -> str:
        try:
            text: str = super()._fetch(url_suffix, body)
            return text
        except (OSError, http.client.HTTPException) as error:
            raise luigi.rpc.RPCError(str(error), error) from error

    def _request(self, url: str, data: Dict[str, Any], attempts: int = 3, allow_null: bool = True) -> Any:
        try:
            return super()._request(url, data, attempts, allow_null)
        except (ValueError, KeyError, TypeError) as error:
            raise luigi.rpc.RPCError("the program that answers there is no Luigi scheduler", error) from error


def is_used(core: luigi.interface.core, configured: bool) -> bool:
    """Whether the run uses a central scheduler. Raises SchedulerError if a configured one does not answer.

    configured: whether the command line or luigi.cfg names one."""
    if core.local_scheduler:
        return False
    problem = _ask(url(core))
    if problem is None:
        if not configured:
            print("there is a scheduler at {}, nobody has named it: using it".format(DEFAULT_URL), flush=True)
        return True
    if not configured:
        print("no scheduler at localhost:8082: using the local one", flush=True)
        return False
    raise SchedulerError(
        "the scheduler does not answer", where=url(core), why=problem,
        next_step="start it ({}), correct its address in luigi.cfg or on the command line, or do without: "
                  "--local-scheduler".format(_start_command(url(core))))


def gone(core: luigi.interface.core, error: luigi.rpc.RPCError) -> SchedulerError:
    """The error for a scheduler that answered when the run began."""
    messages = [str(error)] + ([str(error.sub_exception)] if error.sub_exception else [])
    return SchedulerError("the scheduler answers no more", where=url(core), why="\n".join(dict.fromkeys(messages)),
                          next_step="start it again ({}), then the same command: complete stages are kept. Or do "
                                    "without: --local-scheduler".format(_start_command(url(core))))


def url(core: luigi.interface.core) -> str:
    """The address of the scheduler that luigi.cfg and the command line name."""
    return str(core.scheduler_url or "http://{}:{}/".format(core.scheduler_host, core.scheduler_port))


def _start_command(address: str) -> str:
    """The command that starts a scheduler at this address, on the machine that it names."""
    parts = urllib.parse.urlsplit(address)
    if parts.scheme == "http+unix":
        return "luigid --unix-socket {}".format(urllib.parse.unquote(parts.netloc))
    try:
        port = parts.port or 8082
    except ValueError:  # the port is no number
        port = 8082
    if parts.hostname in ("localhost", "127.0.0.1", "::1"):
        return "luigid --address 127.0.0.1 --port {}".format(port)
    return "on {}: luigid --port {}".format(parts.hostname, port)


def _ask(address: str) -> Optional[str]:
    """Why the scheduler at `address` cannot be used; None where it answers within ANSWER_WITHIN_S."""
    if address.startswith("http+unix:"):
        return None  # only Luigi's own client can connect to it
    problems: List[Optional[str]] = []

    def ask() -> None:
        try:
            with urllib.request.urlopen(address.rstrip("/") + "/api/resource_list",
                                        timeout=2 * ANSWER_WITHIN_S) as answer:
                is_luigi = "response" in json.loads(answer.read().decode("utf-8"))
            problems.append(None if is_luigi else "the program that answers there is no Luigi scheduler")
        except urllib.error.HTTPError as error:
            problems.append("the program that answers there is no Luigi scheduler ({})".format(error))
        except (ValueError, TypeError) as error:
            problems.append("the program that answers there is no Luigi scheduler ({})".format(error))
        except Exception as error:
            problems.append(str(getattr(error, "reason", error)))

    # In a thread, since the socket's timeout limits neither the name server nor an answer of one byte a second.
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(ANSWER_WITHIN_S)
    return problems[0] if problems else "no answer within {} s".format(ANSWER_WITHIN_S)
