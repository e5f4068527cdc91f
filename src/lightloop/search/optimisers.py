"""Ask, evaluate, tell: the three calls of every search.

Example:
    >>> from lightloop.search.outcome import Outcome
    >>> from lightloop.search.variable import Variable
    >>> search = optimiser("de", [Variable("x", -4, 4, scale="linear")], seed=0, evaluations=200)
    >>> while points := search.ask():
    ...     search.tell(points, [Outcome((point["x"] - 1) ** 2) for point in points])
    >>> round(search.best.point["x"], 3)
    1.0
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lightloop.errors import InputError
from lightloop.search.methods import Method, creator
from lightloop.search.outcome import Evaluation, Outcome
from lightloop.search.variable import Variable, check_variables, unit_point

Point = dict[str, float]


def optimiser(
    method: str,
    variables: Sequence[Variable],
    *,
    seed: int,
    evaluations: int,
    start: Mapping[str, float] | None = None,
) -> Optimiser:
    """A search that makes an objective small.

    Args:
        method: `cma`, `de`, `tpe`, `bayes` or `random`; see `lightloop.search.methods`.
        variables: What may change.
        seed: Of the random numbers; the same seed and the same outcomes give the same points.
        evaluations: How many points are asked in all.
        start: A point to begin at; values outside the bounds are moved to them.

    Raises:
        InputError: The method is not known, there is no variable, or the budget is not above zero.
    """
    check_variables(variables)
    if evaluations < 1:
        raise InputError(f"a search needs at least one evaluation, got {evaluations}")
    first = None if start is None else unit_point(variables, start)
    made = creator(method)(len(variables), seed=seed, evaluations=evaluations, start=first)
    return Optimiser(made, variables, evaluations)


class Optimiser:
    """A search under way. `optimiser` makes one.

    Args:
        method: Where the points come from, in the unit cube.
        variables: What the coordinates stand for.
        evaluations: The budget.
    """

    def __init__(self, method: Method, variables: Sequence[Variable], evaluations: int) -> None:
        self.variables = tuple(variables)
        self.evaluations = evaluations
        self.history: list[Evaluation] = []
        self._method = method
        self._units: list[list[float]] = []
        self._points: list[Point] = []

    @property
    def left(self) -> int:
        """How many evaluations of the budget are left."""
        return self.evaluations - len(self.history)

    @property
    def best(self) -> Evaluation | None:
        """The best evaluation so far: feasible before infeasible, then the lowest objective; None before the first."""
        return min(self.history, key=lambda found: found.outcome.order, default=None)

    def ask(self) -> list[Point]:
        """The next batch of points; the same one until it is told, and an empty one when the budget is spent."""
        if not self._points and self.left > 0:
            self._units = self._method.ask()[: self.left]
            self._points = [self._point(unit) for unit in self._units]
        return [dict(point) for point in self._points]

    def tell(self, points: Sequence[Mapping[str, float]], outcomes: Sequence[Outcome]) -> None:
        """What the points of the last batch came to, in the order in which they were asked.

        Raises:
            InputError: These are not the points that were asked, or there is not one outcome for each.
        """
        if [dict(point) for point in points] != self._points or not self._points:
            raise InputError("these are not the points that were asked last")
        if len(outcomes) != len(points):
            raise InputError(f"{len(points)} points and {len(outcomes)} outcomes")
        self.history += [Evaluation(point, found) for point, found in zip(self._points, outcomes, strict=True)]
        self._method.tell(self._units, list(outcomes))
        self._points = []

    def _point(self, unit: list[float]) -> Point:
        return {variable.name: variable.value(place) for variable, place in zip(self.variables, unit, strict=True)}
