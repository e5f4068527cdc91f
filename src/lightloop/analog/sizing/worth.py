"""From measured quantities to an outcome: how far each constraint is missed, and the objective."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lightloop.analog.sizing.derived import quantities
from lightloop.analog.sizing.goal import Band, Objective
from lightloop.analog.sizing.probe import Measured
from lightloop.search.outcome import Evaluation, Outcome


@dataclass(frozen=True)
class Worth:
    """What counts in a search.

    Args:
        objective: What is made large or small.
        constraints: What must hold.
        over_corners: Whether outcomes count the corners too, so that a feasible one holds at all of them.
    """

    objective: Objective
    constraints: Mapping[str, Band]
    over_corners: bool = False

    def accepts(self, found: Evaluation) -> bool:
        """Whether all constraints hold for an evaluation of any search, also of one with another objective."""
        details = dict(found.outcome.details)
        if self.over_corners or math.isinf(found.outcome.violation):
            return found.outcome.feasible
        return self.violation(details) == 0

    def outcome(self, measured: Sequence[Measured]) -> Outcome:
        """The outcome over one or several conditions: the worst objective, and the worst violation.

        Args:
            measured: The quantities at each condition; the first is the nominal one, whose values are kept.
        """
        violations = [self.violation(values) for values in measured]
        worst = max(self._cost(values.get(self.objective.name)) for values in measured)
        unknown = math.isinf(worst)
        # A design without an objective, such as an op-amp without gain, counts as one constraint more that is missed.
        return Outcome(0.0 if unknown else worst, max(violations) + unknown, dict(measured[0]))

    def violation(self, measured: Measured) -> float:
        """The sum of the shortfalls of all constraints, each below 1; 0 where all hold."""
        return sum(shortfall(name, band, measured.get(name)) for name, band in self.constraints.items())

    def _cost(self, value: float | None) -> float:
        """What is made small: the logarithm of a quantity that is compared by ratio."""
        if value is None:
            return math.inf
        if not quantities()[self.objective.name].by_ratio:
            return self.objective.sign * value
        return self.objective.sign * math.log10(value) if value > 0 else math.inf


def shortfall(name: str, band: Band, value: float | None) -> float:
    """How far a constraint is missed, x/(1 + x) with x the distance over the limit; 1 where there is no value."""
    if value is None or math.isnan(value):
        return 1.0
    missed = 0.0
    for limit, distance in ((band.min, -1.0), (band.max, 1.0)):
        if limit is not None:
            scale = abs(limit) or quantities()[name].scale
            missed = max(missed, distance * (value - limit) / scale)
    return missed / (1.0 + missed) if math.isfinite(missed) else 1.0
