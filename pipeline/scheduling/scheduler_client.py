"""The client of Luigi's central scheduler. It limits every wait for an answer, and prints what it waits for."""

import http.client
import json
import queue
import sys
import threading
import time
import urllib.error
import urllib.request
from typing import Any, Callable, Dict, Optional

import luigi.rpc

from octet import interrupts

ANSWER_WITHIN_S = 3.0
"""How long a command waits for an answer before it prints that it waits."""
LARGEST_ANSWER_BYTES = 32 << 20
SENT_ONCE = ("/api/ping", "/api/set_task_progress_percentage", "/api/set_task_status_message")
"""Messages that are not sent again after a failure, because they would be out of date."""


class Question:
    """A call in a daemon thread, whose answer is waited for with a time limit.

    A socket's time limit covers neither a DNS lookup, which Ctrl-C does not end, nor a scheduler that sends one byte
    each second. A thread that nobody waits for any more ends with the process."""

    def __init__(self, call: Callable[[], Any]) -> None:
        self._call = call
        self._answers = queue.SimpleQueue()  # type: Any  # one (answer, error)
        # Ctrl-C inside `start` could leave a lock of the thread in a wrong state.
        with interrupts.held():
            threading.Thread(target=self._ask, daemon=True).start()

    def answer(self, within_s: float) -> Any:
        """What the call returned. Raises what it raised; NoAnswer if it has not ended after `within_s`."""
        try:
            answer, error = self._answers.get(timeout=max(0.0, within_s))
        except queue.Empty:
            raise NoAnswer() from None
        if error is not None:
            raise error
        return answer

    def _ask(self) -> None:
        try:
            self._answers.put((self._call(), None))
        except Exception as error:
            self._answers.put((None, error))


class NoAnswer(Exception):
    """There is no answer yet."""


class Client(luigi.rpc.RemoteScheduler):
    """Luigi's client of a scheduler. Every problem with the connection or the answer raises RPCError.

    attempts: how often a message is sent; None for the number in luigi.cfg (`rpc-retry-attempts`). SENT_ONCE are sent
    once in any case."""

    def __init__(self, url: str, attempts: Optional[int] = None) -> None:
        super().__init__(url)
        self._attempts = max(1, self._rpc_retry_attempts if attempts is None else attempts)
        self._wait_s = max(0, self._rpc_retry_wait)
        # Only Luigi's own fetcher can connect to a socket in the file system.
        self._fetch_text: Any = (self._fetcher if url.startswith("http+unix:") else _Fetcher()).fetch

    def ping(self, **worker: Any) -> Any:
        """Tells the scheduler that the worker is alive. Returns the scheduler's messages for the worker. Prints
        nothing: only KeepAlive calls it, and nobody waits for that thread."""
        return self._decode(lambda: self._fetch_once("/api/ping", {"data": json.dumps(worker)},
                                                         self._connect_timeout))

    def _request(self, url: str, data: Dict[str, Any], attempts: int = 3, allow_null: bool = True) -> Any:
        answer = self._decode(lambda: self._fetch(url, {"data": json.dumps(data)}))
        if answer is None and not allow_null:
            raise luigi.rpc.RPCError("its answer is empty")
        return answer

    def _decode(self, fetch: Callable[[], str]) -> Any:
        try:
            return json.loads(fetch())["response"]
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise luigi.rpc.RPCError("what answers there is no Luigi scheduler", error) from error

    def _fetch(self, url_suffix: str, body: Dict[str, str]) -> str:
        # The connection gets more time than we wait, so that the printed waiting times are true.
        timeout_s = 2 * self._connect_timeout
        attempts = 1 if url_suffix in SENT_ONCE else self._attempts
        for left in range(attempts - 1, -1, -1):
            more_s = left * (self._connect_timeout + self._wait_s)
            try:
                return self._answer(Question(lambda: self._fetch_once(url_suffix, body, timeout_s)), more_s)
            except luigi.rpc.RPCError as error:
                if not left:
                    raise
                _print("the scheduler at {} does not answer ({}): asking again, for at most {:.0f} s more".format(
                    self._url, error, more_s))
            time.sleep(self._wait_s)
        raise AssertionError("asked at least once")

    def _answer(self, question: Question, more_s: float) -> str:
        """The answer to one attempt. Raises RPCError if there is none in time. more_s: the time for further
        attempts."""
        silent_s = min(ANSWER_WITHIN_S, self._connect_timeout)
        rest_s = self._connect_timeout - silent_s
        try:
            return question.answer(silent_s)
        except NoAnswer:
            pass
        if rest_s + more_s:
            _print("waiting for the scheduler at {}: no answer for {:.0f} s, waiting for at most {:.0f} s more".format(
                self._url, silent_s, rest_s + more_s))
        try:
            return question.answer(rest_s)
        except NoAnswer:
            raise luigi.rpc.RPCError("no answer within {:.0f} s".format(self._connect_timeout)) from None

    def _fetch_once(self, url_suffix: str, body: Dict[str, str], timeout_s: float) -> str:
        """The text of an answer. timeout_s: the longest time without a byte."""
        try:
            return self._fetch_text(luigi.rpc._urljoin(self._url, url_suffix), body, timeout_s)
        except (OSError, http.client.HTTPException, UnicodeDecodeError) as error:  # requests raises OSErrors
            raise luigi.rpc.RPCError(reason(error)) from error


def reason(error: Exception) -> str:
    """The cause of an error of urllib, in words."""
    inner = None if isinstance(error, urllib.error.HTTPError) else getattr(error, "reason", None)
    return str(inner or error) or type(error).__name__


class _Fetcher(luigi.rpc.URLLibFetcher):
    """Luigi's fetcher for urllib, with a limit on the size of the answer."""

    def fetch(self, full_url: str, body: Dict[str, str], timeout: float) -> str:
        with urllib.request.urlopen(self._create_request(full_url, body=body), timeout=timeout) as answer:
            text = answer.read(LARGEST_ANSWER_BYTES + 1)
        if len(text) > LARGEST_ANSWER_BYTES:
            raise luigi.rpc.RPCError("its answer is longer than {} MB".format(LARGEST_ANSWER_BYTES >> 20))
        return text.decode("utf-8")


class KeepAlive(threading.Thread):
    """Tells the scheduler every `interval_s` that the worker is alive, until `stop`.

    on_message: called with each message of the scheduler.
    Luigi's own thread holds a lock, which every fork takes, while it waits for the answer, and the worker joins the
    thread at its end. With a scheduler that does not answer, forks and Ctrl-C would hang."""

    def __init__(self, ping: Callable[[], Any], on_message: Callable[[Dict[str, Any]], None],
                 interval_s: float) -> None:
        super().__init__(daemon=True)
        self._ping, self._on_message, self._interval_s = ping, on_message, interval_s
        self._stopped = threading.Event()
        self._asking = threading.Lock()

    def stop(self) -> None:
        """Stops sending."""
        self._stopped.set()

    def join(self, timeout: Optional[float] = 0.5) -> None:
        """Waits for the end of the thread, but only briefly: the scheduler may not answer it."""
        super().join(timeout)

    def wait_until_idle(self) -> None:
        """Waits, up to ANSWER_WITHIN_S, until no message is being sent. Call this before a fork: a DNS lookup holds a
        lock of the C library, which the fork would inherit."""
        if self._asking.acquire(timeout=ANSWER_WITHIN_S):
            self._asking.release()

    def run(self) -> None:
        while not self._stopped.wait(self._interval_s):
            with self._asking:
                answer = self._answer()
            for message in answer:
                self._on_message(message)

    def _answer(self) -> Any:
        """The messages for the worker; [] if the scheduler does not answer. Other requests report that."""
        try:
            return list(self._ping()["rpc_messages"])
        except Exception:
            return []


def _print(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
