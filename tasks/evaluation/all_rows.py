"""The answers, targets and extras of all measured samples, in files that are mapped into memory, for metrics that need
all of them at once."""

import tempfile
from typing import IO, Any, Dict, NamedTuple, Tuple

import numpy as np

from octet.errors import StoreError


class _Column(NamedTuple):
    file: IO[bytes]
    dtype: np.dtype
    shape: Tuple[int, ...]


class AllRows:
    """Arrays by name that grow by batches. Their bytes are in unnamed files of the system's temporary folder, which
    disappear with the process."""

    def __init__(self) -> None:
        self._columns: Dict[str, _Column] = {}
        self._rows: Dict[str, int] = {}

    def add(self, arrays: Dict[str, Any]) -> None:
        """Appends a batch, {name: [n, ...]}. Raises StoreError where the disk is full."""
        try:
            for name, each in arrays.items():
                array = np.ascontiguousarray(each)
                column = self._columns.get(name)
                if column is None:
                    column = self._columns[name] = _Column(tempfile.TemporaryFile(), array.dtype, array.shape[1:])
                    self._rows[name] = 0
                column.file.write(array.astype(column.dtype, copy=False).tobytes())
                self._rows[name] += len(array)
        except OSError as error:
            raise StoreError(
                "the rows for a metric cannot be written: {}".format(error.strerror or error), tempfile.gettempdir(),
                "A metric with compute() reads all rows at once, so they are kept in files while it is measured.",
                "Free some disk, set TMPDIR to another one, or give the metric update() and result().") from None

    def mapped(self) -> Dict[str, np.ndarray]:
        """{name: all rows, [N, ...]}, read-only np.memmap; a plain array where there is no value to map."""
        found: Dict[str, np.ndarray] = {}
        for name, (file, dtype, shape) in self._columns.items():
            file.flush()
            whole = (self._rows[name],) + shape
            found[name] = np.memmap(file, dtype, "r", shape=whole) if np.prod(whole) else np.empty(whole, dtype)
        return found
