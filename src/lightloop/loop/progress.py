"""Progress of work that runs in other processes: each leaves how far it is in a small file, one thread reads them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

# Called with (stage, done, total).
Report = Callable[[str, int, int], None]

PERIOD_S = 0.5
FILE = "progress.txt"


def silent(_stage: str, _done: int, _total: int) -> None:
    """Reports to nobody."""


class StepFile:
    """Leaves the number of steps done in a file of a run folder, at most twice a second."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE
        self.next = 0.0

    def __call__(self, step: int) -> None:
        """Note that `step` steps are done."""
        now = time.monotonic()
        if now >= self.next:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.write_text(str(step), encoding="ascii")
            self.next = now + PERIOD_S


def steps_done(folder: Path) -> int:
    """The number in a folder's file; zero where there is none or it is being written."""
    try:
        return int((folder / FILE).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return 0


@contextmanager
def watching(folders: Sequence[Path], total: int, stage: str, report: Report) -> Iterator[None]:
    """Report the steps done in all `folders` while the body runs."""
    stop = threading.Event()

    def watch() -> None:
        while not stop.wait(PERIOD_S):
            report(stage, min(sum(map(steps_done, folders)), total), total)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
    report(stage, total, total)
