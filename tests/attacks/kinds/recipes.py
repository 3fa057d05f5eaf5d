"""Hostile recipes, and recipes with typical mistakes."""

import copy
from typing import Any, Callable, Dict, Iterator

from tests.attacks.situation import CHECK, LUIGI, WHY, Situation, spread
from tests.attacks.situation_folder import Place
from tests.attacks.substitutes import write

VALUES = {
    "null": "null",
    "true": "true",
    "number": "7",
    "zero": "0",
    "negative": "-1",
    "float": "0.5",
    "huge": "1e400",
    "big": "99999999999999999999999",
    "nan": ".nan",
    "infinity": "-.inf",
    "text": "x",
    "empty": "''",
    "list": "[]",
    "list-of-lists": "[[[[1]]]]",
    "mapping": "{}",
    "mapping-of-null": "{a: null}",
    "date": "2020-01-01",
    "octal": "0o17",
    "sexagesimal": "1:30",
    "binary": "!!binary aGFsbG8=",
    "bool-tag": "!!bool maybe",
    "int-tag": "!!int ''",
    "set": "!!set {a, b}",
    "python": "!!python/object/apply:os.system ['true']",
    "nul": '"a\\0b"',
    "surrogate": '"\\ud800"',
    "up": "../../../../etc/passwd",
    "device": "/dev/zero",
    "tilde": "~/x",
    "long": "x" * 5000,
    "newline": '"a\\nb"',
    "escape": '"\\e[2J"',
    "emoji": "💥",
    "alias": "*nowhere",
    "merge": "{<<: 7}",
    "key-list": "{? [1, 2] : 3}",
    "number-key": "{1: 2}",
    "percent": "%s%n{0}{name}",
}
KEYS = (
    "seed",
    "data",
    "data.dataset",
    "data.args",
    "data.args.path",
    "data.args.size",
    "data.args.channels",
    "data.args.validation",
    "model",
    "model.build",
    "model.args",
    "model.args.width",
    "model.weights",
    "model.approximate",
    "train",
    "train.epochs",
    "train.batch_size",
    "train.optimizer",
    "train.learning_rate",
    "train.schedule",
    "train.loss_weights",
    "quantize",
    "quantize.epochs",
    "quantize.batch_norm",
    "quantize.delay",
    "quantize.default_ranges",
    "quantize.freeze_ranges_after",
    "convert",
    "validate",
    "validate.max_accuracy_drop",
    "validate.max_wrong_operators",
    "extends",
    "unheard_of",
    "train.unheard_of",
)
BASE = {
    "seed": "1",
    "data": {
        "dataset": "image_folder",
        "args": {"path": "photos", "size": "[4, 4]", "channels": "1", "validation": "0.2"},
    },
    "model": {"build": '"nets.net:build"', "args": {"width": "8"}},
    "train": {"epochs": "1"},
    "quantize": {"epochs": "1"},
    "validate": {"max_accuracy_drop": "0.95"},
}  # type: Dict[str, Any]


def _text(key: str = "", value: str = "") -> str:
    """The recipe as YAML, with another value for one key."""
    recipe = copy.deepcopy(BASE)
    *around, last = key.split(".")
    section = recipe
    for name in around:
        section = section.setdefault(name, {})
    if last:
        section[last] = value
    return "".join("{}: {}\n".format(name, _flow(said)) for name, said in recipe.items())


def _flow(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "{{{}}}".format(", ".join("{}: {}".format(name, _flow(said)) for name, said in value.items()))


WHOLE = _text()
TEXTS: Dict[str, bytes] = {
    "empty": b"",
    "spaces": b"   \n\n",
    "comment": b"# nothing\n",
    "scalar": b"faces\n",
    "list": b"- 1\n- 2\n",
    "number": b"7\n",
    "null": b"null\n",
    "two-documents": WHOLE.encode() + b"---\n" + WHOLE.encode(),
    "tabs": b"data:\n\tdataset: mnist\n",
    "bom": b"\xef\xbb\xbf" + WHOLE.encode(),
    "utf-16": WHOLE.encode("utf-16"),
    "latin-1": b"data: {dataset: caf\xe9}\n",
    "nul": b"data: {dataset: a\0b}\n",
    "bell": b"data: {dataset: a\x07b}\n",
    "unclosed": b"data: {dataset: mnist\n",
    "unclosed-quote": b"data: {dataset: 'mnist}\n",
    "doubled-key": WHOLE.encode() + b"seed: 2\n",
    "deep-list": b"data: " + b"[" * 5000 + b"]" * 5000,
    "deep-mapping": b"data: " + b"{a: " * 5000 + b"1" + b"}" * 5000,
    "deep-unclosed": b"data: " + b"[" * 100000,
    "deep-indent": b"".join(b" " * depth + b"a:\n" for depth in range(2000)),
    "alias-bomb": b"a: &a [x, x, x, x, x, x, x, x, x]\n"
    + b"".join(
        "{}: &{} [{}]\n".format(chr(98 + n), chr(98 + n), ", ".join(["*" + chr(97 + n)] * 9)).encode() for n in range(9)
    ),
    "merge-bomb": b"a: &a {k: 1}\n"
    + b"".join(
        "{}: &{} {{<<: [{}]}}\n".format(chr(98 + n), chr(98 + n), ", ".join(["*" + chr(97 + n)] * 9)).encode()
        for n in range(9)
    ),
    "alias-loop": b"data: &a\n  args: *a\n",
    "alias-loop-list": b"data: &a [*a]\n",
    "merge-loop": b"data: &a\n  <<: *a\n",
    "long-line": b"data: {dataset: " + b"x" * 3000000 + b"}\n",
    "many-keys": b"".join("k{}: 1\n".format(n).encode() for n in range(50000)),
    "many-errors": b"".join("train{}: {{epochs: -1}}\n".format(n).encode() for n in range(300)),
    "directive": b"%YAML 9.9\n---\n" + WHOLE.encode(),
    "tag-directive": b"%TAG ! tag:x,2000:\n---\ndata: !foo {}\n",
    "anchor-only": b"data: &x\n",
    "complex-key": b"? {a: 1}\n: {b: 2}\n",
    "crlf": WHOLE.replace("\n", "\r\n").encode(),
    "cr": WHOLE.replace("\n", "\r").encode(),
    "line-separator": WHOLE.replace("\n", "\u2028").encode("utf-8"),
    "extends-itself": b"extends: faces.yaml\n",
    "extends-number": b"extends: 7\n",
    "extends-folder": b"extends: nets\n",
    "extends-device": b"extends: /dev/zero\n",
    "extends-null": b"extends: null\n",
    "extends-list": b"extends: [a, b]\n",
    "extends-random": b"extends: /dev/urandom\n",
    "extends-stdin": b"extends: /dev/stdin\n",
    "extends-picture": b"extends: photos/train/cat/0.png\n",
    "extends-up": b"extends: ../../../../../../etc/passwd\n",
    "extends-nowhere": b"extends: nowhere.yaml\n",
    "extends-empty": b"extends: ''\n",
    "extends-nul": b'extends: "a\\0b"\n',
    "extends-proc": b"extends: /proc/self/environ\n",
    "extends-mem": b"extends: /proc/self/mem\n",
    "extends-tty": b"extends: /dev/tty\n",
    "extends-kmsg": b"extends: /dev/full\n",
}
COMMANDS = {"why": WHY, "check": CHECK, "luigi": LUIGI, "ls": ("octet", "ls", "{recipe}")}


def situations() -> Iterator[Situation]:
    rows = [
        Situation(
            "{}={}/{}".format(key, value, verb),
            COMMANDS[verb],
            _prepare(_text(key, VALUES[value]).encode()),
            new_keys=True,
        )
        for key in KEYS
        for verb in ("why", "luigi", "check")
        for value in VALUES
    ]
    yield from spread(rows, 520)
    for what, text in TEXTS.items():
        for verb in ("why", "luigi"):
            yield Situation("text/{}/{}".format(what, verb), COMMANDS[verb], _prepare(text), new_keys=True)
    for count in (50, 400, 2000):
        yield Situation("extends/{}-in-a-row/why".format(count), WHY, _chain(count), new_keys=True)
    yield Situation("extends/in-a-ring/why", WHY, _ring, new_keys=True, codes=(3,))


def _prepare(text: bytes) -> Callable[[Place], None]:
    return lambda place: write(place, place.mine / "faces.yaml", text)


def _chain(count: int) -> Callable[[Place], None]:
    def prepare(place: Place) -> None:
        for number in range(count):
            write(place, place.mine / "c{}.yaml".format(number), "extends: c{}.yaml\n".format(number + 1).encode())
        write(place, place.mine / "c{}.yaml".format(count), WHOLE.encode())
        write(place, place.mine / "faces.yaml", b"extends: c0.yaml\n")

    return prepare


def _ring(place: Place) -> None:
    write(place, place.mine / "faces.yaml", b"extends: a.yaml\n")
    write(place, place.mine / "a.yaml", b"extends: faces.yaml\n")
