"""One array that is being laid out in shards (octet/data/shards.py), with the rows and shards that earlier artifacts
have. A source is called by its number: its place among the different sources of the array, sorted."""

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Dict, FrozenSet, List, NamedTuple, Optional, Set, Tuple, Union

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
    """One shard of a batch. numbers: of the sources of its rows, in order. taken: the shard of an earlier artifact that
    it is; None for one that is written. name: its name, as soon as it is known. row_sha256: of each row, [n, 32]."""

    def __init__(self, numbers: np.ndarray, array: ShardRows, row_sha256: np.ndarray,
                 taken: Optional[Rows] = None) -> None:
        self.numbers, self.array, self.row_sha256, self.taken = numbers, array, row_sha256, taken
        self.name = taken.shard if taken else ""


def _distinct(sources: np.ndarray) -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(the different sources, sorted; for each, the first of its places in `sources`; for each of `sources`, its number
    among the different ones). As np.unique, which takes 300 bytes of memory for each."""
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
    """An array that is being laid out in shards.

    source_of: [N], the number of the source of each of its rows. first_place: for each source, the first of the rows.
    missing: whether its row is to be decoded; `put` takes it, from any thread. Then `finished` gives the array. words:
    {source: what was noticed of it}."""

    def __init__(self, writer: ShardWriter, sources: np.ndarray, sizes: np.ndarray, form: RowForm, what: str,
                 where: str) -> None:
        """An array [N, *shape] to be filled, a row for each different source.

        sources: [N] S64, the sha256 of what each row is decoded from. sizes: [N], the bytes of the file of each. what:
        the samples in words; where: their folder. Raises StoreError where the disk has too little space."""
        self._writer, self._form, self._decoder = writer, form, writer.decoder_of(form)
        self._sources, self.first_place, self.source_of = _distinct(sources)
        self._sizes = sizes[self.first_place]
        self.words: Dict[int, FrozenSet[str]] = {}
        groups = shards.layout(self._sources, self._sizes + packed_bytes.START_BYTES if writer.encoded
                               else np.full(len(self._sources), form.row_bytes))
        known, whole = self._found_in_earlier(groups)
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
            numbers, taken = np.arange(*group, dtype=np.int32), whole.get(place)
            if taken is not None:
                row_sha256[slice(*group)] = taken.rows.row_sha256
            array = self._allocated(numbers, what, where) if taken is None else self._opened(lent[taken.shard])
            self._shards.append(_Shard(numbers, array, row_sha256[slice(*group)], taken.rows if taken else None))
        self._starts = np.array([first for first, _ in groups])
        self._fill_from_earlier(known, lent)
        self._take(lent)

    def _expect_disk(self, new: np.ndarray, there: int, what: str, where: str) -> None:
        """Reports how much disk the new rows need. new: whether the row of a source is. there: how many rows earlier
        artifacts have."""
        kept, other = self._bytes(np.ones(len(new), bool))
        self._writer.kept_bytes += kept
        self._writer.other_bytes += other
        needed, otherwise = self._bytes(new)
        reading.expect_disk(needed, otherwise, self._writer.encoded, what, where,
                            "{} were decoded before".format(there) if there else "")

    def _bytes(self, which: np.ndarray) -> Tuple[int, int]:
        """The bytes of the rows of these sources as they are kept, and if they were kept the other way."""
        decoded, encoded = int(which.sum()) * self._form.row_bytes, int(self._sizes[which].sum())
        return (encoded, decoded) if self._writer.encoded else (decoded, encoded)

    def _opened(self, path: str) -> ShardRows:
        """The rows of a shard that is there, mapped."""
        array = shards.mapped(Path(path))
        return PackedBytes(array) if self._writer.encoded else array

    def _allocated(self, numbers: np.ndarray, what: str, where: str) -> ShardRows:
        """A new shard for the rows of these sources, to be filled."""
        if not self._writer.encoded:
            new: np.ndarray = reading.empty((len(numbers), *self._form.shape), self._form.dtype, what, where)
            return new
        return packed_bytes.allocated(self._sizes[numbers].tolist(),
                                      lambda count: reading.empty((count,), np.uint8, what, where))

    def _found_in_earlier(self, groups: List[Tuple[int, int]]) -> Tuple[Dict[int, _Known], Dict[int, _Known]]:
        """({source: where its row is}, {place of a group: the shard that holds it and nothing else}). The first has
        none of the sources of the second."""
        place_of = {first: place for place, (first, _) in enumerate(groups)}
        unknown = np.ones(len(self._sources), bool)
        known: Dict[int, _Known] = {}
        whole: Dict[int, _Known] = {}
        in_vain = 0
        for folder in self._writer.earlier:
            if not unknown.any() or in_vain == MOST_IN_VAIN:
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
            in_vain = in_vain + 1 if unknown.sum() == still_unknown else 0
        in_whole = np.zeros(len(self._sources), bool)
        for place in whole:
            in_whole[slice(*groups[place])] = True
        return {number: one for number, one in known.items() if not in_whole[number]}, whole

    def _numbers(self, sources: np.ndarray) -> np.ndarray:
        """The number of each of these sources; -1 for one that is none of this array's."""
        found = np.searchsorted(self._sources, sources)
        found[found == len(self._sources)] = 0
        return np.where(self._sources[found] == sources, found, -1)

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
                for source, words in one.taken.words.items():
                    self.words[int(np.searchsorted(self._sources, source))] = words
                self._writer.figures["shards_reused"] += 1
                self._writer.figures["reused"] += len(one.numbers)

    def _fill_from_earlier(self, known: Dict[int, _Known], lent: Dict[Tuple[str, str], str]) -> None:
        """Copies rows of earlier artifacts into the shards that are written."""
        of_pair: Dict[Tuple[int, Tuple[str, str]], List[int]] = {}  # numbers by shard and earlier shard
        for number, one in known.items():
            of_pair.setdefault((self._found(number)[0], one.shard), []).append(number)
        for (shard, earlier), numbers in of_pair.items():
            to, source = self._shards[shard], self._opened(lent[earlier])
            here, there = [self._found(number)[1] for number in numbers], [known[number].row for number in numbers]
            for start in range(0, len(here), reading.ROWS):
                to.array[here[start:start + reading.ROWS]] = source[there[start:start + reading.ROWS]]
            rows = known[numbers[0]].rows
            to.row_sha256[here] = rows.row_sha256[there]
            self.words.update((number, rows.words[bytes(self._sources[number])]) for number in numbers
                              if bytes(self._sources[number]) in rows.words)
            self._writer.figures["reused"] += len(here)

    def _found(self, number: int) -> Tuple[int, int]:
        """(the place of the shard of a source, its row there)."""
        shard = int(np.searchsorted(self._starts, number, "right")) - 1
        return shard, number - int(self._starts[shard])

    def put(self, number: int, row: np.ndarray, words: Set[str], content: bytes) -> None:
        """The row of a missing source. words: what was noticed as it was decoded. content: what it was decoded from."""
        shard, place = self._found(number)
        one = self._shards[shard]
        one.array[place] = content if self._writer.encoded else row
        sha256 = hashlib.sha256(np.ascontiguousarray(row, self._form.dtype)).digest()
        one.row_sha256[place] = np.frombuffer(sha256, np.uint8)
        if words:
            self.words[int(number)] = frozenset(words)

    def finished(self, places: np.ndarray) -> Sharded:
        """The array of these of the N rows, in order. A missing source that is not among them, since it could not be
        decoded, is in no shard."""
        numbers = self.source_of[places]
        done = ~self.missing
        done[numbers] = True
        for one in self._shards:
            if not done[one.numbers].all():
                self._keep(one, np.flatnonzero(done[one.numbers]))
        self._shards = [one for one in self._shards if len(one.numbers)]
        written = [one for one in self._shards if not one.taken]
        with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
            sizes = list(pool.map(self._write, written))
        figures = self._writer.figures
        figures["shards_written"] += len(written)
        figures["bytes_written"] += sum(sizes)
        figures["decoded"] += int((done & self.missing).sum())
        starts = np.cumsum([0] + [len(one.numbers) for one in self._shards])
        rows_before = (np.cumsum(done) - 1)[numbers]  # in all shards, before the row of each
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
        """Only these rows stay in a shard that is written."""
        before = one.array
        one.numbers, one.row_sha256 = one.numbers[rows], one.row_sha256[rows]
        if isinstance(before, PackedBytes):
            one.array = self._allocated(one.numbers, "", "")
            one.array[range(len(rows))] = before[rows.tolist()]
        else:
            one.array = reading.taken(before, rows.tolist())

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
        words = {bytes(self._sources[number]): noticed for number, noticed in self.words.items()}
        shard_index.write(folder / shards.FOLDER / (name + shard_index.ENDING), self._decoder, (
            Rows(one.name, self._sources[one.numbers], one.row_sha256, words) for one in self._shards))
