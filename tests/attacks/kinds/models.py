"""Model files that are hard for Python's parser, for the source closure, or for the process of a stage."""

from typing import Callable, Dict, Iterator

from tests.attacks.situation import CHECK, LUIGI_FLOAT, WHY, Situation
from tests.attacks.situation_folder import Place
from tests.attacks.substitutes import link, write

BUILD = "def build(input_shape, classes, width, sleep_s=0):\n"
FINE = "    return [[1], classes]\n"
BODIES: Dict[str, str] = {
    "fine": "",
    "zero": "1 / 0",
    "exit": "import sys; sys.exit()",
    "exit-text": "import sys; sys.exit('bye')",
    "exit-hard": "import os; os._exit(0)",
    "exit-hard-3": "import os; os._exit(3)",
    "abort": "import os; os.abort()",
    "killed": "import os; os.kill(os.getpid(), 9)",
    "segfault": "import os; os.kill(os.getpid(), 11)",
    "interrupt": "raise KeyboardInterrupt",
    "base-exception": "raise BaseException('odd')",
    "input": "input('?')",
    "breakpoint": "breakpoint()",
    "pdb": "import pdb; pdb.set_trace()",
    "recursion": "build(input_shape, classes, width)",
    "memory": "bytearray(1 << 60)",
    "memory-real": "kept = [bytearray(1 << 28) for n in range(100)]",
    "bad-alloc": "import os, sys; sys.stderr.write(\"terminate called after throwing 'std::bad_alloc'\"); os.abort()",
    "enomem": "import errno; raise OSError(errno.ENOMEM, 'Cannot allocate memory')",
    "enospc": "import errno; raise OSError(errno.ENOSPC, 'No space left on device')",
    "thread": "import threading, time; threading.Thread(target=time.sleep, args=(600,)).start()",
    "many-threads": "import threading as t, time; [t.Thread(target=time.sleep, args=(99,)).start() for n in range(50)]",
    "atexit": "import atexit, time; atexit.register(time.sleep, 600)",
    "fork-that-stays": "import os, time\n    if os.fork() == 0:\n        time.sleep(600)",
    "shell-that-stays": "import subprocess; subprocess.Popen('sleep 600; :', shell=True)",
    "signals-ignored": "import signal\n    for n in (1, 2, 15):\n        signal.signal(n, signal.SIG_IGN)",
    "alarm": "import signal; signal.alarm(1); import time; time.sleep(3)",
    "prints-much": "print('x' * 3000000)",
    "prints-binary": "import os; os.write(1, bytes(range(256)))",
    "prints-surrogate": "print('\\ud800')",
    "closes-output": "import os; os.close(1); os.close(2)",
    "closes-all": "import os; os.closerange(3, 200)",
    "rubbish-to-all": (
        "import os\n    for n in range(3, 30):\n        try:\n            os.write(n, b'rubbish\\n{}\\n[1]\\n')\n"
        "        except OSError:\n            pass"
    ),
    "stdout-none": "import sys; sys.stdout = sys.stderr = None",
    "chdir": "import os; os.chdir('/')",
    "umask": "import os; os.umask(0o777)",
    "environ": "import os; os.environ.clear()",
    "removes-scratch": "import shutil, tempfile; d = tempfile.gettempdir(); '.scratch.tmp' in d and shutil.rmtree(d)",
    "profile": "import sys; sys.setprofile(lambda *a: None); sys.settrace(lambda *a: None)",
    "recursion-limit": "import sys; sys.setrecursionlimit(60)",
    "no-modules": "import sys; sys.modules.clear()",
    "raises-odd": "class Odd(Exception):\n        def __str__(self):\n            raise ValueError\n    raise Odd()",
    "raises-surrogate": "raise ValueError('\\ud800\\0')",
    "raises-long": "raise ValueError('x' * 1000000)",
    "raises-lines": "raise ValueError('a\\nb\\n  c')",
    "raises-class": "raise ValueError",
    "returns-none": "return None",
    "returns-set": "return {1, 2}",
    "returns-nan": "return float('nan')",
    "returns-self": "a = []; a.append(a); return a",
    "returns-deep": "a = []\n    for n in range(5000):\n        a = [a]\n    return a",
    "returns-bytes": "return b'x'",
    "generator": "yield 1",
    "warns": "import warnings; warnings.warn('careful'); warnings.simplefilter('error')",
    "time-travel": "import time; time.time = lambda: -1e18; time.monotonic = lambda: 0.0",
    "json-patched": "import json; json.dumps = lambda *a, **k: 'rubbish'",
    "os-write-patched": "import os; os.write = None",
    "rlimit": "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))",
    "nofile": "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))",
}
ENDLESS: Dict[str, str] = {
    "loop": "while True: pass",
    "sleep": "import time; time.sleep(10 ** 6)",
    "pause": "import signal; signal.pause()",
    "lock": "import threading; a = threading.Lock(); a.acquire(); a.acquire()",
    "tty": "open('/dev/tty').read()",
    "getpass": "import getpass; getpass.getpass()",
    "fifo": "import os, tempfile; p = tempfile.mktemp(); os.mkfifo(p); open(p).read()",
    "regex": "import re; re.match('(a+)+$', 'a' * 60 + 'b')",
    "child": "import subprocess; subprocess.run(['sleep', '600'])",
    "power": "9 ** 9 ** 9",
    "sum": "sum(range(10 ** 15))",
}
FILES: Dict[str, bytes] = {
    "empty": b"",
    "syntax": b"def build(:\n",
    "indent": b"def build():\n\treturn 1\n        return 2\n",
    "nul": b"a = 1\0\n",
    "bom": b"\xef\xbb\xbf" + (BUILD + FINE).encode(),
    "utf-16": (BUILD + FINE).encode("utf-16"),
    "latin-1": b"# caf\xe9\n" + (BUILD + FINE).encode(),
    "coding": b"# coding: latin-1\n# caf\xe9\n" + (BUILD + FINE).encode(),
    "coding-unknown": b"# coding: klingon\n" + (BUILD + FINE).encode(),
    "crlf": (BUILD + FINE).replace("\n", "\r\n").encode(),
    "parentheses": ("X = " + "(" * 200 + "1" + ")" * 200 + "\n" + BUILD + FINE).encode(),
    "parentheses-90": ("X = " + "(" * 90 + "1" + ")" * 90 + "\n" + BUILD + FINE).encode(),
    "brackets": ("X = " + "[" * 5000 + "]" * 5000 + "\n").encode(),
    "elif": (
        "def f(x):\n    if x == 0:\n        pass\n"
        + "".join("    elif x == {}:\n        pass\n".format(n) for n in range(3000))
        + BUILD
        + FINE
    ).encode(),
    "sum": ("X = " + " + ".join(["1"] * 5000) + "\n" + BUILD + FINE).encode(),
    "strings": ("X = (" + " ".join(["'a'"] * 5000) + ")\n" + BUILD + FINE).encode(),
    "attributes": ("def f(a):\n    return a" + ".b" * 3000 + "\n" + BUILD + FINE).encode(),
    "blocks": "".join("{}if 1:\n".format(" " * n) for n in range(99)).encode() + b" " * 99 + b"pass\n",
    "lambdas": ("X = " + "lambda: " * 500 + "1\n" + BUILD + FINE).encode(),
    "many-names": ("".join("a{} = {}\n".format(n, n) for n in range(20000)) + BUILD + FINE).encode(),
    "long-line": ("X = '" + "x" * 3000000 + "'\n" + BUILD + FINE).encode(),
    "no-build": b"def make():\n    pass\n",
    "build-is-no-function": b"build = 7\n",
    "build-class": b"class build:\n    pass\n",
    "raises": b"raise ValueError('at import')\n",
    "exits": b"import sys\nsys.exit(3)\n",
    "imports-itself": ("from nets import net\n" + BUILD + FINE).encode(),
    "imports-nothing": ("import nowhere\n" + BUILD + FINE).encode(),
    "imports-relative": ("from . import nowhere\n" + BUILD + FINE).encode(),
    "imports-beyond": ("from .... import x\n" + BUILD + FINE).encode(),
    "imports-star": ("from nets.blocks import *\n" + BUILD + FINE).encode(),
    "imports-tasks": ("import tasks.nothing\n" + BUILD + FINE).encode(),
    "imports-pipeline": ("import pipeline.scheduling.stage\n" + BUILD + FINE).encode(),
    "imports-main": ("import __main__\n" + BUILD + FINE).encode(),
    "imports-antigravity": ("import this\n" + BUILD + FINE).encode(),
    "computed": ("m = __import__('nets.' + 'blocks')\n" + BUILD + FINE).encode(),
    "future": ("from __future__ import braces\n" + BUILD + FINE).encode(),
    "arguments": b"def build():\n    pass\n",
    "python-2": b"print 'hello'\n",
    "match": b"match x:\n    case 1: pass\n",
    "walrus": b"if (n := 1): pass\n",
    "notebook": b'{"cells": []}\n',
    "binary": bytes(range(256)),
    "control": b"\x0c" + (BUILD + FINE).encode(),
    "endless-import": ("while False:\n    pass\n" + BUILD + FINE).encode(),
}
SHADOWS = (
    "tasks",
    "octet",
    "models",
    "pipeline",
    "yaml",
    "json",
    "numpy",
    "luigi",
    "os",
    "threading",
    "PIL",
    "site",
    "sitecustomize",
    "usercustomize",
    "encodings",
    "typing",
)
COMMANDS = {"luigi": LUIGI_FLOAT, "check": CHECK, "why": WHY}


def situations() -> Iterator[Situation]:
    for what, body in BODIES.items():
        for verb in ("luigi", "check"):
            text = BUILD + ("    " + body + "\n" if body else "") + FINE
            yield Situation("body/{}/{}".format(what, verb), COMMANDS[verb], _model(text.encode()), new_keys=True)
    for what, body in ENDLESS.items():
        for verb in ("luigi", "check"):
            yield Situation(
                "endless/{}/{}".format(what, verb),
                COMMANDS[verb],
                _model((BUILD + "    " + body + "\n" + FINE).encode()),
                new_keys=True,
                waits=True,
                says="no report for",
            )
    for what, text in FILES.items():
        for verb in COMMANDS:
            yield Situation("file/{}/{}".format(what, verb), COMMANDS[verb], _model(text), new_keys=True)
    for name in SHADOWS:
        for verb in ("luigi", "why"):
            yield Situation("shadow/{}/{}".format(name, verb), COMMANDS[verb], _shadow(name), codes=(0,))
    yield Situation("file/link-to-model/luigi", LUIGI_FLOAT, _linked, codes=(0,))


def _model(text: bytes) -> Callable[[Place], None]:
    return lambda place: write(place, place.mine / "nets" / "net.py", text)


def _shadow(name: str) -> Callable[[Place], None]:
    """Modules with names of Octet's modules, beside the recipe and in the working folder. None of them may be
    imported."""

    def prepare(place: Place) -> None:
        for folder in (place.mine, place.cwd):
            write(place, folder / (name + ".py"), b"raise SystemExit('the wrong module')\n")

    return prepare


def _linked(place: Place) -> None:
    path = place.mine / "nets" / "net.py"
    write(place, place.mine / "elsewhere.py", path.read_bytes())
    link(place, path, "../elsewhere.py")
