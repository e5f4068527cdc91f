"""What a sizing came to: the design, its quantities at every condition, and whether all constraints hold."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from lightloop.analog.sizing.condition import Condition
from lightloop.analog.sizing.derived import quantities
from lightloop.analog.sizing.goal import Band, Goal
from lightloop.analog.sizing.knob import rounded
from lightloop.analog.sizing.probe import Measured
from lightloop.search.outcome import Evaluation


@dataclass(frozen=True)
class Design:
    """One sized circuit.

    Args:
        values: The value of each variable, in SI units.
        measured: Its quantities at the nominal condition.
        feasible: Whether all constraints hold there.
    """

    values: Mapping[str, float]
    measured: Measured
    feasible: bool

    @classmethod
    def of(cls, found: Evaluation, feasible: bool) -> Design:
        """The design of an evaluation."""
        values = {name: rounded(value) for name, value in found.point.items()}
        known = quantities().keys()
        measured = {name: value for name, value in found.outcome.details.items() if name in known}
        return cls(values, measured, feasible)


@dataclass(frozen=True)
class SizingResult:
    """What a sizing came to.

    Args:
        goal: What was asked for.
        constraints: Every constraint, those that the sizing adds of itself included.
        best: The best design: feasible where one was found, then by the objective.
        nominal: The condition at which the search measured.
        corners: The best design at further conditions, each with its quantities; empty without corners.
        front: The designs that no other beats in both objectives; empty without a second one.
        evaluations: Designs that were simulated.
        deck: The best design as a deck.
    """

    goal: Goal
    constraints: Mapping[str, Band]
    best: Design
    nominal: Condition
    corners: Sequence[tuple[Condition, Measured]]
    front: Sequence[Design]
    evaluations: int
    deck: str

    @property
    def feasible(self) -> bool:
        """Whether all constraints hold at the nominal condition."""
        return self.best.feasible

    @property
    def holds_at_corners(self) -> bool:
        """Whether all constraints hold at every corner; true without corners."""
        return all(self._holds(measured) for _, measured in self.corners)

    @property
    def ok(self) -> bool:
        """Whether all constraints hold, at the nominal condition and at every corner."""
        return self.feasible and self.holds_at_corners

    def _holds(self, measured: Measured) -> bool:
        return all(band.holds(measured.get(name)) for name, band in self.constraints.items())

    def limits(self) -> list[dict[str, Any]]:
        """Each constraint with the value at the nominal condition and the worst one over the corners."""
        return [self._limit(name, band) for name, band in self.constraints.items()]

    def _limit(self, name: str, band: Band) -> dict[str, Any]:
        value = self.best.measured.get(name)
        over = [measured.get(name) for _, measured in self.corners]
        known = [item for item in over if item is not None]
        extremes = {"lowest": min(known), "highest": max(known)} if known else {}
        holds = band.holds(value) and all(map(band.holds, over))
        return {
            "name": name, "unit": quantities()[name].unit, "value": value, "min": band.min, "max": band.max, **extremes,
            "ok": holds,
        }  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        """The result as plain values for JSON."""
        return {
            "title": self.goal.title,
            "ok": self.ok,
            "feasible": self.feasible,
            "holds_at_corners": self.holds_at_corners,
            "evaluations": self.evaluations,
            "objective": {"name": self.goal.objective.name, "value": self.best.measured.get(self.goal.objective.name)},
            "values": dict(self.best.values),
            "measured": self.best.measured,
            "constraints": self.limits(),
            "nominal": asdict(self.nominal),
            "corners": [{**asdict(condition), **measured} for condition, measured in self.corners],
            "front": [{"values": dict(item.values), "measured": item.measured} for item in self.front],
            "deck": self.deck,
        }

    def corner_table(self) -> str:
        """The corners as CSV, one row for each condition, and whether all constraints hold there."""
        rows = [{**asdict(condition), **measured, "ok": self._holds(measured)} for condition, measured in self.corners]
        return as_csv(rows)


def as_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows as CSV text; a column for every name that occurs, empty where a row has none."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    stream = io.StringIO()
    writer = csv.DictWriter(stream, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()
