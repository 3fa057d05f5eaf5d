"""Arrays out of an .npz file, with words for what can be wrong with it."""

import lzma
import os
import tokenize
import zipfile
import zlib
from typing import Dict, List, Sequence

import numpy as np

from octet import regular_file
from octet.data import memory
from octet.errors import DatasetError

BROKEN = (ValueError, EOFError, OSError, OverflowError, RuntimeError, SyntaxError, zipfile.BadZipFile, zlib.error,
          lzma.LZMAError, tokenize.TokenError)


def read(path: str, required: Sequence[str], optional: Sequence[str] = ()) -> Dict[str, np.ndarray]:
    """The arrays named, those of `optional` only if they are there; never unpickles.
    Raises DatasetError for a file that is missing or corrupt, or that lacks a required array."""
    try:
        with regular_file.opened(path) as file, _opened(file) as archive:
            missing = [name for name in required if name not in archive.files]
            if missing:
                raise DatasetError(
                    "no array named {}".format(" or ".join(map(repr, missing))), path,
                    "It has: {}.".format(", ".join(archive.files) or "nothing"),
                    "Save it with numpy.savez(path, {}).".format(
                        ", ".join(name + "=..." for name in required)))
            _expect_memory(archive, [*required, *optional], path)
            return {name: _array(archive, name) for name in (*required, *optional) if name in archive.files}
    except FileNotFoundError:
        raise DatasetError("no such file", path, "The dataset is read from it.",
                           "Check data.args.path in the recipe.") from None
    except MemoryError:
        raise DatasetError("no memory for its arrays", path,
                           "All of them are read at once, as large as their headers say, which may be damaged.",
                           "Write it anew with numpy.savez, smaller if need be.") from None
    except BROKEN as error:
        kind = regular_file.kind(path)
        if kind:
            raise DatasetError("it is {}, not a file".format(kind), path, "The dataset is one .npz file.",
                               "Check data.args.path in the recipe.") from None
        raise DatasetError("not a readable .npz file: {}".format(error), path,
                           "It is damaged, or holds Python objects.",
                           "Write it anew with numpy.savez.") from None


def names(path: str) -> List[str]:
    """The names of all arrays in the file, in its order. Raises DatasetError as `read` does."""
    found = read(path, ())  # says what is wrong with a file that is none
    with regular_file.opened(path) as file, _opened(file) as archive:
        return list(archive.files) if not found else []


def _expect_memory(archive: np.lib.npyio.NpzFile, wanted: Sequence[str], path: str) -> None:
    """Raises DatasetError where the arrays are larger, unpacked, than the memory that there is."""
    unpacked = {info.filename: info.file_size for info in archive.zip.infolist()}
    needed = sum(unpacked.get(name + ".npy", 0) for name in wanted)
    memory.expect(needed, "its arrays, {} in the file and more unpacked,".format(
        memory.size(os.path.getsize(path))), path,
        "Save fewer or smaller samples, uint8 rather than float, or use a machine with more memory.")


def _opened(file):
    if file.read(2) == b"PK":
        # Before numpy does: its reader, left half made, complains again when it is collected.
        zipfile.ZipFile(file).close()
    file.seek(0)
    archive = np.load(file, allow_pickle=False)
    if not isinstance(archive, np.lib.npyio.NpzFile):
        raise ValueError("it holds a single array")
    return archive


def _array(archive: np.lib.npyio.NpzFile, name: str) -> np.ndarray:
    found = archive[name]
    if not isinstance(found, np.ndarray):  # numpy gives the bytes of any other file
        raise ValueError("{} is no array in it".format(name))
    return found
