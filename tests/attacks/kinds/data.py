"""Malformed data: pictures, folders of pictures, and archives of arrays."""

import io
import os
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Callable, Dict, Iterator

import numpy as np
from PIL import Image

from tests.attacks.situation import CHECK, LUIGI, LUIGI_FLOAT, WHY, Situation, spread
from tests.attacks.situation_folder import Place
from tests.attacks.substitutes import link, remove, write


def _picture(mode: str = "L", size=(4, 4), kind: str = "PNG", **how) -> bytes:
    out = io.BytesIO()
    Image.new(mode, size).save(out, kind, **how)
    return out.getvalue()


def _png(width: int, height: int, rows: bytes = b"") -> bytes:
    """A PNG whose header states this size, independently of its content."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


PICTURES: Dict[str, bytes] = {
    "empty": b"",
    "text": b"a picture\n",
    "signature": b"\x89PNG\r\n\x1a\n",
    "truncated": _picture()[:40],
    "cut": _picture()[:-12],
    "bomb": _png(60000, 60000),
    "wide": _png(2**31 - 1, 1),
    "no-rows": _png(4, 4),
    "no-size": _png(0, 0),
    "colour": _picture("RGB"),
    "alpha": _picture("RGBA"),
    "palette": _picture("P"),
    "16-bit": _picture("I"),
    "bilevel": _picture("1"),
    "gif": _picture("P", kind="GIF"),
    "bmp": _picture(kind="BMP"),
    "tiff": _picture(kind="TIFF"),
    "webp": _picture("RGB", kind="WEBP"),
    "larger": _picture(size=(40, 3)),
    "jpeg": _picture(kind="JPEG"),
    "jpeg-cut": _picture(kind="JPEG", size=(64, 64))[:200],
    "cmyk": _picture("CMYK", kind="JPEG"),
    "html": b"<html>404</html>",
    "lfs": b"version https://git-lfs.github.com/spec/v1\n",
    "svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    "zeros": bytes(100000),
    "gzip": zlib.compress(bytes(1000)),
}
NAMES = {
    "space": "a b.png",
    "newline": "a\nb.png",
    "not-utf-8": os.fsdecode(b"a\xffb.png"),
    "unicode": "ä💥.png",
    "long": "x" * 240 + ".png",
    "option": "--delete.png",
    "hidden": ".a.png",
    "upper": "A.PNG",
    "none": "png",
    "double": "a.png.png",
    "braces": "{0}{name}.png",
    "percent": "%s%n.png",
    "escape": "\x1b[2J.png",
    "tilde": "~.png",
    "text": "notes.txt",
    "thumbs": "Thumbs.db",
    "store": ".DS_Store",
}
FOLDERS: Dict[str, Callable[[Place], None]] = {
    "no-train": lambda place: remove(place, place.mine / "photos/train"),
    "no-test": lambda place: remove(place, place.mine / "photos/test"),
    "empty-class": lambda place: _emptied(place, place.mine / "photos/train/cat"),
    "empty-test-class": lambda place: _emptied(place, place.mine / "photos/test/cat"),
    "empty": lambda place: _emptied(place, place.mine / "photos"),
    "extra-class": lambda place: write(place, place.mine / "photos/train/emu/0.png", _picture()),
    "extra-test-class": lambda place: write(place, place.mine / "photos/test/emu/0.png", _picture()),
    "one-class": lambda place: [remove(place, place.mine / "photos" / part / "dog") for part in ("train", "test")],
    "one-picture": lambda place: [remove(place, place.mine / "photos/train/cat/{}.png".format(n)) for n in range(1, 5)],
    "deep": lambda place: write(place, place.mine / "photos/train/cat/deep/er/0.png", _picture()),
    "file-beside-classes": lambda place: write(place, place.mine / "photos/train/README", b"read me\n"),
    "class-of-spaces": lambda place: write(place, place.mine / "photos/train/   /0.png", _picture()),
    "class-not-utf-8": lambda place: write(
        place, place.mine / "photos/train" / os.fsdecode(b"\xff") / "0.png", _picture()
    ),
    "link-loop": lambda place: link(place, place.mine / "photos/train/cat/loop", "."),
    "link-out": lambda place: link(place, place.mine / "photos/train/cat/out", str(place.canary)),
    "part-is-a-link": lambda place: _moved(place, place.mine / "photos/train"),
    "data-is-a-link": lambda place: _moved(place, place.mine / "photos"),
    "many": lambda place: [
        write(place, place.mine / "photos/train/cat/m{}.png".format(n), _picture()) for n in range(1500)
    ],
}


def _arrays(**changes) -> Dict[str, np.ndarray]:
    random = np.random.RandomState(0)
    arrays = {
        "x_train": random.rand(20, 4, 4, 1),
        "y_train": np.arange(20) % 2,
        "x_test": random.rand(6, 4, 4, 1),
        "y_test": np.arange(6) % 2,
    }
    return {name: value for name, value in dict(arrays, **changes).items() if value is not None}


def _npz(**changes) -> bytes:
    out = io.BytesIO()
    np.savez_compressed(out, **_arrays(**changes))
    return out.getvalue()


def _zip(members: Dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


def _npy(header: str, content: bytes = b"") -> bytes:
    text = header.encode("latin-1")
    text += b" " * (63 - (10 + len(text)) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + content


def _with_member(header: str, content: bytes = b"") -> bytes:
    members = {}
    for name, value in _arrays().items():
        out = io.BytesIO()
        np.save(out, value)
        members[name + ".npy"] = out.getvalue()
    members["x_train.npy"] = _npy(header, content)
    return _zip(members)


ARCHIVES: Dict[str, Callable[[], bytes]] = {
    "fine": _npz,
    "empty": lambda: b"",
    "text": lambda: b"x,y\n",
    "truncated": lambda: _npz()[:300],
    "cut": lambda: _npz()[:-30],
    "no-members": lambda: _zip({}),
    "other-members": lambda: _zip({"a.txt": b"a"}),
    "up": lambda: _zip({"../../x_train.npy": b"a"}),
    "no-train": lambda: _npz(x_train=None),
    "no-labels": lambda: _npz(y_train=None),
    "objects": lambda: _npz(x_train=np.array([{}, []], dtype=object)),
    "texts": lambda: _npz(x_train=np.array(["a"] * 20)),
    "dates": lambda: _npz(x_train=np.array(["2020-01-01"] * 20, dtype="datetime64")),
    "complex": lambda: _npz(x_train=np.zeros((20, 4), np.complex64)),
    "structured": lambda: _npz(x_train=np.zeros(20, [("a", "i4")])),
    "bool": lambda: _npz(x_train=np.zeros((20, 4), bool)),
    "nan": lambda: _npz(x_train=np.full((20, 4, 4, 1), np.nan)),
    "inf": lambda: _npz(x_test=np.full((6, 4, 4, 1), np.inf)),
    "scalar": lambda: _npz(x_train=np.float32(1)),
    "no-samples": lambda: _npz(x_train=np.zeros((0, 4, 4, 1)), y_train=[]),
    "uneven": lambda: _npz(y_train=np.arange(7)),
    "test-of-other-shape": lambda: _npz(x_test=np.zeros((6, 5, 5, 1))),
    "labels-float": lambda: _npz(y_train=np.arange(20) / 2),
    "labels-negative": lambda: _npz(y_train=-np.arange(20)),
    "labels-large": lambda: _npz(y_train=np.arange(20) * 10**12),
    "labels-text": lambda: _npz(y_train=np.array(["a"] * 20)),
    "labels-2d": lambda: _npz(y_train=np.zeros((20, 3), int)),
    "ten-axes": lambda: _npz(x_train=np.zeros((20,) + (1,) * 10)),
    "extra": lambda: _npz(x_other=np.zeros(3)),
    "huge-shape": lambda: _with_member("{'descr': '<f8', 'fortran_order': False, 'shape': (20, 1000000, 1000000), }"),
    "bomb": lambda: _with_member(
        "{'descr': '|u1', 'fortran_order': False, 'shape': (20, 40000000), }", bytes(800000000)
    ),
    "negative-shape": lambda: _with_member("{'descr': '<f8', 'fortran_order': False, 'shape': (-1, 4), }"),
    "bad-header": lambda: _with_member("{'descr': "),
    "code-header": lambda: _with_member("__import__('os').abort()"),
    "bad-dtype": lambda: _with_member("{'descr': 'x99', 'fortran_order': False, 'shape': (2,), }"),
    "pickle": lambda: _with_member(
        "{'descr': '|O', 'fortran_order': False, 'shape': (2,), }", b"cos\nsystem\n(S'true'\ntR."
    ),
    "short": lambda: _with_member("{'descr': '<f8', 'fortran_order': False, 'shape': (20, 4), }", b"abc"),
    "deep-header": lambda: _with_member("(" * 500),
    "zip-in-zip": lambda: _zip({"x_train.npy": _npz()}),
    "encrypted": lambda: _npz().replace(b"PK\x03\x04\x14\x00\x00\x00", b"PK\x03\x04\x14\x00\x01\x00"),
    "wrong-crc": lambda: _npz().replace(_npz()[14:18], b"abcd"),
}
COMMANDS = {"luigi": LUIGI, "luigi-float": LUIGI_FLOAT, "check": CHECK, "why": WHY}
NPZ = 'data: {{dataset: npz, args: {{path: data.npz{}}}}}\nmodel: {{build: "nets.net:build", args: {{width: 8}}}}\n'


def situations() -> Iterator[Situation]:
    for what, content in PICTURES.items():
        for part in ("train", "test"):
            for verb in ("luigi", "check"):
                yield Situation(
                    "picture-in-{}/{}/{}".format(part, what, verb),
                    COMMANDS[verb],
                    new_keys=True,
                    prepare=_file("photos/{}/cat/0.png".format(part), content),
                )
    for what, name in NAMES.items():
        for verb in ("luigi", "why"):
            yield Situation(
                "name/{}/{}".format(what, verb),
                COMMANDS[verb],
                new_keys=True,
                prepare=_file("photos/train/cat/" + name, _picture()),
            )
    for what, prepare in FOLDERS.items():
        for verb in ("luigi", "check", "why"):
            yield Situation("folder/{}/{}".format(what, verb), COMMANDS[verb], prepare, new_keys=True)
    yield from spread(
        (
            Situation("npz/{}/{}".format(what, verb), COMMANDS[verb], new_keys=True, prepare=_archive(make))
            for verb in ("luigi-float", "check", "why")
            for what, make in ARCHIVES.items()
        ),
        100,
    )


def _file(name: str, content: bytes) -> Callable[[Place], None]:
    return lambda place: write(place, place.mine / name, content)


def _archive(make: Callable[[], bytes]) -> Callable[[Place], None]:
    def prepare(place: Place) -> None:
        write(place, place.mine / "data.npz", make())
        write(place, place.mine / "faces.yaml", NPZ.format(", classes: [a, b]").encode())

    return prepare


def _emptied(place: Place, folder: Path) -> None:
    remove(place, folder)
    folder.mkdir()


def _moved(place: Place, folder: Path) -> None:
    target = place.mine / "moved"
    os.rename(str(place.at(folder)), str(target))
    link(place, folder, str(target))
