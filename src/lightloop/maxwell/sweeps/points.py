"""Finished points of a sweep, on disk or in memory."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from lightloop.runs import read_json, write_json

FOLDER = "points"


class Points:
    """What was found at each point, by its number.

    Args:
        folder: Of the run; each point is a file of its own below it, written as a whole. None for memory alone.
        count: Points in all.
    """

    def __init__(self, folder: str | Path | None, count: int) -> None:
        self._path, self._count = Path(folder) / FOLDER if folder else None, count
        self._found: dict[int, dict[str, Any]] = {}
        for leftover in self._path.glob(".*") if self._path else ():
            leftover.unlink(missing_ok=True)

    def missing(self) -> list[int]:
        """Numbers of the points that are not there yet."""
        return [number for number in range(self._count) if not (self._path and self._file(number).exists())]

    def write(self, number: int, found: dict[str, Any]) -> None:
        """Keep a point."""
        if self._path:
            write_json(self._file(number), found)
        else:
            self._found[number] = found

    def read(self) -> list[dict[str, Any]]:
        """All points. Raises `InputError` for one that is missing or broken."""
        return [read_json(self._file(number)) if self._path else self._found[number] for number in range(self._count)]

    def _file(self, number: int) -> Path:
        assert self._path is not None
        return self._path / f"{number:07d}.json"


def discard(folder: str | Path) -> None:
    """Remove the points of a sweep whose result is kept elsewhere."""
    shutil.rmtree(Path(folder) / FOLDER, ignore_errors=True)
