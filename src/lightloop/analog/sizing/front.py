"""Two objectives against each other: searches whose second objective is bounded, level by level.

The first two searches find the ends of the front; the others make the first objective small while the second keeps to
a level between the ends (epsilon-constraint method, Haimes, Lasdon and Wismer, IEEE Trans. SMC 1, 296 (1971)), so that
hollow parts of a front are found too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from lightloop.analog.sizing.derived import quantities
from lightloop.analog.sizing.goal import Band, Objective, Trade
from lightloop.analog.sizing.worth import Worth
from lightloop.search.outcome import Evaluation
from lightloop.search.pareto import pareto_front

#: Runs one search: its number, what counts in it, and a point to start from.
Search = Callable[[int, Worth, Mapping[str, float] | None], Sequence[Evaluation]]


def trade(worth: Worth, second: Trade, search: Search) -> list[Evaluation]:
    """All evaluations of the searches along the front."""
    found = list(search(0, worth, None))
    found += search(1, replace(worth, objective=_plain(second)), None)
    first_end, second_end = _best(found, worth, worth.objective), _best(found, worth, second)
    if first_end is None or second_end is None:
        return found
    for number, level in enumerate(_levels(first_end, second_end, second), start=2):
        bounded = _bounded(worth, second, level)
        start = _best(found, bounded, worth.objective) or second_end
        found += search(number, bounded, start.point)
    return found


def unbeaten(found: Sequence[Evaluation], worth: Worth, second: Objective) -> list[Evaluation]:
    """The feasible evaluations that no other beats in both objectives, in the order of the first."""
    good = [item for item in found if worth.accepts(item)]
    costs = [[_cost(item, objective) for objective in (worth.objective, second)] for item in good]
    return [good[index] for index in pareto_front(costs)]


def _plain(second: Trade) -> Objective:
    return Objective(maximise=second.maximise, minimise=second.minimise)


def _cost(item: Evaluation, objective: Objective) -> float:
    value = item.outcome.details.get(objective.name)
    return math.inf if value is None else objective.sign * value


def _best(found: Sequence[Evaluation], worth: Worth, objective: Objective) -> Evaluation | None:
    good = [item for item in found if worth.accepts(item) and _cost(item, objective) < math.inf]
    return min(good, key=lambda item: _cost(item, objective), default=None)


def _levels(first: Evaluation, second: Evaluation, trade: Trade) -> list[float]:
    """Values of the second objective between the ends, even by ratio where it is compared by ratio."""
    ends = [float(item.outcome.details[trade.name]) for item in (first, second)]
    shares = [(step + 1) / (trade.points - 1) for step in range(trade.points - 2)]
    if quantities()[trade.name].by_ratio and min(ends) > 0:
        return [ends[0] * (ends[1] / ends[0]) ** share for share in shares]
    return [ends[0] + (ends[1] - ends[0]) * share for share in shares]


def _bounded(worth: Worth, second: Trade, level: float) -> Worth:
    """The same with the second objective at least as good as a level."""
    band = worth.constraints.get(second.name)
    low, high = (band.min, band.max) if band else (None, None)
    if second.sign < 0:
        low = level if low is None else max(low, level)
    else:
        high = level if high is None else min(high, level)
    return replace(worth, constraints={**worth.constraints, second.name: Band(min=low, max=high)})
