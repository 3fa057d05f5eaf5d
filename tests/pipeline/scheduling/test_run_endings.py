"""How a run ends, through the real command: it says why, exits with its code, and is recorded."""

import http.server
import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request

import luigi.scheduler
import pytest

from tests.pipeline.checkout import Checkout, finish
from tests.pipeline.scheduling.test_concurrent_runs import child_of, luigid, until

UP_TO_FLOAT = ["PrepareData.train", "PrepareData.validation", "TrainFloat"]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A checkout in which everything is made, for what changes nothing in it."""
    checkout = Checkout(tmp_path_factory.mktemp("built"))
    assert checkout.luigi().code == 0
    return checkout


@pytest.fixture
def checkout(tmp_path):
    return Checkout(tmp_path)


def command(checkout, words, **which):
    """The command with a shell around it, which can redirect its streams."""
    return subprocess.run(["bash", "-c", words, "bash"] + checkout.command(**which), cwd="/", env=checkout.environment,
                          timeout=120, capture_output=True, text=True)


def ask(option, question, **data):
    url = "{}/api/{}?{}".format(option.partition("=")[2], question, urllib.parse.urlencode({"data": json.dumps(data)}))
    with urllib.request.urlopen(url, timeout=10) as answer:
        return json.loads(answer.read().decode())["response"]


def runs(checkout, recipe="faces"):
    return json.loads(checkout.octet("ls", checkout.mine / (recipe + ".yaml"), "--json").stdout)["runs"]


# Streams

@pytest.mark.parametrize("words", ['"$@" >&-', '"$@" 2>&-', '"$@" >&- 2>&- <&-', '"$@" >/dev/full',
                                   '"$@" >/dev/full 2>&1', 'set -o pipefail; "$@" 2>&1 | true'])
def test_a_complete_run_ends_well_whatever_becomes_of_its_output(built, words):
    done = command(built, words)
    assert done.returncode == 0 and "Exception" not in done.stderr, done


@pytest.mark.parametrize("words", ['exec "$@" >/dev/full 2>&1', 'exec "$@" >&- 2>&- <&-'])
def test_a_stage_whose_progress_cannot_be_written_goes_on(checkout, words):
    done = command(checkout, words, stage="TrainFloat")
    assert done.returncode == 0, done
    assert checkout.luigi(stage="TrainFloat").made == []
    assert checkout.octet("verify").returncode == 0


def test_what_could_not_be_written_while_the_disk_was_full_is_said_at_the_end(tmp_path):
    code = ("import os, sys; from pipeline.terminal import streams; streams.guard()\n"
            "kept = os.dup(2); full = os.open('/dev/full', os.O_WRONLY); os.dup2(full, 2)\n"
            "print('TrainFloat: 50 %', file=sys.stderr)\n"
            "os.dup2(kept, 2); streams.finish()")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0
    assert done.stderr == "could not be written before (No space left on device):\nTrainFloat: 50 %\n"


def test_a_run_goes_on_when_its_terminal_is_closed_and_hangups_are_ignored(checkout):
    master, slave = os.openpty()
    checkout.change(checkout.mine / "faces.yaml", "width: 8", "width: 8, sleep_s: 1")
    run = subprocess.Popen(["bash", "-c", 'trap "" HUP; exec "$@"', "bash"] + checkout.command(stage="TrainFloat"),
                           cwd="/", env=dict(checkout.environment, TERM="xterm"), stdin=slave, stdout=slave,
                           stderr=slave,
                           start_new_session=True)
    os.close(slave)
    child_of(run)
    os.close(master)
    assert run.wait(timeout=90) == 0
    assert checkout.luigi(stage="TrainFloat").made == []


# Ends without a word

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


def test_a_store_that_changes_in_luigi_cfg_during_a_run_is_the_next_runs(checkout):
    checkout.change(checkout.mine / "faces.yaml", "width: 8", "width: 8, sleep_s: 2")
    run = checkout.start(stage="TrainQAT")
    child_of(run)
    checkout.change(checkout.root / "luigi.cfg", str(checkout.store), str(checkout.folder / "elsewhere"))
    run = finish(run)
    assert run.code == 0, run
    assert not (checkout.folder / "elsewhere").exists()


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


def test_a_fork_of_luigi_that_is_killed_is_named(checkout):
    checkout.change(checkout.mine / "faces.yaml", "width: 8", "width: 8, sleep_s: 3")
    run = checkout.start("--workers", "2", stage="TrainFloat")
    child = child_of(run)
    os.kill(child.ppid(), signal.SIGKILL)
    run = finish(run)
    assert run.code == 13 and "SIGKILL" in run.said and "Traceback" not in run.said, run


# The scheduler

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
    """Luigi's own scheduler, behind a server that answers with `trouble` once the first stage has been given out."""

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


# Records

def test_a_run_that_was_refused_is_recorded_with_its_code_and_words(checkout):
    assert checkout.luigi(stage="TrainQAT").code == 0
    checkout.change(checkout.mine / "faces.yaml", "epochs: 1}\nquantize", "epochs: none}\nquantize")
    assert checkout.luigi().code == 3
    newest, first = runs(checkout)
    assert newest["exit"] == 3 and "epochs" in newest["error"] and (first["exit"], first["error"]) == (0, None)
    row, = json.loads(checkout.octet("ls", "--json").stdout)
    assert row["state"] == "exit 3" and "epochs" in row["error"] and row["stages"] == "4/4 intact"
    shown = checkout.octet("ls").stdout
    assert "exit 3" in shown and "epochs" in shown


@pytest.mark.parametrize("number, code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_run_is_recorded_with_its_code(checkout, number, code):
    checkout.change(checkout.mine / "faces.yaml", "width: 8", "width: 8, sleep_s: 30")
    run = checkout.start()
    child_of(run)
    run.send_signal(number)
    assert finish(run).code == code
    row, = runs(checkout)
    assert row["exit"] == code and "interrupted" in row["error"]


def test_a_killed_run_is_told_from_one_that_goes_on(checkout):
    checkout.change(checkout.mine / "faces.yaml", "width: 8", "width: 8, sleep_s: 30")
    run = checkout.start()
    child_of(run)
    assert [row["state"] for row in runs(checkout)] == ["running"]
    assert checkout.why()["TrainFloat"] == ["stale", "a run is making it at this moment"]
    assert checkout.why()["TrainQAT"][0] == "waits"
    run.kill()
    run.communicate()
    assert [row["state"] for row in runs(checkout)] == ["killed"]
    assert checkout.why()["TrainFloat"] == ["stale", "a run began to make it, and did not end well"]


SLOW_DATA = """
import os, time
from octet.datasets import image_folder

def load(**args):
    return image_folder.load(**args)

def digest(part, **args):
    if part == "train":
        time.sleep(float(open({0!r}).read()))
    return "0" * 64
"""


@pytest.fixture
def slow_data(checkout):
    """A function that says for how long the digest of the data is to take, in seconds."""
    checkout.put("mine.py", SLOW_DATA.format(str(checkout.mine / "seconds")))
    checkout.change(checkout.mine / "faces.yaml", "dataset: image_folder", "dataset: ./mine.py:load")
    return lambda seconds: checkout.put("seconds", str(seconds))


def test_a_run_that_is_killed_while_its_data_is_digested_is_recorded(checkout, slow_data):
    slow_data(30)
    run = checkout.start()
    until(lambda: [row["state"] for row in runs(checkout)] == ["running"])
    run.kill()
    run.communicate()
    assert [(row["state"], row["exit"]) for row in runs(checkout)] == [("killed", None)]


def test_a_run_whose_data_takes_long_is_recorded_once(checkout, slow_data):
    slow_data(1.5)
    for _ in range(2):  # the second has nothing to do
        run = checkout.luigi(stage="TrainFloat")
        assert run.code == 0, run.said
        assert [(row["state"], row["exit"]) for row in runs(checkout)] == [("done", 0)]
    slow_data("no number")
    assert checkout.luigi(stage="TrainFloat").code != 0
    assert [row["exit"] for row in runs(checkout)][1:] == [0]


def test_a_stage_that_no_run_began_was_never_made(checkout):
    checkout.change(checkout.mine / "nets" / "blocks.py", "time.sleep(seconds)", "raise ValueError('mine')")
    assert checkout.luigi(stage="TrainFloat").code != 0
    checkout.change(checkout.mine / "nets" / "blocks.py", "raise ValueError('mine')", "time.sleep(seconds)")
    run = checkout.luigi(stage="TrainFloat")
    assert run.code == 0 and "TrainFloat: never made for this recipe" in run.said, run


def test_ctrl_c_while_the_command_starts_is_130_without_a_traceback(built):
    script = "import os, sys; sys.argv[0] = 'luigi'; os.write(2, b'.'); import pipeline"
    for wait_s in (0.03, 0.06, 0.1, 0.2, 0.3, 0.5):
        words = built.command()
        run = subprocess.Popen(
            [words[0], "-c", script] + words[3:], cwd="/", env=built.environment, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler))
        assert run.stderr.read(1) == b"."
        time.sleep(wait_s)
        run.send_signal(signal.SIGINT)
        _, said = run.communicate(timeout=60)
        assert run.returncode in (0, 130) and b"Traceback" not in said, (wait_s, run.returncode, said)
