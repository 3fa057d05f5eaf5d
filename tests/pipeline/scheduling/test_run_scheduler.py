"""What a central scheduler can do to a run, through the real command: each way to end has a message."""

import http.server
import json
import threading
import urllib.parse
import urllib.request

import luigi.scheduler
import pytest

from tests.pipeline.checkout import Checkout, finish
from tests.pipeline.scheduling.test_concurrent_runs import child_of, luigid
from tests.pipeline.scheduling.test_run_records import runs

UP_TO_FLOAT = ["PrepareData.train", "PrepareData.validation", "TrainFloat"]


@pytest.fixture
def checkout(tmp_path):
    return Checkout(tmp_path)


def ask(option, question, **data):
    url = "{}/api/{}?{}".format(option.partition("=")[2], question, urllib.parse.urlencode({"data": json.dumps(data)}))
    with urllib.request.urlopen(url, timeout=10) as answer:
        return json.loads(answer.read().decode())["response"]


def test_a_paused_scheduler_is_named(checkout):
    with luigid(checkout) as (_, option):
        ask(option, "pause")
        run = checkout.luigi(option, stage="TrainFloat")
    assert run.code == 12 and "the scheduler is paused" in run.said and "Traceback" not in run.said, run
    assert [(row["exit"], row["state"]) for row in runs(checkout)] == [(12, "exit 12")]


def test_a_worker_that_was_disabled_is_named(checkout):
    checkout.change(checkout.mine / "faces.yaml", "width: 8", "width: 8, sleep_s: 2")
    with luigid(checkout) as (_, option):
        run = checkout.start(option, stage="TrainQAT")
        child_of(run)
        worker, = [worker["name"] for worker in ask(option, "worker_list")]
        ask(option, "disable_worker", worker=worker)
        run = finish(run)
    assert run.code == 12 and "disabled" in run.said and "Traceback" not in run.said, run
    assert run.made == UP_TO_FLOAT


@pytest.mark.slow
def test_a_task_that_the_scheduler_has_disabled_is_named(checkout):
    with luigid(checkout) as (_, option):
        ask(option, "pause")
        checkout.luigi(option)
        ask(option, "unpause")
        task, = [name for name in ask(option, "task_list", status="PENDING", upstream_status="")
                 if name.startswith("TrainFloat")]
        ask(option, "add_task", worker="another", task_id=task, status="FAILED", runnable=False,
            retry_policy_dict={"retry_count": 1})
        ask(option, "add_task", worker="another", task_id=task, status="FAILED", runnable=False,
            retry_policy_dict={"retry_count": 1})
        run = checkout.luigi(option)
    assert run.code == 12 and "TrainFloat is DISABLED there" in run.said and "Traceback" not in run.said, run


def test_a_task_that_somebody_posted_is_not_loaded(checkout):
    canary = checkout.folder / "canary"
    (checkout.root / "posted.py").write_text("open({!r}, 'w')\nimport luigi\nclass Posted(luigi.Task): pass\n".format(
        str(canary)))
    checkout.change(checkout.mine / "faces.yaml", "width: 8", "width: 8, sleep_s: 2")
    with luigid(checkout) as (_, option):
        run = checkout.start(option, stage="TrainQAT")
        child_of(run)
        worker, = [worker["name"] for worker in ask(option, "worker_list")]
        ask(option, "add_task", worker=worker, task_id="Posted_1", family="Posted", module="posted", params={},
            priority=100)
        run = finish(run)
    assert not canary.exists()
    assert run.code == 0 and "offered" in run.said and "Posted_1" in run.said and "Traceback" not in run.said, run
    assert run.made == UP_TO_FLOAT + ["TrainQAT"]


def test_what_is_made_again_within_ten_seconds_is_no_unfulfilled_dependency(checkout):
    with luigid(checkout) as (_, option):
        assert checkout.luigi(option, stage="TrainFloat").code == 0
        assert checkout.octet("force", checkout.mine / "faces.yaml", "TrainFloat").returncode == 0
        run = checkout.luigi(option, stage="TrainQAT")
    assert run.code == 0 and run.made == ["TrainFloat", "TrainQAT"] and "Unfulfilled" not in run.said, run


@pytest.mark.slow
def test_a_second_run_under_a_scheduler_says_what_it_waits_for_and_is_one_worker(checkout):
    checkout.change(checkout.mine / "faces.yaml", "width: 8", "width: 8, sleep_s: 6")
    with luigid(checkout) as (_, option):
        first = checkout.start(option, stage="TrainFloat")
        child_of(first)
        second = checkout.start(option, stage="TrainFloat")
        done = finish(first)
        workers = ask(option, "worker_list")
        waited = finish(second)
    assert (done.code, waited.code) == (0, 0)
    assert "TrainFloat: another run is making it" in waited.said and "pid {}".format(first.pid) in waited.said, waited
    assert len(workers) == 2


def test_the_page_shows_a_finished_stage_at_100_percent(checkout):
    with luigid(checkout) as (_, option):
        assert checkout.luigi(option, stage="TrainQAT").code == 0
        tasks = ask(option, "task_list", status="DONE", upstream_status="").values()
    assert [task["progress_percentage"] for task in tasks] == [100] * 4


def test_the_page_shows_a_run_that_was_refused_before_it_had_a_task(checkout):
    checkout.change(checkout.mine / "faces.yaml", "epochs: 1}\nquantize", "epochs: none}\nquantize")
    with luigid(checkout) as (_, option):
        run = checkout.luigi(option)
        failed = ask(option, "task_list", status="FAILED", upstream_status="")
        name, = failed
        shown = json.loads(ask(option, "fetch_error", task_id=name)["error"])
    assert run.code == 3 and "train.epochs" in shown and shown in run.said


class Flaky(http.server.BaseHTTPRequestHandler):
    """Luigi's own scheduler behind a server that answers with `trouble` after the first stage was given out."""

    def do_POST(self):
        server, command = self.server, self.path.rpartition("/")[2].partition("?")[0]
        if server.given:
            return server.trouble(self)
        length = int(self.headers.get("Content-Length") or 0)
        data = urllib.parse.parse_qs(self.rfile.read(length).decode()).get("data", ["{}"])[0]
        answer = getattr(server.scheduler, command)(**json.loads(data))
        server.given = command == "get_work" and answer["task_id"] is not None
        self._answer(200, json.dumps({"response": answer}))

    do_GET = do_POST

    def _answer(self, code, text):
        self.send_response(code)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *words):
        pass


@pytest.mark.slow
@pytest.mark.parametrize("workers, trouble", [
    ("1", lambda request: request._answer(500, "no")), ("2", lambda request: request._answer(200, "<html>a proxy's")),
    ("2", lambda request: request._answer(200, '{"response": {}}')), ("1", lambda request: request.close_connection)],
    ids=["500", "html", "empty", "hang up"])
def test_a_scheduler_that_goes_wrong_in_mid_run_costs_no_stage(checkout, trouble, workers):
    checkout.change(checkout.root / "luigi.cfg", "rpc_retry_wait = 2", "rpc_retry_wait = 0")
    server = http.server.HTTPServer(("127.0.0.1", 0), Flaky)
    server.scheduler, server.trouble, server.given = luigi.scheduler.Scheduler(), trouble, False
    serving = threading.Thread(target=server.serve_forever, daemon=True)
    serving.start()
    try:
        run = checkout.luigi("--scheduler-url=http://127.0.0.1:{}".format(server.server_port), "--workers", workers,
                          stage="TrainQAT")
    finally:
        server.shutdown()
        server.server_close()
    assert run.code == 12 and "answers no more" in run.said and "Traceback" not in run.said, run
    assert run.made == ["PrepareData.train"] and checkout.artifact("PrepareData.train"), run
