"""What an exploration found: the front, the best of each objective, a thinned cloud, and the counts."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from lightloop.accelerator.exploration.chunk import DESIGN, FEASIBLE, Columns
from lightloop.accelerator.exploration.space import Space
from lightloop.accelerator.exploration.table import row_groups, tally_of
from lightloop.accelerator.exploration.tally import Tally
from lightloop.search.pareto import pareto_front

FRONT_IN_JSON = 1000
CLOUD = 4000
# The front is renewed each time so many designs have come together; what waits is all that is held in memory.
RENEW_AFTER = 1 << 20
LARGEST = "max:"


@dataclass(frozen=True)
class Exploration:
    """The outcome of an exploration.

    Args:
        space: What was explored.
        tally: How many designs there were, and what became of them.
        front: The designs that no other beats: column -> values, shape (front,), by the first objective. `design` is
            a design's number in the space.
        best: Objective -> the best design's columns; None where no design is feasible.
        cloud: Feasible designs taken at even distances, at most `CLOUD` of them, columns as in `front`.
        folder: Where the files are.
    """

    space: Space
    tally: Tally
    front: Columns
    best: dict[str, dict[str, Any] | None]
    cloud: Columns
    folder: Path

    @property
    def objectives(self) -> tuple[str, ...]:
        """The columns that counted; `max:` before those that were to be large."""
        return self.space.objectives

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and strings, for JSON; of a long front, designs at even distances."""
        size = len(self.front[DESIGN])
        shown = np.unique(np.linspace(0, max(size - 1, 0), min(size, FRONT_IN_JSON)).astype(int))[:size]
        return {
            "title": self.space.title,
            "machine": self.space.machine,
            "workloads": [item.model_dump(exclude_none=True) for item in self.space.workloads],
            "mode": self.space.mode,
            "rule": self.space.rule,
            "sampling": self.space.sampling,
            "objectives": list(self.objectives),
            **asdict(self.tally),
            "evaluated": self.tally.evaluated,
            "best": self.best,
            "front_size": size,
            "front": {name: values[shown].tolist() for name, values in self.front.items()},
        }

    def front_csv(self) -> str:
        """The front as a table of comma-separated values, every digit kept."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(self.front)
        writer.writerows(zip(*(values.tolist() for values in self.front.values()), strict=True))
        return text.getvalue()

    def __repr__(self) -> str:
        return (
            f"Exploration({self.tally.designs} designs of {self.space.machine}, {self.tally.feasible} feasible, "
            f"{len(self.front[DESIGN])} on the front of {', '.join(self.objectives)})"
        )

    def plot(self) -> Any:
        """Cloud and front over the first two objectives; returns the matplotlib figure."""
        from matplotlib.figure import Figure

        names = [objective.removeprefix(LARGEST) for objective in (*self.objectives, *self.objectives)[:2]]
        figure = Figure(figsize=(6, 4), layout="constrained")
        axes = figure.add_subplot()
        axes.scatter(self.cloud[names[0]], self.cloud[names[1]], s=4, color="#b8c4d0", label="feasible")
        axes.scatter(self.front[names[0]], self.front[names[1]], s=12, color="#3b6ea5", label="front")
        axes.set(xlabel=names[0], ylabel=names[1], xscale="log", yscale="log", title=self.space.title)
        axes.legend()
        return figure


def read_exploration(table: Path, space: Space) -> Exploration:
    """What the table of designs says."""
    tally = tally_of(table)
    found = _Search(space.objectives, stride=-(-tally.feasible // CLOUD) or 1)
    for columns in row_groups(table, _needed(space.objectives)):
        found.look(columns)
    found.renew()
    front, cloud = _rows(table, found.front), _rows(table, np.array(found.cloud, dtype=int))
    best = _rows(table, np.array([row for row, _ in found.best.values()], dtype=int))
    rows = [
        dict(zip(best, row, strict=True)) for row in zip(*(values.tolist() for values in best.values()), strict=True)
    ]
    winners: dict[str, dict[str, Any] | None] = dict.fromkeys(space.objectives)
    winners |= dict(zip(found.best, rows, strict=True))
    return Exploration(space, tally, front, winners, cloud, table.parent)


@dataclass
class _Search:
    """Rows of the front, of the best designs and of the cloud, found while the table passes by once."""

    objectives: tuple[str, ...]
    stride: int
    front: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=int))
    best: dict[str, tuple[int, float]] = field(default_factory=dict)
    cloud: list[int] = field(default_factory=list)
    rows_seen: int = 0
    feasible_seen: int = 0

    def __post_init__(self) -> None:
        self._front_costs = np.zeros((0, len(self.objectives)))
        self._waiting: list[tuple[np.ndarray, np.ndarray]] = []

    def look(self, columns: Columns) -> None:
        """Take in the next rows."""
        feasible = np.flatnonzero(columns[FEASIBLE])
        rows = self.rows_seen + feasible
        costs_do = np.stack([_cost(columns, name)[feasible] for name in self.objectives], axis=1)
        for name, costs_d in zip(self.objectives, costs_do.T, strict=True):
            least = int(np.argmin(costs_d)) if len(costs_d) else -1
            if least >= 0 and (name not in self.best or costs_d[least] < self.best[name][1]):
                self.best[name] = (int(rows[least]), float(costs_d[least]))
        self.cloud += rows[-self.feasible_seen % self.stride :: self.stride].tolist()
        self._waiting.append((rows, costs_do))
        self.rows_seen += len(columns[FEASIBLE])
        self.feasible_seen += len(rows)
        if sum(len(waiting) for waiting, _ in self._waiting) >= RENEW_AFTER:
            self.renew()

    def renew(self) -> None:
        """The front of the front so far and of what has come since: exact, since what is beaten stays beaten."""
        rows = np.concatenate([self.front, *(rows for rows, _ in self._waiting)])
        costs_do = np.concatenate([self._front_costs, *(costs for _, costs in self._waiting)])
        kept = np.array(pareto_front(costs_do), dtype=int)
        self.front, self._front_costs, self._waiting = rows[kept], costs_do[kept], []


def _needed(objectives: tuple[str, ...]) -> list[str]:
    return list(dict.fromkeys([FEASIBLE, *(name.removeprefix(LARGEST) for name in objectives)]))


def _cost(columns: Columns, objective: str) -> np.ndarray:
    values = columns[objective.removeprefix(LARGEST)].astype(float)
    return -values if objective.startswith(LARGEST) else values


def _rows(table: Path, rows: np.ndarray) -> Columns:
    """All columns but `feasible` of some rows, in the order of `rows`."""
    order = np.argsort(rows, kind="stable")
    wanted = rows[order]
    pieces, start = [], 0
    for columns in row_groups(table):
        stop = start + len(columns[FEASIBLE])
        inside = wanted[np.searchsorted(wanted, start) : np.searchsorted(wanted, stop)] - start
        pieces.append({name: values[inside] for name, values in columns.items() if name != FEASIBLE})
        start = stop
    back = np.argsort(order, kind="stable")
    return {name: np.concatenate([piece[name] for piece in pieces])[back] for name in pieces[0]}
