"""Lays decoded files out in shards (octet/data/shards.py), with the rows and shards that earlier artifacts have."""

import hashlib
import json
import os
from bisect import bisect_left, bisect_right
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Dict, FrozenSet, Iterable, List, NamedTuple, Optional, Sequence, Set, Tuple

import numpy as np

from octet import digest
from octet.data import reading, shard_index, shards
from octet.data.shard_index import Rows
from octet.data.shards import Sharded

MOST_IN_VAIN = 9
"""Artifacts in a row that have nothing of what is sought, after which no more are looked through: three runs of three
parts. For a file that is new, all of them would be read each time."""


class ShardWriter:
    """Where arrays are laid out in shards.

    figures: how many files were decoded and how many rows were taken from earlier artifacts; how many shards were
    written, of how many bytes, and how many were taken as they are."""

    def __init__(self, folder: Path, decoder: str, earlier: Sequence[str]) -> None:
        """folder: of the artifact that is being made. decoder: the sha256 of everything but the settings of an array
        and the files that its rows follow from: source and versions. earlier: the folders of artifacts that may have
        rows of the same, the likeliest first."""
        self.folder, self.decoder, self.earlier = Path(folder), decoder, list(earlier)
        self.figures = {"decoded": 0, "reused": 0, "shards_written": 0, "bytes_written": 0, "shards_reused": 0}
        self._lent = 0

    def begin(self, sources: Sequence[str], shape: Sequence[int], dtype: Any, settings: Any, what: str,
              where: str) -> "Batch":
        """An array [N, *shape] to be filled, a row for each different source.

        sources: N sha256 of what the rows are decoded from. settings: what JSON can hold, which with a source decides
        the row. what: the samples in words; where: their folder. Raises StoreError where the disk has too little
        space."""
        decoder = digest.of_bytes(json.dumps(
            [self.decoder, np.dtype(dtype).name, list(shape), settings], sort_keys=True).encode())
        return Batch(self, decoder, sources, tuple(shape), np.dtype(dtype), what, where)

    def place_for(self, shard: str) -> Path:
        """The path of a shard in the artifact that is being made, in a folder that is there."""
        folder = self.folder / shards.FOLDER
        folder.mkdir(exist_ok=True)
        return folder / (shard + ".npy")

    def lend(self, wanted: Iterable[Tuple[str, str]]) -> Dict[Tuple[str, str], str]:
        """{(folder, shard): a path to it in this folder} of those shards of earlier artifacts that are sound. All their
        bytes are read, on all cores."""
        todo = []
        for one in wanted:
            self._lent += 1
            todo.append((one, str(self.folder / ".earlier-{}.npy".format(self._lent))))
        with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
            sound = pool.map(lambda each: shard_index.lend(each[0][0], each[0][1], each[1]), todo)
            return {one: path for (one, path), found in zip(todo, sound) if found}


class _Known(NamedTuple):
    """A row of an earlier artifact. row: which of `rows` it is."""

    folder: str
    rows: Rows
    row: int

    @property
    def shard(self) -> Tuple[str, str]:
        """(the artifact's folder, the shard's name)."""
        return self.folder, self.rows.shard


class _Shard:
    """One shard of a batch. taken: the shard of an earlier artifact that it is; None for one that is written. name: its
    name, as soon as it is known."""

    def __init__(self, sources: List[str], array: np.ndarray, taken: Optional[Rows] = None) -> None:
        self.sources, self.array, self.taken = sources, array, taken
        self.row_sha256 = bytearray(taken.row_sha256 if taken else shard_index.BYTES * len(sources))
        self.name = taken.shard if taken else ""

    def say_row(self, row: int, sha256: bytes) -> None:
        """The sha256 of a row's bytes."""
        self.row_sha256[shard_index.BYTES * row:shard_index.BYTES * (row + 1)] = sha256


class Batch:
    """An array that is being laid out in shards. `missing`: the sources of the rows that are to be decoded; `put` takes
    them from any thread. Then `finished` gives the array. words: {source: what was noticed of it}."""

    def __init__(self, writer: ShardWriter, decoder: str, sources: Sequence[str], shape: Tuple[int, ...],
                 dtype: np.dtype, what: str, where: str) -> None:
        self.words: Dict[str, FrozenSet[str]] = {}
        self._writer, self._decoder, self._shape, self._dtype = writer, decoder, shape, dtype
        row_bytes = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
        groups = shards.layout(sorted(set(sources)), row_bytes)
        known, whole = self._found_in_earlier(groups)
        lent = writer.lend(dict.fromkeys([one.shard for one in whole.values()] + [
            known[source].shard for place, group in enumerate(groups) if place not in whole
            for source in group if source in known]))
        whole = {place: one for place, one in whole.items() if one.shard in lent}
        new = [source for place, group in enumerate(groups) if place not in whole for source in group]
        there = sum(map(len, groups)) - sum(source not in known or known[source].shard not in lent for source in new)
        reading.expect_disk(len(new) * row_bytes, what, where,
                            "{} were decoded before".format(there) if there else "")
        self._shards = [
            _Shard(group, shards.mapped(Path(lent[whole[place].shard])), whole[place].rows) if place in whole else
            _Shard(group, reading.empty((len(group), *shape), dtype, what, where))
            for place, group in enumerate(groups)]
        self._firsts = [group[0] for group in groups]
        self.missing = self._filled_from_earlier(known, lent)
        self._take(lent)

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
                array = shards.mapped(Path(lent[place]))
                for start in range(0, len(here), reading.ROWS):
                    shard.array[here[start:start + reading.ROWS]] = array[there[start:start + reading.ROWS]]
                self._writer.figures["reused"] += len(here)
        return missing

    def _found(self, source: str) -> Tuple[int, int]:
        """(the place of its shard, its row there)."""
        shard = bisect_right(self._firsts, source) - 1
        return shard, bisect_left(self._shards[shard].sources, source)

    def put(self, source: str, row: np.ndarray, words: Set[str]) -> None:
        """The row of a missing source. words: what was noticed as it was decoded."""
        shard, place = self._found(source)
        one = self._shards[shard]
        one.array[place] = row
        one.say_row(place, hashlib.sha256(np.ascontiguousarray(row, self._dtype)).digest())
        if words:
            self.words[source] = frozenset(words)

    def finished(self, sources: Sequence[str]) -> "Laid":
        """The array, with a row for each of these sources, in order. A missing source that is not among them, since it
        could not be decoded, is in no shard."""
        done = set(sources)
        for one in self._shards:
            if not one.taken and not done.issuperset(one.sources):
                kept = [row for row, source in enumerate(one.sources) if source in done]
                one.array = reading.taken(one.array, kept)
                one.sources = [one.sources[row] for row in kept]
                of_rows = np.frombuffer(bytes(one.row_sha256), np.uint8).reshape(-1, shard_index.BYTES)
                one.row_sha256 = bytearray(of_rows[kept].tobytes())
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
        return Laid(self._shards, rows, self._shape, self._dtype, self._decoder, self.words)

    def _write(self, one: _Shard) -> int:
        """Gives a new shard its name, which is the sha256 of its file. Returns the size of the file in bytes."""
        file = reading.file_of(one.array)
        assert file is not None, "a shard is allocated by reading.empty"
        one.array.flush()
        one.name = digest.of_file(file)
        path = self._writer.place_for(one.name)
        os.replace(file, str(path))
        one.array = shards.mapped(path)
        return path.stat().st_size


class Laid(Sharded):
    """An array whose shards lie in the folder of the artifact that is being made."""

    def __init__(self, laid: Sequence[_Shard], rows: np.ndarray, shape: Sequence[int], dtype: Any, decoder: str,
                 words: Dict[str, FrozenSet[str]]) -> None:
        super().__init__([one.array for one in laid], rows, shape, dtype)
        self._laid, self._decoder, self._words = laid, decoder, words

    def publish(self, folder: Path, name: str) -> None:
        """Writes what the array is, its order, and what its rows were decoded from, beside its shards."""
        width = shard_index.BYTES
        row_sha256 = Sharded([np.frombuffer(bytes(one.row_sha256), np.uint8).reshape(-1, width)
                              for one in self._laid], self.rows, (width,), np.uint8)
        shards.publish(folder, name, self, [one.name for one in self._laid], np.asarray(row_sha256))
        shard_index.write(folder / shards.FOLDER / (name + shard_index.ENDING), self._decoder, [
            Rows(one.name, one.sources, bytes(one.row_sha256), self._words) for one in self._laid])
