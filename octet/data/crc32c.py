"""The CRC-32C (Castagnoli) of bytes, in numpy, because no library for it is installed with TensorFlow 1.14.

The bytes are cut into lanes of 64 bytes, whose checksums are computed in parallel, four bytes in each step. A checksum
is linear: those of two neighbouring lanes are joined by shifting the left one over the length of the right one.
"""

from functools import lru_cache
from typing import List

import numpy as np

POLYNOMIAL = 0x82F63B78  # reflected
LANE = 64  # bytes
MASK_DELTA = 0xA282EAD8


def masked(content: bytes) -> int:
    """The masked checksum of TFRecord files: rotated by 15 bits, plus a constant."""
    checksum = of(content)
    return ((checksum >> 15 | checksum << 17) + MASK_DELTA) & 0xFFFFFFFF


def of(content: bytes) -> int:
    """The CRC-32C of `content`."""
    if len(content) < 4 * LANE:
        state = 0xFFFFFFFF
        for byte in content:
            state = _BYTES[(state ^ byte) & 255] ^ state >> 8
        return state ^ 0xFFFFFFFF
    # A register of ones is the same as a register of zeros with the first four bytes inverted. Zero bytes before these
    # leave a register of zeros unchanged, so the content can be padded in front.
    padded = np.zeros(-(-len(content) // LANE) * LANE, np.uint8)
    start = len(padded) - len(content)
    padded[start:] = np.frombuffer(content, np.uint8)
    padded[start:start + 4] ^= 255
    words = padded.view("<u4").reshape(-1, LANE // 4)
    states, step = np.zeros(len(words), np.uint32), _shift(4)
    for column in range(LANE // 4):
        states = _shifted(states ^ words[:, column], step)
    length = LANE
    while len(states) > 1:
        if len(states) % 2:
            states = np.concatenate([np.zeros(1, np.uint32), states])
        states = _shifted(states[::2], _shift(length)) ^ states[1::2]
        length *= 2
    return int(states[0]) ^ 0xFFFFFFFF


def _shifted(states: np.ndarray, tables: np.ndarray) -> np.ndarray:
    return (tables[0][states & 255] ^ tables[1][states >> 8 & 255] ^ tables[2][states >> 16 & 255]
            ^ tables[3][states >> 24])


@lru_cache(maxsize=None)
def _shift(length: int) -> np.ndarray:
    """[4, 256]: for each byte of a register and each value of it, the register after `length` zero bytes. length: a
    power of two."""
    if length == 1:
        register = np.arange(256, dtype=np.uint32)
        registers = np.stack([register << 8 * place for place in range(4)])
        return np.array(_BYTES, np.uint32)[registers & 255] ^ registers >> 8
    half = _shift(length // 2)
    return np.stack([_shifted(row, half) for row in half])


def _byte_table() -> List[int]:
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (POLYNOMIAL if byte & 1 else 0)
        table.append(byte)
    return table


_BYTES = _byte_table()
