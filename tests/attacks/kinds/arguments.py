"""Unexpected words on the command line."""

import os
from typing import Iterator

from pipeline.cli import main
from tests.attacks.situation import REFUSED, Situation

WORDS = {
    "empty": "",
    "space": " ",
    "dot": ".",
    "up": "../../../../etc/passwd",
    "root": "/",
    "device": "/dev/zero",
    "null": "/dev/null",
    "stdin": "/dev/stdin",
    "dash": "-",
    "dashes": "--",
    "option": "--nonsense",
    "short": "-x",
    "help": "--help",
    "long": "x" * 5000,
    "long-path": "x/" * 3000,
    "newline": "a\nb",
    "escape": "\x1b[2J",
    "not-utf-8": os.fsdecode(b"\xff\xfe"),
    "emoji": "💥",
    "digits": "0",
    "hex": "42af",
    "hex-7": "0000000",
    "hex-64": "0" * 64,
    "stage": "Freeze",
    "stage-lower": "freeze",
    "folder": "{root}/mine",
    "store": "{root}/store",
    "picture": "{root}/mine/photos/train/cat/0.png",
    "recipe": "{recipe}",
    "name": "faces",
    "typo": "face.yaml",
    "percent": "%s%n",
    "glob": "*",
    "regex": "(a+)+$",
    "url": "http://127.0.0.1/",
    "home": "~/x",
    "equals": "a=b",
    "comma": "a,b",
    "file": "{file}",
    "key": "{freeze}",
}
ARITY = {"diff": 2, "force": 2, "accept": 2}
OPTIONS = {
    "gc": ("--runs", "--json", "--delete", "--dry-run"),
    "ls": ("--json", "--artifacts"),
    "why": ("--json", "--all"),
    "trace": ("--used-by", "--source", "--json", "--dot", "--mermaid"),
    "verify": ("--keep",),
    "pin": ("--reason",),
    "check": ("--json",),
    "diff": ("--json",),
    "layers": ("--json",),
    "force": ("--reason",),
}
LUIGI = {
    "stage": ("{word}",),
    "recipe": ("TrainFloat", "--recipe", "{word}", "--local-scheduler"),
    "snapshot": ("TrainFloat", "--recipe", "{recipe}", "--snapshot", "{word}", "--local-scheduler"),
    "workers": ("TrainFloat", "--recipe", "{recipe}", "--workers", "{word}", "--local-scheduler"),
    "log-level": ("TrainFloat", "--recipe", "{recipe}", "--log-level", "{word}", "--local-scheduler"),
    "extra": ("TrainFloat", "--recipe", "{recipe}", "--local-scheduler", "{word}"),
}
HARMLESS = ("verify", "gc")


def situations() -> Iterator[Situation]:
    for verb in main.verbs():
        yield Situation("{}/nothing".format(verb), ("octet", verb), new_keys=True)
        for name, word in WORDS.items():
            words = [word] * ARITY.get(verb, 1)
            if len(words) == 2 and verb != "diff":
                words[1] = "Freeze"
            yield Situation("{}/{}".format(verb, name), ("octet", verb) + tuple(words), new_keys=True)
        for option in OPTIONS.get(verb, ()):
            for name in ("empty", "up", "long", "not-utf-8", "digits", "emoji", "newline"):
                touches = ("0", "cwd", "") if option == "--source" else ()
                yield Situation(
                    "{}/{}/{}".format(verb, option, name),
                    ("octet", verb, option, WORDS[name]),
                    touches=touches,
                    new_keys=True,
                )
    for what, words in LUIGI.items():
        for name, word in WORDS.items():
            yield Situation(
                "luigi-{}/{}".format(what, name),
                ("luigi",) + tuple(word if part == "{word}" else part for part in words),
                new_keys=True,
            )
    for name, words in {
        "nothing": (),
        "unknown": ("nonsense",),
        "version": ("--version",),
        "help": ("--help",),
    }.items():
        yield Situation("octet/{}".format(name), ("octet",) + words, codes=None if name == "help" else REFUSED)
