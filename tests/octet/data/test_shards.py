"""How rows lie in shards, without a stage."""

import numpy as np
import pytest

from octet import digest
from octet.data import packed_bytes, shards
from octet.data.packed_bytes import PackedBytes


def test_rows_are_read_as_those_of_an_array():
    random_ = np.random.RandomState(0)
    plain = random_.randint(0, 256, (50, 3, 4)).astype(np.uint8)
    order = random_.permutation(50)
    place = np.empty(50, np.int64)
    place[order] = np.arange(50)
    rows = np.stack([place // 7, place % 7], 1).astype(np.int32)
    sharded = shards.Sharded([plain[order][start:start + 7] for start in range(0, 50, 7)], rows, (3, 4), np.uint8)
    for key in (0, -1, np.int64(7), slice(None), slice(3, 40, 5), slice(9, 9), [4, 2, 2], np.array([[1, 2], [3, 4]]),
                plain[:, 0, 0] > 100, (3, 1), (slice(2, 9), 1), (slice(None), slice(None), 2), ([1, 5], slice(1, 3)),
                (Ellipsis, 0), (5, Ellipsis, 1)):
        assert np.array_equal(sharded[key], plain[key]) and sharded[key].shape == plain[key].shape, key
    assert np.array_equal(np.asarray(sharded), plain) and np.array_equal(np.stack(list(sharded)), plain)
    assert (sharded.shape, sharded.ndim, sharded.size, sharded.nbytes, len(sharded)) == (
        plain.shape, plain.ndim, plain.size, plain.nbytes, len(plain))
    with pytest.raises(IndexError):
        sharded[50]


def _groups(sources, size):
    return [sources[first:last] for first, last in shards.layout(np.array(sources, "S64"), np.full(len(sources), size))]


def test_a_shard_follows_from_the_content_alone(monkeypatch):
    monkeypatch.setattr(shards, "MOST_BYTES", 100 * 10)
    sources = sorted(digest.of_bytes(str(index).encode()) for index in range(3000))
    before = {tuple(one) for one in _groups(sources, 10)}
    assert sorted(source for one in before for source in one) == sources
    assert max(map(len, before)) <= 100 and 30 <= len(before) <= 64
    for new in range(50):
        more = sorted(sources + [digest.of_bytes("new {}".format(new).encode())])
        after = {tuple(one) for one in _groups(more, 10)}
        assert len(before - after) == 1 and len(after - before) in (1, 2)
    assert _groups(sources[:2], 5000) == [[sources[0]], [sources[1]]] and _groups([], 1) == []


def test_byte_strings_are_packed_one_after_another():
    strings = [b"one", b"", b"three", bytes(range(256))]
    packed = packed_bytes.allocated([len(one) for one in strings], lambda count: np.zeros(count, np.uint8))
    packed[3] = strings[3]
    packed[[0, 1, 2]] = strings[:3]
    again = PackedBytes(packed.array.copy())
    assert list(again) == strings and again[[3, 0]] == [strings[3], b"one"] and len(again) == 4
    assert len(packed.array) == 8 * 5 + sum(map(len, strings))
    with pytest.raises(ValueError):
        packed[0] = b"longer"
    for wrong in (b"", b"short", b"\xff" * 64, bytes(64)):
        with pytest.raises(ValueError, match="starts"):
            PackedBytes(np.frombuffer(wrong, np.uint8))
