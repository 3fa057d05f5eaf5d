"""A scheduler that does not answer, answers slowly or without end: what the client prints, and when it gives up."""

import socket
import threading
import time
from contextlib import contextmanager

import luigi.configuration
import luigi.rpc
import pytest

from pipeline.scheduling import scheduler_client
from pipeline.scheduling.scheduler_client import Client, KeepAlive, NoAnswer, Question


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    """There are two attempts of 1.2 s, with a second between them."""
    config = luigi.configuration.LuigiConfigParser()
    config.read_dict({"core": {"rpc_connect_timeout": "1.2", "rpc_retry_attempts": "2", "rpc_retry_wait": "1"}})
    monkeypatch.setattr(luigi.configuration.LuigiConfigParser, "_instance", config)
    monkeypatch.setattr(scheduler_client, "ANSWER_WITHIN_S", 0.6)


@contextmanager
def server(answer):
    """The address of a server that calls answer(connection) for each request, in a thread of its own."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen(20)

    def handle(connection):
        with connection:
            connection.recv(65536)
            try:
                answer(connection)
            except OSError:
                pass  # the client has gone

    def accept():
        while True:
            try:
                connection = listening.accept()[0]
            except OSError:
                return
            threading.Thread(target=handle, args=(connection,), daemon=True).start()
    threading.Thread(target=accept, daemon=True).start()
    try:
        yield "http://127.0.0.1:{}/".format(listening.getsockname()[1])
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()


def silent(connection):
    time.sleep(20)


def slow(connection):
    for byte in b"HTTP/1.1 200 OK\r\n\r\n" * 100:
        connection.sendall(bytes([byte]))
        time.sleep(0.2)


def endless(connection):
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        connection.sendall(b"[" * 65536)


def ok(connection):
    connection.sendall(b'HTTP/1.1 200 OK\r\n\r\n{"response": {"rpc_messages": [1]}}')


@pytest.mark.parametrize("answer", [silent, slow])
def test_the_terminal_says_what_is_waited_for_and_how_long(answer, capfd):
    with server(answer) as url:
        started = time.monotonic()
        with pytest.raises(luigi.rpc.RPCError, match="no answer within"):
            Client(url).is_paused()
        took_s = time.monotonic() - started
    first = capfd.readouterr().err.splitlines()[0]
    assert url.rstrip("/") in first and "no answer for 1 s, waiting for at most 3 s more" in first
    assert 3.0 < took_s < 5.0


def test_an_answer_without_end_is_an_error(monkeypatch):
    monkeypatch.setattr(scheduler_client, "LARGEST_ANSWER_BYTES", 1 << 20)
    with server(endless) as url, pytest.raises(luigi.rpc.RPCError, match="its answer is longer than 1 MB|no answer"):
        Client(url, attempts=1).is_paused()


def test_the_progress_of_a_stage_is_sent_once(capfd):
    started = time.monotonic()
    with server(silent) as url, pytest.raises(luigi.rpc.RPCError):
        Client(url).set_task_status_message(task_id="a", status_message="b")
    assert time.monotonic() - started < 2.5


def test_messages_of_the_scheduler_are_received():
    heard = []
    with server(ok) as url:
        living = KeepAlive(lambda: Client(url).ping(worker="me"), heard.append, 0.05)
        living.start()
        end = time.monotonic() + 5
        while len(heard) < 2 and time.monotonic() < end:
            time.sleep(0.05)
        living.stop()
        living.join()
    assert len(heard) >= 2 and not living.is_alive()


def test_neither_the_end_nor_a_fork_waits_for_a_ping_that_hangs():
    asked = threading.Event()

    def ping():
        asked.set()
        time.sleep(20)
    living = KeepAlive(ping, print, 0.01)
    living.start()
    assert asked.wait(5)
    started = time.monotonic()
    living.wait_until_idle()
    living.stop()
    living.join()
    assert time.monotonic() - started < 2.0


def test_a_question_raises_what_its_call_raised():
    with pytest.raises(ZeroDivisionError):
        Question(lambda: 1 / 0).answer(5)
    with pytest.raises(NoAnswer):
        Question(lambda: time.sleep(5)).answer(0.05)
