"""One array that is being stored in shards (octet/data/shards.py), with rows and shards of earlier artifacts. The
number of a source is its index among the distinct sources of the array, in sorted order."""

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Dict, FrozenSet, List, NamedTuple, Optional, Set, Tuple, Union

import numpy as np

from octet import digest, processors
from octet.data import packed_bytes, reading, shard_index, shards
from octet.data.packed_bytes import PackedBytes
from octet.data.shard_index import Rows
from octet.data.shard_writer import RowForm, ShardWriter
from octet.data.shards import Sharded

MOST_WITHOUT = 9
"""The search ends after this many consecutive artifacts without a wanted row (those of three runs, with three parts
each). Otherwise, a new file would cause all artifacts to be read each time."""


class _Known(NamedTuple):
    """A row of an earlier artifact. row: its index in `rows`."""

    folder: str
    rows: Rows
    row: int

    @property
    def shard(self) -> Tuple[str, str]:
        """(the artifact's folder, the shard's name)."""
        return self.folder, self.rows.shard


ShardRows = Union[np.ndarray, PackedBytes]
"""The rows of a shard as they are stored: decoded, [n, *shape], or encoded."""


class _Shard:
    """One shard of a batch. numbers: of the sources of its rows, in order. reused: the shard of an earlier artifact, if
    it is used unchanged; None for a shard that is written. name: '' until it is known. row_sha256: of each row,
    [n, 32]."""

    def __init__(self, numbers: np.ndarray, array: ShardRows, row_sha256: np.ndarray,
                 reused: Optional[Rows] = None) -> None:
        self.numbers, self.array, self.row_sha256, self.reused = numbers, array, row_sha256, reused
        self.name = reused.shard if reused else ""


def _distinct(sources: np.ndarray) -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(the distinct sources, sorted; for each of them, its first index in `sources`; for each of `sources`, its
    number). np.unique gives the same, but takes 300 bytes of memory for each source."""
    order = np.argsort(sources, kind="stable").astype(np.int32)
    ordered = reading.per_sample(len(sources), sources.dtype)
    for start in range(0, len(order), shards.ROWS):
        ordered[start:start + shards.ROWS] = sources[order[start:start + shards.ROWS]]
    is_new = np.ones(len(order), bool)
    is_new[1:] = ordered[1:] != ordered[:-1]
    number_of = np.empty(len(order), np.int32)
    number_of[order] = np.cumsum(is_new, dtype=np.int32) - 1
    return ordered if is_new.all() else ordered[is_new], order[is_new], number_of


class Batch:
    """An array that is being stored in shards. Each missing row must be given to `put`, from any thread. Then
    `finished` returns the array.

    source_of: [N], the number of the source of each row. first_place: for each source, its first row. missing: for each
    source, whether its row must be decoded. words: {number of a source: what was noticed about it}."""

    def __init__(self, writer: ShardWriter, sources: np.ndarray, sizes: np.ndarray, form: RowForm, what: str,
                 where: str) -> None:
        """An array [N, *shape] to be filled, with one row for each distinct source.

        sources: [N] S64, the sha256 from which each row follows. sizes: [N], the size of each file in bytes. what: the
        samples in words; where: their folder. Raises StoreError if the disk is too small."""
        self._writer, self._form, self._decoder = writer, form, writer.decoder_of(form)
        self._sources, self.first_place, self.source_of = _distinct(sources)
        self._sizes = sizes[self.first_place]
        self.words: Dict[int, FrozenSet[str]] = {}
        groups = shards.layout(self._sources, self._sizes + packed_bytes.START_BYTES if writer.encoded
                               else np.full(len(self._sources), form.row_bytes))
        known, whole = self._search_earlier(groups)
        lent = writer.lend(dict.fromkeys([one.shard for one in whole.values()] + [
            one.shard for one in known.values()]))
        whole = {place: one for place, one in whole.items() if one.shard in lent}
        known = {number: one for number, one in known.items() if one.shard in lent}
        new = np.ones(len(self._sources), bool)
        for place in whole:
            new[slice(*groups[place])] = False
        self.missing = new.copy()
        self.missing[list(known)] = False
        self._expect_disk(new, int((~self.missing).sum()), what, where)
        row_sha256 = reading.per_sample(len(self._sources), np.uint8, (shard_index.BYTES,))
        self._shards = []
        for place, group in enumerate(groups):
            numbers, same = np.arange(*group, dtype=np.int32), whole.get(place)
            if same is not None:
                row_sha256[slice(*group)] = same.rows.row_sha256
            array = self._allocated(numbers, what, where) if same is None else self._opened(lent[same.shard])
            self._shards.append(_Shard(numbers, array, row_sha256[slice(*group)], same.rows if same else None))
        self._starts = np.array([first for first, _ in groups])
        self._fill_from_earlier(known, lent)
        self._move_reused(lent)

    def _expect_disk(self, new: np.ndarray, reused: int, what: str, where: str) -> None:
        """Reports the disk space for the new rows. new: for each source, whether its row is written. reused: the number
        of sources whose rows earlier artifacts have."""
        kept, other = self._bytes(np.ones(len(new), bool))
        self._writer.kept_bytes += kept
        self._writer.other_bytes += other
        needed, otherwise = self._bytes(new)
        reading.expect_disk(needed, otherwise, self._writer.encoded, what, where,
                            "{} were decoded before".format(reused) if reused else "")

    def _bytes(self, which: np.ndarray) -> Tuple[int, int]:
        """(the bytes of the rows of these sources as they are kept; their bytes if they were kept the other way)."""
        decoded, encoded = int(which.sum()) * self._form.row_bytes, int(self._sizes[which].sum())
        return (encoded, decoded) if self._writer.encoded else (decoded, encoded)

    def _opened(self, path: str) -> ShardRows:
        """The rows of an existing shard, mapped."""
        array = shards.mapped(Path(path))
        return PackedBytes(array) if self._writer.encoded else array

    def _allocated(self, numbers: np.ndarray, what: str, where: str) -> ShardRows:
        """A new shard for the rows of these sources, to be filled."""
        if not self._writer.encoded:
            new: np.ndarray = reading.empty((len(numbers), *self._form.shape), self._form.dtype, what, where)
            return new
        return packed_bytes.allocated(self._sizes[numbers].tolist(),
                                      lambda count: reading.empty((count,), np.uint8, what, where))

    def _search_earlier(self, groups: List[Tuple[int, int]]) -> Tuple[Dict[int, _Known], Dict[int, _Known]]:
        """({number of a source: its row in an earlier artifact}, {index of a group: a shard with exactly its rows}).
        Sources of the groups in the second are not in the first."""
        place_of = {first: place for place, (first, _) in enumerate(groups)}
        unknown = np.ones(len(self._sources), bool)
        known: Dict[int, _Known] = {}
        whole: Dict[int, _Known] = {}
        without = 0
        for folder in self._writer.earlier:
            if not unknown.any() or without == MOST_WITHOUT:
                break
            still_unknown = int(unknown.sum())
            for rows in shard_index.of_artifact(folder, self._decoder):
                numbers = self._numbers(rows.sources)
                place = place_of.get(int(numbers[0])) if len(numbers) else None
                if place is not None and np.array_equal(numbers, np.arange(*groups[place])):
                    whole.setdefault(place, _Known(folder, rows, 0))
                    unknown[numbers] = False
                    continue
                for row in np.flatnonzero(numbers >= 0):
                    if unknown[numbers[row]]:
                        unknown[numbers[row]] = False
                        known[int(numbers[row])] = _Known(folder, rows, int(row))
            without = without + 1 if unknown.sum() == still_unknown else 0
        in_whole = np.zeros(len(self._sources), bool)
        for place in whole:
            in_whole[slice(*groups[place])] = True
        return {number: one for number, one in known.items() if not in_whole[number]}, whole

    def _numbers(self, sources: np.ndarray) -> np.ndarray:
        """The number of each of these sources; -1 for a source that this array does not have."""
        numbers = np.searchsorted(self._sources, sources)
        numbers[numbers == len(self._sources)] = 0
        return np.where(self._sources[numbers] == sources, numbers, -1)

    def _move_reused(self, lent: Dict[Tuple[str, str], str]) -> None:
        """Moves the reused shards into the artifact, and removes the other files of `lent`."""
        reused = {one.name for one in self._shards if one.reused}
        for (_, name), path in lent.items():
            if name in reused:
                os.replace(path, str(self._writer.place_for(name)))
            else:
                os.remove(path)
        for one in self._shards:
            if one.reused is not None:
                for source, words in one.reused.words.items():
                    self.words[int(np.searchsorted(self._sources, source))] = words
                self._writer.figures["shards_reused"] += 1
                self._writer.figures["reused"] += len(one.numbers)

    def _fill_from_earlier(self, known: Dict[int, _Known], lent: Dict[Tuple[str, str], str]) -> None:
        """Copies rows of earlier artifacts into the shards that are written."""
        of_pair: Dict[Tuple[int, Tuple[str, str]], List[int]] = {}  # {(shard, earlier shard): numbers}
        for number, one in known.items():
            of_pair.setdefault((self._place_of(number)[0], one.shard), []).append(number)
        for (shard, earlier), numbers in of_pair.items():
            to, source = self._shards[shard], self._opened(lent[earlier])
            here, there = [self._place_of(number)[1] for number in numbers], [known[number].row for number in numbers]
            for start in range(0, len(here), reading.ROWS):
                to.array[here[start:start + reading.ROWS]] = source[there[start:start + reading.ROWS]]
            rows = known[numbers[0]].rows
            to.row_sha256[here] = rows.row_sha256[there]
            self.words.update((number, rows.words[bytes(self._sources[number])]) for number in numbers
                              if bytes(self._sources[number]) in rows.words)
            self._writer.figures["reused"] += len(here)

    def _place_of(self, number: int) -> Tuple[int, int]:
        """(the index of the shard of a source, its row in the shard)."""
        shard = int(np.searchsorted(self._starts, number, "right")) - 1
        return shard, number - int(self._starts[shard])

    def put(self, number: int, row: np.ndarray, words: Set[str], content: bytes) -> None:
        """Stores the row of a missing source. words: what was noticed about its file. content: the bytes of that."""
        shard, place = self._place_of(number)
        one = self._shards[shard]
        one.array[place] = content if self._writer.encoded else row
        sha256 = hashlib.sha256(np.ascontiguousarray(row, self._form.dtype)).digest()
        one.row_sha256[place] = np.frombuffer(sha256, np.uint8)
        if words:
            self.words[int(number)] = frozenset(words)

    def finished(self, places: np.ndarray) -> Sharded:
        """The array of some of the N rows, in order. Missing sources that are not among them, because they could not be
        decoded, are in no shard."""
        numbers = self.source_of[places]
        done = ~self.missing
        done[numbers] = True
        for one in self._shards:
            if not done[one.numbers].all():
                self._keep(one, np.flatnonzero(done[one.numbers]))
        self._shards = [one for one in self._shards if len(one.numbers)]
        written = [one for one in self._shards if not one.reused]
        with ThreadPoolExecutor(processors.usable()) as pool:
            sizes = list(pool.map(self._write, written))
        figures = self._writer.figures
        figures["shards_written"] += len(written)
        figures["bytes_written"] += sum(sizes)
        figures["decoded"] += int((done & self.missing).sum())
        starts = np.cumsum([0] + [len(one.numbers) for one in self._shards])
        rows_before = (np.cumsum(done) - 1)[numbers]  # the number of rows in all shards before each
        shard = np.searchsorted(starts, rows_before, "right") - 1
        array = self._array(np.stack([shard, rows_before - starts[shard]], 1).astype(np.int32))
        array.publish = self._publish
        return array

    def _array(self, rows: np.ndarray) -> Sharded:
        """The array of these rows, [N, 2] int32 as in shards/input_0.npy."""
        arrays = [one.array for one in self._shards]
        if not self._writer.encoded:
            return Sharded(arrays, rows, self._form.shape, self._form.dtype)
        from octet.data.encoded_rows import EncodedRows

        hashes = np.asarray(self._row_sha256(rows)).view(np.int32)
        return EncodedRows(arrays, np.concatenate([rows, hashes], 1), self._form.shape, self._form.dtype,
                           self._form.decoding, [self._writer.place_for(one.name) for one in self._shards])

    def _row_sha256(self, rows: np.ndarray) -> Sharded:
        """The sha256 of each of these rows, [N, 32] uint8."""
        return Sharded([one.row_sha256 for one in self._shards], rows[:, :2], (shard_index.BYTES,), np.uint8)

    def _keep(self, one: _Shard, rows: np.ndarray) -> None:
        """Removes all other rows from a shard that is written."""
        before = one.array
        one.numbers, one.row_sha256 = one.numbers[rows], one.row_sha256[rows]
        if isinstance(before, PackedBytes):
            one.array = self._allocated(one.numbers, "", "")
            one.array[range(len(rows))] = before[rows.tolist()]
        else:
            one.array = reading.taken(before, rows.tolist())

    def _write(self, one: _Shard) -> int:
        """Names a new shard by the sha256 of its file, and moves it into the artifact. Returns its size in bytes."""
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
        """Writes the description of the array, the order of its rows and the index of their sources."""
        shards.publish(folder, name, array, [one.name for one in self._shards], self._row_sha256(array.rows),
                       self._form.decoding if self._writer.encoded else None)
        words = {bytes(self._sources[number]): noticed for number, noticed in self.words.items()}
        shard_index.write(folder / shards.FOLDER / (name + shard_index.ENDING), self._decoder, (
            Rows(one.name, self._sources[one.numbers], one.row_sha256, words) for one in self._shards))
