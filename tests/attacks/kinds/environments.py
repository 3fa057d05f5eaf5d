"""Unusual environment variables, configurations, working folders and temporary folders."""

import os
import time
from typing import Callable, Dict, Iterator, Optional, Tuple

from tests.attacks.situation import CHECK, LUIGI_FLOAT, VERBS, WHY, Prepare, Situation
from tests.attacks.situation_folder import Place
from tests.attacks.substitutes import THINGS, remove, write

VARIABLES: Dict[str, Tuple[Optional[str], ...]] = {
    "HOME": (None, "", "/nonexistent", "relative", "{root}/luigi.cfg", "/dev/null", "{root}/home/\udcff"),
    "TMPDIR": (None, "", "/nonexistent", "relative", "{root}/luigi.cfg", "/proc", "/dev/full", "{root}/not there"),
    "OCTET_CACHE": (None, "", "/nonexistent", "relative", "{root}/luigi.cfg", "/proc", "/dev/null", "{root}/a b"),
    "XDG_CACHE_HOME": ("", "relative", "/proc", "{root}/luigi.cfg"),
    "LUIGI_CONFIG_PATH": (
        None,
        "",
        "/nonexistent",
        "{root}",
        "{root}/mine/faces.yaml",
        "/dev/null",
        "/dev/zero",
        "{root}/mine/photos/train/cat/0.png",
        "relative.cfg",
    ),
    "PATH": (None, "", "/nonexistent", "."),
    "LANG": (None, "C", "POSIX", "xx_YY.klingon"),
    "LC_ALL": ("C", "xx"),
    "PYTHONOPTIMIZE": ("1", "2"),
    "PYTHONPATH": ("{root}/mine", ":", "/nonexistent"),
    "PYTHONHASHSEED": ("0", "1"),
    "PYTHONWARNINGS": ("error", "rubbish"),
    "PYTHONDONTWRITEBYTECODE": ("1",),
    "PYTHONUNBUFFERED": ("1",),
    "PYTHONIOENCODING": ("ascii:strict", "utf-16"),
    "PYTHONDEVMODE": ("1",),
    "PYTHONUTF8": ("0", "1"),
    "PYTHONFAULTHANDLER": ("1",),
    "PYTHONINSPECT": (),
    "TZ": ("", "Mars/Base", ":/etc/passwd"),
    "TERM": ("", "xterm", "x" * 999),
    "COLUMNS": ("0", "-1", "abc", "1", "99999999"),
    "LINES": ("abc",),
    "NO_COLOR": ("1",),
    "FORCE_COLOR": ("1",),
    "USER": ("", "\udcff", "a/b"),
    "LOGNAME": ("x" * 999,),
    "SHELL": ("/nonexistent",),
    "PWD": ("/nonexistent",),
    "GIT_DIR": ("/nonexistent", "{root}"),
    "GIT_CONFIG_GLOBAL": ("{root}/mine/faces.yaml",),
    "TF_CPP_MIN_LOG_LEVEL": ("abc",),
    "OMP_NUM_THREADS": ("abc", "0"),
    "http_proxy": ("http://127.0.0.1:9", "rubbish"),
    "LUIGI_CONFIG_PARSER": ("toml", "rubbish"),
    "KERAS_HOME": ("/proc",),
    "KERAS_BACKEND": ("theano",),
    "MALLOC_ARENA_MAX": ("abc",),
    "SOURCE_DATE_EPOCH": ("0", "abc"),
}
COMMANDS = {"why": WHY, "luigi": LUIGI_FLOAT, "check": CHECK}
CONFIGS: Dict[str, bytes] = {
    "empty": b"",
    "no-section": b"store = x\n",
    "twice": b"[octet]\n[octet]\n",
    "unclosed": b"[octet\n",
    "nul": b"[octet]\nstore = a\0\n",
    "binary": bytes(range(256)),
    "percent": b"[octet]\nstore = %(x)s\n",
    "no-value": b"[octet]\nstore\n",
    "empty-store": b"[octet]\nstore =\n",
    "picture-store": b"[octet]\nstore = mine/photos/train/cat/0.png\n",
    "proc-store": b"[octet]\nstore = /proc/x\n",
    "long-store": b"[octet]\nstore = " + b"x" * 300 + b"\n",
    "longer-store": b"[octet]\nstore = " + b"x/" * 3000 + b"\n",
    "root-store": b"[octet]\nstore = luigi.cfg\n",
    "store-in-recipe": b"[octet]\nstore = mine/faces.yaml\n",
    "recipes-nowhere": b"[octet]\nrecipes = nowhere\n",
    "recipe-nowhere": b"[octet]\nrecipe = nowhere\n",
    "recipe-folder": b"[octet]\nrecipe = ./mine\n",
    "unknown": b"[octet]\nstoer = store\n",
    "ping": b"[octet]\nstore = store\n[worker]\nping_interval = abc\n",
    "workers": b"[octet]\nstore = store\n[core]\nworkers = abc\n",
    "no-workers": b"[octet]\nstore = store\n[core]\nworkers = 0\n",
    "worker-bool": b"[octet]\n[worker]\nkeep_alive = maybe\n",
    "timeout": b"[octet]\nstore = store\n[worker]\ntimeout = -1\n",
    "retries": b"[octet]\nstore = store\n[scheduler]\nretry_count = x\n",
    "log": b"[octet]\nstore = store\n[core]\nlog_level = LOUD\n",
    "logging": b"[octet]\nstore = store\n[core]\nlogging_conf_file = x\n",
    "rpc": b"[octet]\nstore = store\n[core]\nrpc_connect_timeout = soon\n",
    "scheduler-url": b"[octet]\nstore = store\n[core]\ndefault_scheduler_url = rubbish\n",
    "retcode": b"[octet]\nstore = store\n[retcode]\ntask_failed = abc\n",
    "email": b"[octet]\nstore = store\n[email]\nmethod = pigeon\n",
    "many": b"[octet]\nstore = store\n" + b"".join(b"[s%d]\na = 1\n" % n for n in range(20000)),
    "latin-1": b"[octet]\nstore = caf\xe9\n",
    "bom": b"\xef\xbb\xbf[octet]\nstore = store\n",
    "context": b"[octet]\nstore = store\n[worker]\ntask_process_context = os.abort\n",
}


def situations() -> Iterator[Situation]:
    for variable, values in VARIABLES.items():
        for number, value in enumerate(values):
            for verb, command in COMMANDS.items():
                yield Situation(
                    "{}/{}/{}".format(variable, number, verb),
                    command,
                    fresh=True,
                    env={variable: value},
                    prepare=_unmade,
                    touches=("home", "not there", "a b", "cwd/relative"),
                    new_keys=True,
                )
    for what, text in CONFIGS.items():
        for verb in ("why", "luigi"):
            yield Situation("config/{}/{}".format(what, verb), COMMANDS[verb], _config(text), fresh=True, new_keys=True)
    for what, prepare in FOLDERS.items():
        for verb, command in COMMANDS.items():
            yield Situation("folder/{}/{}".format(what, verb), command, prepare, new_keys=True)
    for where in ("tmp", "cwd", "home"):
        for what in ("nothing", "fifo", "link-to-nothing", "link-to-itself", "link-to-device"):
            if where != "cwd":
                yield Situation(
                    "{}/{}/luigi".format(where, what),
                    LUIGI_FLOAT,
                    _instead(where, what),
                    fresh=True,
                    touches=("home",),
                    new_keys=True,
                )
    yield Situation(
        "working-folder/removed/luigi", VERBS["luigi"], during=_remove_working_folder, fresh=True, touches=("cwd",)
    )


def _unmade(place: Place) -> None:
    remove(place, place.artifact("TrainFloat"))


def _config(text: bytes) -> Prepare:
    return lambda place: write(place, place.config, text)


def _instead(where: str, what: str) -> Prepare:
    return lambda place: THINGS[what](place, place.root / where)


def _in_working_folder(name: str, content: bytes) -> Prepare:
    return lambda place: write(place, place.cwd / name, content)


def _remove_working_folder(place: Place, pid: int) -> None:
    while os.readlink("/proc/{}/cwd".format(pid)) != str(place.cwd):  # it is not reaped before, and has ended then
        time.sleep(0.001)
    os.rmdir(str(place.at(place.cwd)))


FOLDERS: Dict[str, Callable[[Place], None]] = {
    "another-luigi.cfg": _in_working_folder("luigi.cfg", b"[octet]\nstore = elsewhere\n"),
    "malformed-luigi.cfg": _in_working_folder("luigi.cfg", b"[octet\n"),
    "malformed-client.cfg": _in_working_folder("client.cfg", b"\xff\xff"),
    "logging.cfg": _in_working_folder("logging.cfg", b"[loggers]\nkeys=x\n"),
    "pipeline.py": _in_working_folder("pipeline.py", b"raise SystemExit('wrong')\n"),
    "luigi.toml": _in_working_folder("luigi.toml", b"[octet\n"),
}
