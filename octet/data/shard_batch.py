"""One array that is being laid out in shards (octet/data/shards.py), with the rows and shards that earlier artifacts
have."""

import hashlib
import os
from bisect import bisect_left, bisect_right
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Dict, FrozenSet, List, NamedTuple, Optional, Sequence, Set, Tuple, Union

import numpy as np

from octet import digest
from octet.data import packed_bytes, reading, shard_index, shards
from octet.data.packed_bytes import PackedBytes
from octet.data.shard_index import Rows
from octet.data.shard_writer import RowForm, ShardWriter
from octet.data.shards import Sharded

MOST_IN_VAIN = 9
"""Artifacts in a row that have nothing of what is sought, after which no more are looked through: three runs of three
parts. For a file that is new, all of them would be read each time."""


class _Known(NamedTuple):
    """A row of an earlier artifact. row: which of `rows` it is."""

    folder: str
    rows: Rows
    row: int

    @property
    def shard(self) -> Tuple[str, str]:
        """(the artifact's folder, the shard's name)."""
        return self.folder, self.rows.shard


ShardRows = Union[np.ndarray, PackedBytes]
"""The rows of a shard as it keeps them: decoded, [n, *shape], or encoded."""


class _Shard:
    """One shard of a batch. taken: the shard of an earlier artifact that it is; None for one that is written. name: its
    name, as soon as it is known."""

    def __init__(self, sources: List[str], array: ShardRows, taken: Optional[Rows] = None) -> None:
        self.sources, self.array, self.taken = sources, array, taken
        self.row_sha256 = bytearray(taken.row_sha256 if taken else shard_index.BYTES * len(sources))
        self.name = taken.shard if taken else ""

    @property
    def hashes(self) -> np.ndarray:
        """The sha256 of each row, [n, 32] uint8."""
        return np.frombuffer(bytes(self.row_sha256), np.uint8).reshape(-1, shard_index.BYTES)

    def say_row(self, row: int, sha256: bytes) -> None:
        """The sha256 of a row's bytes."""
        self.row_sha256[shard_index.BYTES * row:shard_index.BYTES * (row + 1)] = sha256


class Batch:
    """An array that is being laid out in shards. `missing`: the sources of the rows that are to be decoded; `put` takes
    them from any thread. Then `finished` gives the array. words: {source: what was noticed of it}."""

    def __init__(self, writer: ShardWriter, sources: Sequence[str], sizes: Sequence[int], form: RowForm, what: str,
                 where: str) -> None:
        """An array [N, *shape] to be filled, a row for each different source.

        sources: N sha256 of what the rows are decoded from. sizes: the bytes of the file of each. what: the samples in
        words; where: their folder. Raises StoreError where the disk has too little space."""
        self.words: Dict[str, FrozenSet[str]] = {}
        self._writer, self._form, self._decoder = writer, form, writer.decoder_of(form)
        self._size = dict(zip(sources, sizes))
        ordered = sorted(self._size)
        groups = shards.layout(ordered, [self._kept_bytes(source) for source in ordered])
        known, whole = self._found_in_earlier(groups)
        lent = writer.lend(dict.fromkeys([one.shard for one in whole.values()] + [
            known[source].shard for place, group in enumerate(groups) if place not in whole
            for source in group if source in known]))
        whole = {place: one for place, one in whole.items() if one.shard in lent}
        new = [source for place, group in enumerate(groups) if place not in whole for source in group]
        there = len(ordered) - sum(source not in known or known[source].shard not in lent for source in new)
        self._expect_disk(ordered, new, there, what, where)
        self._shards = [
            _Shard(group, self._opened(lent[whole[place].shard]), whole[place].rows) if place in whole else
            _Shard(group, self._allocated(group, what, where)) for place, group in enumerate(groups)]
        self._firsts = [group[0] for group in groups]
        self.missing = self._filled_from_earlier(known, lent)
        self._take(lent)

    def _kept_bytes(self, source: str) -> int:
        """How much of a shard the row of a source takes."""
        return self._size[source] + packed_bytes.START_BYTES if self._writer.encoded else self._form.row_bytes

    def _expect_disk(self, ordered: Sequence[str], new: Sequence[str], there: int, what: str, where: str) -> None:
        """Reports how much disk the new rows need. there: how many rows earlier artifacts have."""
        def both(rows: Sequence[str]) -> Tuple[int, int]:
            """The bytes of the rows as they are kept, and if they were kept the other way."""
            ways = len(rows) * self._form.row_bytes, sum(self._size[source] for source in rows)
            return (ways[1], ways[0]) if self._writer.encoded else ways

        kept, other = both(ordered)
        self._writer.kept_bytes += kept
        self._writer.other_bytes += other
        needed, otherwise = both(new)
        reading.expect_disk(needed, otherwise, self._writer.encoded, what, where,
                            "{} were decoded before".format(there) if there else "")

    def _opened(self, path: str) -> ShardRows:
        """The rows of a shard that is there, mapped."""
        array = shards.mapped(Path(path))
        return PackedBytes(array) if self._writer.encoded else array

    def _allocated(self, sources: Sequence[str], what: str, where: str) -> ShardRows:
        """A new shard for the rows of these sources, to be filled."""
        if not self._writer.encoded:
            new: np.ndarray = reading.empty((len(sources), *self._form.shape), self._form.dtype, what, where)
            return new
        return packed_bytes.allocated([self._size[source] for source in sources],
                                      lambda count: reading.empty((count,), np.uint8, what, where))

    def _found_in_earlier(self, groups: List[List[str]]) -> Tuple[Dict[str, _Known], Dict[int, _Known]]:
        """({source: where its row is}, {place of a group: the shard that holds it and nothing else}). The first need
        not have the sources of the second."""
        place_of = {sources[0]: place for place, sources in enumerate(groups)}
        unknown = {source for sources in groups for source in sources}
        known: Dict[str, _Known] = {}
        whole: Dict[int, _Known] = {}
        in_vain = 0
        for folder in self._writer.earlier:
            if not unknown or in_vain == MOST_IN_VAIN:
                break
            still_unknown = len(unknown)
            for rows in shard_index.of_artifact(folder, self._decoder):
                place = place_of.get(rows.sources[0]) if rows.sources else None
                if place is not None and groups[place] == rows.sources:
                    whole.setdefault(place, _Known(folder, rows._replace(sources=groups[place]), 0))
                    unknown.difference_update(rows.sources)
                    continue
                for row, source in enumerate(rows.sources):
                    if source in unknown:
                        unknown.discard(source)
                        known[source] = _Known(folder, rows, row)
            in_vain = in_vain + 1 if len(unknown) == still_unknown else 0
        return known, whole

    def _take(self, lent: Dict[Tuple[str, str], str]) -> None:
        """Moves the shards that are taken as they are into their place, and removes the others of `lent`."""
        taken = {one.name for one in self._shards if one.taken}
        for (_, name), path in lent.items():
            if name in taken:
                os.replace(path, str(self._writer.place_for(name)))
            else:
                os.remove(path)
        for one in self._shards:
            if one.taken is not None:
                self.words.update(one.taken.words)
                self._writer.figures["shards_reused"] += 1
                self._writer.figures["reused"] += len(one.sources)

    def _filled_from_earlier(self, known: Dict[str, _Known], lent: Dict[Tuple[str, str], str]) -> List[str]:
        """Copies rows of earlier artifacts into the shards that are written. Returns the sources of the others."""
        missing: List[str] = []
        for shard in self._shards:
            of_earlier: Dict[Tuple[str, str], Tuple[List[int], List[int]]] = {}
            for row, source in enumerate(() if shard.taken else shard.sources):
                one = known.get(source)
                if one is None or one.shard not in lent:
                    missing.append(source)
                    continue
                here, there = of_earlier.setdefault(one.shard, ([], []))
                here.append(row)
                there.append(one.row)
                shard.say_row(row, one.rows.row_sha256[shard_index.BYTES * one.row:shard_index.BYTES * (one.row + 1)])
                if source in one.rows.words:
                    self.words[source] = one.rows.words[source]
            for place, (here, there) in of_earlier.items():
                array = self._opened(lent[place])
                for start in range(0, len(here), reading.ROWS):
                    shard.array[here[start:start + reading.ROWS]] = array[there[start:start + reading.ROWS]]
                self._writer.figures["reused"] += len(here)
        return missing

    def _found(self, source: str) -> Tuple[int, int]:
        """(the place of its shard, its row there)."""
        shard = bisect_right(self._firsts, source) - 1
        return shard, bisect_left(self._shards[shard].sources, source)

    def put(self, source: str, row: np.ndarray, words: Set[str], content: bytes) -> None:
        """The row of a missing source. words: what was noticed as it was decoded. content: what it was decoded from."""
        shard, place = self._found(source)
        one = self._shards[shard]
        one.array[place] = content if self._writer.encoded else row
        one.say_row(place, hashlib.sha256(np.ascontiguousarray(row, self._form.dtype)).digest())
        if words:
            self.words[source] = frozenset(words)

    def finished(self, sources: Sequence[str]) -> Sharded:
        """The array, with a row for each of these sources, in order. A missing source that is not among them, since it
        could not be decoded, is in no shard."""
        done = set(sources)
        for one in self._shards:
            if not one.taken and not done.issuperset(one.sources):
                self._keep(one, [row for row, source in enumerate(one.sources) if source in done])
        self._shards = [one for one in self._shards if one.sources]
        self._firsts = [one.sources[0] for one in self._shards]
        written = [one for one in self._shards if not one.taken]
        with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
            sizes = list(pool.map(self._write, written))
        figures = self._writer.figures
        figures["shards_written"] += len(written)
        figures["bytes_written"] += sum(sizes)
        figures["decoded"] += len(done.intersection(self.missing))
        rows = np.array([self._found(source) for source in sources], np.int32).reshape(-1, 2)
        array = self._array(rows)
        array.publish = self._publish
        return array

    def _array(self, rows: np.ndarray) -> Sharded:
        """The array of these rows, [N, 2] int32 as in shards/input_0.npy."""
        arrays = [one.array for one in self._shards]
        if not self._writer.encoded:
            return Sharded(arrays, rows, self._form.shape, self._form.dtype)
        from octet.data.encoded_rows import EncodedRows

        hashes = self._row_sha256(rows).view(np.int32)
        return EncodedRows(arrays, np.concatenate([rows, hashes], 1), self._form.shape, self._form.dtype,
                           self._form.decoding, [self._writer.place_for(one.name) for one in self._shards])

    def _row_sha256(self, rows: np.ndarray) -> np.ndarray:
        """The sha256 of each of these rows, [N, 32] uint8."""
        return np.asarray(Sharded([one.hashes for one in self._shards], rows[:, :2], (shard_index.BYTES,), np.uint8))

    def _keep(self, one: _Shard, rows: List[int]) -> None:
        """Only these rows stay in a shard that is written."""
        before, hashes = one.array, one.hashes
        one.sources = [one.sources[row] for row in rows]
        if isinstance(before, PackedBytes):
            one.array = self._allocated(one.sources, "", "")
            one.array[range(len(rows))] = before[rows]
        else:
            one.array = reading.taken(before, rows)
        one.row_sha256 = bytearray(hashes[rows].tobytes())

    def _write(self, one: _Shard) -> int:
        """Gives a new shard its name, which is the sha256 of its file. Returns the size of the file in bytes."""
        array = one.array.array if isinstance(one.array, PackedBytes) else one.array
        file = reading.file_of(array)
        assert file is not None, "a shard is allocated by reading.empty"
        array.flush()
        one.name = digest.of_file(file)
        path = self._writer.place_for(one.name)
        os.replace(file, str(path))
        one.array = self._opened(str(path))
        return path.stat().st_size

    def _publish(self, folder: Path, name: str, array: Sharded) -> None:
        """Writes what the array is, its order, and what its rows were decoded from, beside its shards."""
        shards.publish(folder, name, array, [one.name for one in self._shards], self._row_sha256(array.rows),
                       self._form.decoding if self._writer.encoded else None)
        shard_index.write(folder / shards.FOLDER / (name + shard_index.ENDING), self._decoder, [
            Rows(one.name, one.sources, bytes(one.row_sha256), self.words) for one in self._shards])
