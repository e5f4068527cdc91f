"""A search on disk: every outcome is kept as soon as it is known, and a killed search goes on where it stood.

The ledger is a file of JSON lines: what the search is, and then one line for each batch of points and outcomes. To go
on, the search is run again from its seed with the outcomes of the ledger, so that it ends as an uninterrupted one.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lightloop.errors import InputError
from lightloop.runs import write_text
from lightloop.search.optimisers import Optimiser, Point
from lightloop.search.outcome import Evaluation, Outcome

Evaluate = Callable[[list[Point]], Sequence[Outcome]]


def run_search(
    search: Optimiser,
    evaluate: Evaluate,
    *,
    ledger: str | Path | None = None,
    on_batch: Callable[[Optimiser], None] | None = None,
) -> Evaluation:
    """Ask, evaluate and tell until the budget is spent.

    Args:
        search: A search that has not begun.
        evaluate: Outcomes of a batch of points, in their order.
        ledger: The file that keeps the outcomes; one that exists is gone on with.
        on_batch: Called after each batch.

    Returns:
        The best evaluation: feasible where any was.

    Raises:
        InputError: The ledger is broken or of another search.
    """
    book = Ledger(Path(ledger), search) if ledger is not None else None
    while points := search.ask():
        outcomes = book.known(points) if book else None
        if outcomes is None:
            outcomes = list(evaluate(points))
            if book:
                book.add(points, outcomes)
        search.tell(points, outcomes)
        if on_batch:
            on_batch(search)
    assert search.best is not None
    return search.best


class Ledger:
    """The file of a search.

    Args:
        path: The file; made where it does not exist.
        search: The search that it belongs to.
    """

    def __init__(self, path: Path, search: Optimiser) -> None:
        self.path = path
        heading = {"variables": [list(vars(variable).values()) for variable in search.variables]}
        heading["evaluations"] = search.evaluations  # type: ignore[assignment]
        if not path.exists():
            write_text(path, json.dumps(heading) + "\n")
        held, self._batches = _read(path)
        if held != heading:
            raise InputError(f"{path} is the ledger of another search", hint="choose another folder")
        self._place = 0

    def known(self, points: list[Point]) -> list[Outcome] | None:
        """The outcomes of the next batch where the ledger has them."""
        if self._place == len(self._batches):
            return None
        batch = self._batches[self._place]
        if batch["points"] != [list(point.values()) for point in points]:
            raise InputError(
                f"{self.path} does not follow from this search: batch {self._place + 1} holds other points",
                hint="was it made with another seed, method or version of a package?",
            )
        self._place += 1
        return [_outcome(entry) for entry in batch["outcomes"]]

    def add(self, points: list[Point], outcomes: list[Outcome]) -> None:
        """Keep a batch. It is on the disk when this returns."""
        batch = {
            "points": [list(point.values()) for point in points],
            "outcomes": [_entry(outcome) for outcome in outcomes],
        }
        line = json.dumps(batch, allow_nan=False) + "\n"
        with self.path.open("ab") as stream:
            stream.write(line.encode("ascii"))
            stream.flush()
            os.fsync(stream.fileno())
        self._batches.append(batch)
        self._place += 1


def _read(path: Path) -> tuple[Any, list[Any]]:
    """Heading and batches. A line that was cut short by the end of a process is cut off."""
    try:
        data = path.read_bytes()
        whole = data[: data.rfind(b"\n") + 1]
        heading, *batches = [json.loads(line) for line in whole.splitlines()]
    except (OSError, ValueError) as error:
        raise InputError(f"{path} is not a readable ledger: {error}", hint="delete it to begin anew") from None
    if len(whole) < len(data):
        write_text(path, whole.decode("ascii"))
    return heading, batches


def _entry(outcome: Outcome) -> list[Any]:
    """Objective, violation and details; an infinite number is null."""
    numbers = [None if math.isinf(value) else value for value in (outcome.objective, outcome.violation)]
    return [*numbers, dict(outcome.details)]


def _outcome(entry: Sequence[Any]) -> Outcome:
    numbers = [math.inf if value is None else value for value in entry[:2]]
    details: Mapping[str, Any] = entry[2]
    return Outcome(numbers[0], numbers[1], details)
