"""Memory that the process has freed goes back to the system."""

from pathlib import Path

from tasks.process import free_memory

MB = 1 << 20


def resident_mb() -> int:
    line, = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) // 1024


def test_freed_memory_below_memory_in_use_goes_back():
    before = resident_mb()
    pieces = [bytearray(b"\1" * 60000) for _ in range(120 * MB // 60000)]
    above = bytearray(b"\1" * 60000)  # keeps glibc from shrinking its heap by itself
    del pieces
    kept = resident_mb() - before
    free_memory.give_back()
    assert kept > 80 and resident_mb() - before < 40, (kept, resident_mb() - before)
    assert len(above) == 60000
