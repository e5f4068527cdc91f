"""What a first cut is computed from: the task's own limits and conditions, with a share of margin on top."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from lightloop.analog.task import Condition, Limit, Task
from lightloop.errors import InputError, unknown_name

MARGINS = (1.5, 1.2, 1.05)  # what a first cut aims at, over the least that a limit allows; the first in reach counts
CURRENT_A = 100e-6
_HERTZ = re.compile(r"(\d+(?:\.\d+)?)\s*([kM]?)Hz\b", re.ASCII)
_SCALE = {"": 1.0, "k": 1e3, "M": 1e6}


class OutOfReach(InputError):
    """The equations of a circuit have no answer for what is asked."""


@dataclass(frozen=True)
class Spec:
    """What is asked of a circuit, as numbers.

    Args:
        task: The task; wishes are part of it (`with_wishes`).
        margin: What is aimed at, over the least that a limit allows.
    """

    task: Task
    margin: float = MARGINS[0]

    @property
    def supply_v(self) -> float:
        """Supply voltage in V; 5 where the task names none."""
        return self.task.supply_v or 5.0

    @property
    def current_a(self) -> float:
        """Current of the main branch in A: the task's condition `current`, or 100 uA."""
        return self.condition("current", CURRENT_A)

    def frequency_hz(self, default: float) -> float:
        """The task's condition `corner` or `frequency`, else the first frequency of its statement, in Hz."""
        told = _HERTZ.search(f"{self.task.title} {self.task.statement}")
        stated = float(told[1]) * _SCALE[told[2]] if told else default
        return self.condition("corner", self.condition("frequency", stated))

    def condition(self, name: str, default: float) -> float:
        """A condition of the task that is one number, in its own unit."""
        found = self.task.conditions.get(name)
        if found is None:
            return default
        return found.values[0]

    def above(self, name: str, default: float) -> float:
        """What to aim at for a quantity with a lower limit: the limit times the margin, within an upper limit."""
        limit = self.task.limits.get(name)
        if limit is None or limit.low is None:
            return default
        aim = limit.low * self.margin
        return aim if limit.high is None else min(aim, 0.5 * (limit.low + limit.high))

    def at_least(self, name: str, default: float) -> float:
        """The lower limit of a quantity."""
        limit = self.task.limits.get(name)
        return default if limit is None or limit.low is None else limit.low

    def gain(self, default: float) -> float:
        """The voltage ratio to aim at: the limit `gain` or, of an op-amp, `differential_gain`, times the margin."""
        limit = self.task.limits.get("differential_gain")
        if limit is not None and limit.low is not None:
            return float(self.margin * 10 ** (limit.low / 20))
        return self.above("gain", default)

    def below(self, name: str, default: float, share: float = 1 / 3) -> float:
        """What to aim at for a quantity with an upper limit: a share of it."""
        limit = self.task.limits.get(name)
        return share * (default if limit is None or limit.high is None else limit.high)


def with_wishes(task: Task, wishes: Mapping[str, float]) -> Task:
    """The task with the user's own numbers in place of its defaults; limits only become tighter.

    Args:
        task: The task.
        wishes: `gain`, `gain_db` (of an op-amp), `frequency_hz`, `current_a`, `supply_v`, `width_v` (of a Schmitt
            trigger).

    Raises:
        InputError: An unknown wish, one that the task has no place for, or a number that is not above zero.
    """
    for name, value in wishes.items():
        if name not in WISHES:
            raise unknown_name("wish", name, WISHES)
        if not 0 < value < float("inf"):
            raise InputError(f"{name} must be above 0, got {value:g}")
        task = WISHES[name](task, float(value))
    return task


def _at_least(quantity: str) -> Callable[[Task, float], Task]:
    def change(task: Task, value: float) -> Task:
        limit = task.limits.get(quantity)
        if limit is None:
            raise InputError(f"task {task.key} has no limit {quantity!r}", allowed=sorted(task.limits))
        if limit.high is not None and value > limit.high:
            raise InputError(f"{quantity} {value:g} is above the task's upper limit {limit.high:g}")
        return _limited(task, quantity, replace(limit, low=max(value, limit.low or 0.0)))

    return change


def _limited(task: Task, name: str, limit: Limit) -> Task:
    return replace(task, limits={**task.limits, name: limit})


def _conditioned(name: str, unit: str, what: str) -> Callable[[Task, float], Task]:
    def change(task: Task, value: float) -> Task:
        wished = Condition(value=value, unit=unit, what=what, source="wished")
        return replace(task, conditions={**task.conditions, name: wished})

    return change


def _frequency(task: Task, value: float) -> Task:
    corner = task.conditions.get("corner")
    if corner is None:
        return _conditioned("frequency", "Hz", "frequency of the circuit")(task, value)
    factor = value / corner.values[0]
    moved = {name: _scaled(task.conditions[name], factor) for name in ("corner", "pass", "stop")}
    return replace(task, conditions={**task.conditions, **moved})


def _scaled(condition: Condition, factor: float) -> Condition:
    value = condition.value
    scaled = value * factor if isinstance(value, int | float) else tuple(item * factor for item in value)
    return replace(condition, value=scaled)


def _width(task: Task, value: float) -> Task:
    limit = Limit(low=0.9 * value, high=1.1 * value, unit="V", what="width of the hysteresis", source="wished")
    if "width" not in task.limits:
        raise InputError(f"task {task.key} has no limit 'width'", allowed=sorted(task.limits))
    return _limited(task, "width", limit)


WISHES: dict[str, Callable[[Task, float], Task]] = {
    "gain": _at_least("gain"),
    "gain_db": _at_least("differential_gain"),
    "frequency_hz": _frequency,
    "current_a": _conditioned("current", "A", "current of the main branch"),
    "supply_v": lambda task, value: replace(task, supply_v=value),
    "width_v": _width,
}
