"""Whether a grid fits into the memory of the machine, asked before any work."""

from __future__ import annotations

import os
from itertools import starmap
from math import log2
from pathlib import Path

from lightloop.errors import InputError

GIB = 1024.0**3
# Of a factor while it is made, for each n log2 n; and how much more those of other solvers are.
BYTES, MORE = 60.0, {"superlu": 1.6}
MEMINFO = Path("/proc/meminfo")
# Limit and use of a container: control groups of version 2, then of version 1.
CONTROL_GROUPS = (
    (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")),
    (Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"), Path("/sys/fs/cgroup/memory/memory.usage_in_bytes")),
)


def available_bytes() -> int | None:
    """Memory that is free or can be freed, here and in the container around; None where the system does not say."""
    found = [size for size in (_available_in_machine(), *starmap(_left_in_group, CONTROL_GROUPS)) if size]
    return min(found) if found else None


def grid_bytes(nx: int, ny: int, right_hand_sides: int = 4, solver: str = "auto") -> int:
    """What the solution on a grid takes at most: a factor by nested dissection, the operator, and the fields.

    The factor holds up to 48 n log2 n bytes of n points, most in a square, and at its largest a quarter more.
    """
    points = max(2, nx * ny)
    factor = BYTES * points * log2(points) * MORE.get(solver, 1.0)
    return round(factor + 16 * points * (10 + 4 * right_hand_sides))


def refuse_too_large(shape: tuple[int, ...], needed_bytes: float) -> None:
    """Refuse a grid that does not fit.

    Args:
        shape: Its points, (nx, ny).
        needed_bytes: What its solution takes.

    Raises:
        InputError: That is more than the available memory.
    """
    there = available_bytes()
    if there is None or needed_bytes <= there:
        return
    nx, ny = shape
    raise InputError(
        f"a grid of {nx} x {ny} points takes about {needed_bytes / GIB:.3g} GiB, and {there / GIB:.3g} GiB are free",
        hint=f"make dl_um about {(needed_bytes / there) ** 0.5:.1f} times larger, or simulate a smaller part",
    )


def workers_that_fit(workers: int, needed_bytes: float) -> int:
    """How many of so many processes have memory for `needed_bytes` each; at least one."""
    there = available_bytes()
    return workers if there is None or needed_bytes <= 0 else max(1, min(workers, int(there // needed_bytes)))


def _available_in_machine() -> int | None:
    try:
        for line in MEMINFO.read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError):
        pass
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return None


def _left_in_group(limit: Path, used: Path) -> int | None:
    try:
        return max(1, int(limit.read_text()) - int(used.read_text()))
    except (OSError, ValueError):  # no such group, or "max": without a limit
        return None
