"""Central schedulers that are missing, false, slow, or that fail during a run."""

import json
import os
import signal
import socket
import threading
import time
from typing import Callable, Dict, Iterator, Optional

from tests.attacks.situation import Situation
from tests.attacks.situation_folder import Place
from tests.attacks.substitutes import remove

Answer = Callable[[socket.socket, str], None]


def _http(connection: socket.socket, body: bytes, status: str = "200 OK", length: Optional[int] = None) -> None:
    connection.sendall(
        "HTTP/1.1 {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n".format(
            status, len(body) if length is None else length
        ).encode()
        + body
    )


def _response(value: object) -> Answer:
    return lambda connection, path: _http(connection, json.dumps({"response": value}).encode())


def _text(body: bytes, status: str = "200 OK", length: Optional[int] = None) -> Answer:
    return lambda connection, path: _http(connection, body, status, length)


def _slowly(connection: socket.socket, path: str) -> None:
    for byte in b"HTTP/1.1 200 OK\r\n\r\n{}" * 20:
        connection.sendall(bytes([byte]))
        time.sleep(1)


def _never(connection: socket.socket, path: str) -> None:
    time.sleep(60)


def _endless(connection: socket.socket, path: str) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        connection.sendall(b"[" * 65536)


ANSWERS: Dict[str, Answer] = {
    "closes": lambda connection, path: None,
    "never": _never,
    "slowly": _slowly,
    "endless": _endless,
    "500": _text(b"broken", "500 Oops"),
    "404": _text(b"", "404 Not Found"),
    "302": _text(b"", "302 Found"),
    "401": _text(b"", "401 Who"),
    "html": _text(b"<html>It works!</html>"),
    "empty": _text(b""),
    "null": _text(b"null"),
    "list": _text(b"[]"),
    "not-utf-8": _text(b"\xff\xfe"),
    "rubbish": lambda connection, path: connection.sendall(b"\x16\x03\x01"),
    "short": _text(b'{"response": ', length=1000),
    "response-null": _response(None),
    "response-text": _response("x"),
    "response-list": _response([1]),
    "response-empty": _response({}),
    "deep": _text(b'{"response": ' + b"[" * 100000),
    "work-of-others": _response(
        {
            "n_pending_tasks": 1,
            "running_tasks": [],
            "task_id": "Evil_1",
            "task_family": "Evil",
            "task_module": "evil",
            "task_params": {},
            "n_unique_pending": 1,
            "worker_state": "active",
            "task_status": "PENDING",
        }
    ),
    "no-work": _response(
        {"n_pending_tasks": 5, "running_tasks": [], "task_id": None, "n_unique_pending": 5, "worker_state": "active"}
    ),
    "disabled": _response(
        {"n_pending_tasks": 5, "running_tasks": [], "task_id": None, "n_unique_pending": 5, "worker_state": "disabled"}
    ),
}
URLS = (
    "",
    "rubbish",
    "http://",
    "http://127.0.0.1:1/",
    "http://127.0.0.1:99999/",
    "http://[::1/",
    "ftp://127.0.0.1/",
    "file:///etc/passwd",
    "http+unix:///nowhere",
    "http://nowhere.invalid/",
    "http://127.0.0.1:1/\r\nX: y",
    "//",
    "x" * 3000,
    "http://user:password@127.0.0.1:1/",
    "https://127.0.0.1:1/",
    "data:,x",
    "http://127.0.0.1:1/%00",
)
PORTS = ("0", "-1", "65536", "abc", "", "1", "99999999999999999999", "1.5", "8082x")


def situations() -> Iterator[Situation]:
    for what, answer in ANSWERS.items():
        # The command waits for a scheduler that gives no work, retries one that fails later, and prints that.
        yield _asked("at-first/" + what, answer)._replace(waits=what == "no-work")
        yield _asked("later/" + what, answer, first=True)._replace(waits=True)
    for number, url in enumerate(URLS):
        yield Situation(
            "url/{}".format(number),
            ("luigi", "TrainFloat", "--recipe", "{recipe}", "--scheduler-url", url),
            _unmade,
            undamaged=True,
        )
        yield Situation(
            "configured-url/{}".format(number),
            ("luigi", "TrainFloat", "--recipe", "{recipe}"),
            _configured(url),
            undamaged=True,
        )
    for port in PORTS:
        yield Situation(
            "port/{}".format(port),
            ("luigi", "TrainFloat", "--recipe", "{recipe}", "--scheduler-port", port),
            _unmade,
            undamaged=True,
        )
    for number, host in enumerate(("", " ", "nowhere.invalid", "::1", "256.1.1.1", "x" * 300, "ä", "127.0.0.1/x")):
        yield Situation(
            "host/{}".format(number),
            ("luigi", "TrainFloat", "--recipe", "{recipe}", "--scheduler-host", host),
            _unmade,
            undamaged=True,
        )


def _asked(name: str, answer: Answer, first: bool = False) -> Situation:
    """A server that gives this answer to every request; with `first`, to all requests but the one that asks whether it
    is a scheduler."""

    def prepare(place: Place) -> None:
        _unmade(place)
        port = _serve(place, answer, first)
        place.config.write_text(
            place.config.read_text() + "default_scheduler_url = http://127.0.0.1:{}/\n".format(port)
        )

    return Situation(name, ("luigi", "TrainFloat", "--recipe", "{recipe}"), prepare, undamaged=True)


def _configured(url: str) -> Callable[[Place], None]:
    def prepare(place: Place) -> None:
        _unmade(place)
        place.config.write_text(
            place.config.read_text() + "default_scheduler_url = {}\n".format(url.replace("\r\n", ""))
        )

    return prepare


def _unmade(place: Place) -> None:
    remove(place, place.artifact("TrainFloat"))


def _serve(place: Place, answer: Answer, first: bool) -> int:
    """The port of a server in a separate process, which ends after a minute, or with this process."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen(50)
    port, pid = listening.getsockname()[1], os.fork()
    if pid:
        place.helpers.append(pid)
        listening.close()
        return port
    signal.alarm(60)
    while True:
        connection, _ = listening.accept()
        threading.Thread(target=_answer, args=(connection, answer, first), daemon=True).start()


def _answer(connection: socket.socket, answer: Answer, first: bool) -> None:
    try:
        with connection:
            path = connection.recv(65536).decode("latin-1").split(" ")[1:2]
            if first and path and "resource_list" in path[0]:
                _response([])(connection, path[0])
            else:
                answer(connection, path[0] if path else "")
    except OSError:
        pass
