"""How much a child may use."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1 << 20


@dataclass(frozen=True)
class Limits:
    """Bounds of one child.

    Args:
        cpu_s: Processor time.
        wall_s: Time by the clock, after which every process of it is killed.
        memory_bytes: Address space.
        file_bytes: Length of each file that it writes.
        folder_bytes: Length of all files in its folder together.
        output_bytes: What it may print before it is killed.
        open_files: Files open at a time.
        processes: Processes and threads of its user, where the kernel counts them.
    """

    cpu_s: int = 10
    wall_s: float = 15.0
    memory_bytes: int = 1024 * MIB
    file_bytes: int = 64 * MIB
    folder_bytes: int = 256 * MIB
    output_bytes: int = 4 * MIB
    open_files: int = 64
    processes: int = 16
