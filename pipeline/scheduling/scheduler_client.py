"""The client of a scheduler: whatever a scheduler does, a command goes on or ends, and says what it waits for."""

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
"""How long a command waits for an answer without a word."""
LARGEST_ANSWER_BYTES = 32 << 20
TOLD_ONCE = ("/api/ping", "/api/set_task_progress_percentage", "/api/set_task_status_message")
"""Messages that are out of date by the time at which they could be sent again."""


class Question:
    """A call that runs in a thread of its own. Its answer can be waited for as long as one likes.

    A lookup in the domain name system, or a scheduler that sends a byte each second, is under no socket's time limit,
    and Ctrl-C does not end the first. A thread that is waited for no longer ends with the process."""

    def __init__(self, call: Callable[[], Any]) -> None:
        self._call = call
        self._answers = queue.SimpleQueue()  # type: Any  # one (answer, error)
        # Ctrl-C inside of `start` leaves a lock of the thread locked, or one that is not locked to be released.
        with interrupts.held():
            threading.Thread(target=self._ask, daemon=True).start()

    def answer(self, within_s: float) -> Any:
        """What the call returned. Raises what it raised, or NoAnswer where there is nothing yet after `within_s`."""
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
    """Luigi's client of a scheduler. Whatever goes wrong with the connection or the answer is an RPCError.

    attempts: how often it asks; None: as often as luigi.cfg says (`rpc-retry-attempts`). Messages TOLD_ONCE are sent
    once in any case."""

    def __init__(self, url: str, attempts: Optional[int] = None) -> None:
        super().__init__(url)
        self._attempts = max(1, self._rpc_retry_attempts if attempts is None else attempts)
        self._wait_s = max(0, self._rpc_retry_wait)
        # Luigi's own alone can speak to a socket of the file system.
        self._fetched_text: Any = (self._fetcher if url.startswith("http+unix:") else _Fetcher()).fetch

    def ping(self, **worker: Any) -> Any:
        """Tells the scheduler that the worker lives; what the scheduler has to say to it. Says nothing by itself: it is
        called by a thread that only does this, and nobody waits for that."""
        return self._understood(lambda: self._fetched("/api/ping", {"data": json.dumps(worker)},
                                                        self._connect_timeout))

    def _request(self, url: str, data: Dict[str, Any], attempts: int = 3, allow_null: bool = True) -> Any:
        answer = self._understood(lambda: self._fetch(url, {"data": json.dumps(data)}))
        if answer is None and not allow_null:
            raise luigi.rpc.RPCError("it answers nothing")
        return answer

    def _understood(self, fetch: Callable[[], str]) -> Any:
        try:
            return json.loads(fetch())["response"]
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise luigi.rpc.RPCError("what answers there is no Luigi scheduler", error) from error

    def _fetch(self, url_suffix: str, body: Dict[str, str]) -> str:
        # The connection has more time than we wait for it: what we say about the wait is true then.
        timeout_s = 2 * self._connect_timeout
        attempts = 1 if url_suffix in TOLD_ONCE else self._attempts
        for left in range(attempts - 1, -1, -1):
            more_s = left * (self._connect_timeout + self._wait_s)
            try:
                return self._answer(Question(lambda: self._fetched(url_suffix, body, timeout_s)), more_s)
            except luigi.rpc.RPCError as error:
                if not left:
                    raise
                _say("the scheduler at {} does not answer ({}): asking again, for at most {:.0f} s more".format(
                    self._url, error, more_s))
            time.sleep(self._wait_s)
        raise AssertionError("asked at least once")

    def _answer(self, question: Question, more_s: float) -> str:
        """The answer, if it comes within the time for one attempt; more_s: the time that other attempts take."""
        silent_s = min(ANSWER_WITHIN_S, self._connect_timeout)
        rest_s = self._connect_timeout - silent_s
        try:
            return question.answer(silent_s)
        except NoAnswer:
            pass
        if rest_s + more_s:
            _say("waiting for the scheduler at {}: no answer for {:.0f} s, waiting for at most {:.0f} s more".format(
                self._url, silent_s, rest_s + more_s))
        try:
            return question.answer(rest_s)
        except NoAnswer:
            raise luigi.rpc.RPCError("no answer within {:.0f} s".format(self._connect_timeout)) from None

    def _fetched(self, url_suffix: str, body: Dict[str, str], timeout_s: float) -> str:
        """The text of an answer. timeout_s: how long nothing may come."""
        try:
            return self._fetched_text(luigi.rpc._urljoin(self._url, url_suffix), body, timeout_s)
        except (OSError, http.client.HTTPException, UnicodeDecodeError) as error:  # those of requests are OSErrors
            raise luigi.rpc.RPCError(reason(error)) from error


def reason(error: Exception) -> str:
    """Why there is no answer, in words."""
    inner = None if isinstance(error, urllib.error.HTTPError) else getattr(error, "reason", None)
    return str(inner or error) or type(error).__name__


class _Fetcher(luigi.rpc.URLLibFetcher):
    """Luigi's fetcher without `requests`, for answers that have an end."""

    def fetch(self, full_url: str, body: Dict[str, str], timeout: float) -> str:
        with urllib.request.urlopen(self._create_request(full_url, body=body), timeout=timeout) as answer:
            text = answer.read(LARGEST_ANSWER_BYTES + 1)
        if len(text) > LARGEST_ANSWER_BYTES:
            raise luigi.rpc.RPCError("its answer has no end")
        return text.decode("utf-8")


class KeepAlive(threading.Thread):
    """Tells the scheduler that the worker lives, each `interval_s`, until `stop`.

    Luigi's own holds a lock while it does, which every fork takes, and is waited for when the worker ends: with a
    scheduler that does not answer, neither a fork nor Ctrl-C would come to an end."""

    def __init__(self, ping: Callable[[], Any], heard: Callable[[Dict[str, Any]], None], interval_s: float) -> None:
        super().__init__(daemon=True)
        self._ping, self._heard, self._interval_s = ping, heard, interval_s
        self._stopped = threading.Event()
        self._asking = threading.Lock()

    def stop(self) -> None:
        """No further message is sent."""
        self._stopped.set()

    def join(self, timeout: Optional[float] = 0.5) -> None:
        """Waits for the thread, but not for a scheduler that does not answer it."""
        super().join(timeout)

    def let_finish(self) -> None:
        """Waits until no message is under way, for a fork that is to come: a lookup in the domain name system holds a
        lock in C, which the fork would inherit. A scheduler that does not answer is waited for ANSWER_WITHIN_S."""
        if self._asking.acquire(timeout=ANSWER_WITHIN_S):
            self._asking.release()

    def run(self) -> None:
        while not self._stopped.wait(self._interval_s):
            with self._asking:
                answer = self._answer()
            for message in answer:
                self._heard(message)

    def _answer(self) -> Any:
        """The messages for the worker; none where the scheduler does not answer, which those who ask it will say."""
        try:
            return list(self._ping()["rpc_messages"])
        except Exception:
            return []


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
