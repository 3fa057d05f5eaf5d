"""Reads arrays from an .npz file or from a folder of .npy files. It never unpickles objects."""

import functools
import lzma
import operator
import os
import tokenize
import zipfile
import zlib
from typing import BinaryIO, Dict, List, Optional, Sequence

import numpy as np

from octet import regular_file
from octet.data import array_folder, memory_for_data, reading
from octet.errors import DatasetError
from octet.sizes import size

CHUNK_BYTES = 1 << 22
HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
BROKEN = (ValueError, EOFError, OSError, OverflowError, RuntimeError, SyntaxError, zipfile.BadZipFile, zlib.error,
          lzma.LZMAError, tokenize.TokenError)


def read(path: str, required: Sequence[str], optional: Sequence[str] = ()) -> Dict[str, np.ndarray]:
    """{name: array} of the named arrays. Arrays of `optional` may be missing. Raises DatasetError for a missing or
    damaged file, and for a missing required array."""
    if os.path.isdir(path):
        return _read_folder(path, required, optional)
    try:
        with regular_file.opened(path) as file, _opened(file) as archive:
            missing = [name for name in required if name not in archive.files]
            if missing:
                raise DatasetError(
                    "no array named {}".format(" or ".join(map(repr, missing))), path,
                    "It has: {}.".format(", ".join(archive.files) or "nothing"),
                    "Save it with numpy.savez(path, {}).".format(
                        ", ".join(name + "=..." for name in required)))
            if not reading.on_disk():
                _expect_memory(archive, [*required, *optional], path)
            return {name: _array(archive, name) for name in (*required, *optional) if name in archive.files}
    except FileNotFoundError:
        raise DatasetError("no such file", path, "The dataset is read from it.",
                           "Check data.args.path in the recipe.") from None
    except MemoryError:
        raise DatasetError("no memory for its arrays", path,
                           "All of them are read at once, with the sizes in their headers, which may be damaged.",
                           "Save them again with numpy.savez, with fewer or smaller samples if necessary.") from None
    except BROKEN as error:
        if path.endswith(array_folder.ENDING) and os.path.isfile(path):
            raise DatasetError("it is one array", path, "Inputs and targets are separate arrays.",
                               "Write the path of the folder with their .npy files.") from None
        kind = regular_file.kind(path)
        if kind:
            raise DatasetError("it is {}, not a file".format(kind), path, "The dataset is one .npz file.",
                               "Check data.args.path in the recipe.") from None
        raise DatasetError("not a readable .npz file: {}".format(error), path,
                           "It is damaged, or holds Python objects.",
                           "Save it again with numpy.savez.") from None


def names(path: str) -> List[str]:
    """The names of all arrays in the file, in the file's order. Raises DatasetError as `read` does."""
    if os.path.isdir(path):
        return array_folder.names(path)
    read(path, ())  # raises DatasetError for a damaged file
    with regular_file.opened(path) as file, _opened(file) as archive:
        return list(archive.files)


def _expect_memory(archive: np.lib.npyio.NpzFile, names: Sequence[str], path: str) -> None:
    """Raises DatasetError if the named arrays, unpacked, do not fit into memory."""
    unpacked = {info.filename: info.file_size for info in archive.zip.infolist()}
    needed = sum(unpacked.get(name + ".npy", 0) for name in names)
    memory_for_data.expect(needed, "its arrays, {} in the file and more unpacked,".format(
        size(os.path.getsize(path))), path,
        "Save fewer or smaller samples, uint8 rather than float, or use a machine with more memory.")


def _opened(file: BinaryIO) -> np.lib.npyio.NpzFile:
    if file.read(2) == b"PK":
        # Checked before numpy opens it: numpy's reader of a damaged file raises again when it is garbage-collected.
        zipfile.ZipFile(file).close()
    file.seek(0)
    archive = np.load(file, allow_pickle=False)
    if not isinstance(archive, np.lib.npyio.NpzFile):
        raise ValueError("it holds a single array")
    return archive


def _array(archive: np.lib.npyio.NpzFile, name: str) -> np.ndarray:
    streamed = _streamed(archive, name) if reading.on_disk() else None
    array = archive[name] if streamed is None else streamed
    if not isinstance(array, np.ndarray):  # for a member that is no array, numpy returns its bytes
        raise ValueError("its member {} is no array".format(name))
    return array


def _streamed(archive: np.lib.npyio.NpzFile, name: str) -> Optional[np.ndarray]:
    """The array, unpacked in pieces into its own file. None for an array that numpy must read or refuse: of
    objects, in Fortran order, empty, or with a size other than in its header."""
    info = archive.zip.getinfo(name + ".npy" if name + ".npy" in archive.zip.namelist() else name)
    with archive.zip.open(info) as member:
        if member.read(len(np.lib.format.MAGIC_PREFIX)) != np.lib.format.MAGIC_PREFIX:
            return None
    with archive.zip.open(info) as member:
        read_header = HEADERS.get(np.lib.format.read_magic(member))
        if read_header is None:
            return None
        shape, fortran, dtype = read_header(member)
        size = functools.reduce(operator.mul, shape, dtype.itemsize)
        if dtype.hasobject or fortran or not shape or not size or size != info.file_size - member.tell():
            return None
        made = reading.empty(shape, dtype, "its arrays, unpacked,", str(archive.zip.filename or name))
        content = made.reshape(-1).view(np.uint8)
        done = 0
        while done < size:
            piece = member.read(min(CHUNK_BYTES, size - done))
            if not piece:
                raise EOFError("{} ends after {} of {} bytes".format(name, done, size))
            content[done:done + len(piece)] = np.frombuffer(piece, np.uint8)
            done += len(piece)
        member.read(1)  # zipfile checks the checksum at the end
    return made


def _read_folder(path: str, required: Sequence[str], optional: Sequence[str]) -> Dict[str, np.ndarray]:
    there = array_folder.names(path)
    if not there:
        raise DatasetError("it is a folder without .npy files", path, "The dataset is one .npz file, or a folder of "
                           ".npy files, each named after its array: x_train.npy.",
                           "Check data.args.path in the recipe.")
    missing = [name + array_folder.ENDING for name in required if name not in there]
    if missing:
        raise DatasetError("there is no {}".format(" or ".join(missing)), path, "It has: {}.".format(
            ", ".join(name + array_folder.ENDING for name in there)),
            "Save it with numpy.save, or correct data.args.")
    files = {name: array_folder.file_of(path, name) for name in (*required, *optional) if name in there}
    if not reading.on_disk():
        memory_for_data.expect(sum(os.path.getsize(file) for file in files.values()), "its arrays", path,
                      "Save fewer or smaller samples, uint8 rather than float, or use a machine with more memory.")
    return {name: _single(file) for name, file in files.items()}


def _single(path: str) -> np.ndarray:
    """The array in an .npy file, copied into an array of `reading.empty`."""
    try:
        with regular_file.opened(path) as file:
            read_header = HEADERS.get(np.lib.format.read_magic(file))
            if read_header is None:
                raise ValueError("its format version is not supported")
            shape, fortran, dtype = read_header(file)
            size = functools.reduce(operator.mul, shape, dtype.itemsize)
            if os.fstat(file.fileno()).st_size != file.tell() + size:
                raise ValueError("its size differs from its header")
            if dtype.hasobject or fortran or not shape or not size:  # numpy must read or refuse it
                file.seek(0)
                return np.load(file, allow_pickle=False)
            made = reading.empty(shape, dtype, "its arrays", path)
            content, done = made.reshape(-1).view(np.uint8), 0
            for piece in iter(lambda: file.read(CHUNK_BYTES), b""):
                content[done:done + len(piece)] = np.frombuffer(piece, np.uint8)
                done += len(piece)
            return made
    except BROKEN as error:
        raise DatasetError("not a readable .npy file: {}".format(error), path,
                           "It is damaged, or holds Python objects.", "Save it again with numpy.save.") from None
