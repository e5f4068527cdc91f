"""What a check found: each measured quantity with its limits and margin, and the stage at which a deck failed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from lightloop.analog.task import Limit

StageName = Literal["lint", "simulate", "operating-point", "structure", "function", "robustness"]


@dataclass(frozen=True, slots=True)
class Item:
    """One quantity against its limits.

    Args:
        name: The quantity, such as `gain`; under varied conditions `gain at 85 C`.
        value: What was measured, in `unit`; None where it could not be measured.
        unit: Unit of the value and of the limits; "1" for ratios.
        low: Least allowed value; None where there is none.
        high: Largest allowed value; None where there is none.
        ok: Whether the value keeps to the limits.
    """

    name: str
    value: float | None
    unit: str
    low: float | None
    high: float | None
    ok: bool

    @property
    def margin(self) -> float | None:
        """Distance to the nearer limit in `unit`, negative where it is broken; None where nothing was measured."""
        if self.value is None:
            return None
        distances = [] if self.low is None else [self.value - self.low]
        distances += [] if self.high is None else [self.high - self.value]
        return min(distances)

    @property
    def relative_margin(self) -> float:
        """Margin as a share of the limit (of 1 where the limit is 0), to compare quantities; -inf where unmeasured."""
        if self.value is None:
            return float("-inf")
        bounds = [(bound, sign) for bound, sign in ((self.low, 1.0), (self.high, -1.0)) if bound is not None]
        return min(sign * (self.value - bound) / (abs(bound) or 1.0) for bound, sign in bounds)

    def at(self, condition: str) -> Item:
        """The same item, named after the condition under which it was measured."""
        return replace(self, name=f"{self.name} at {condition}")

    def to_dict(self) -> dict[str, Any]:
        """The item as plain values for JSON."""
        return {name: getattr(self, name) for name in ("name", "value", "unit", "low", "high", "ok")}

    def __str__(self) -> str:
        unit = "" if self.unit == "1" else f" {self.unit}"
        if self.value is None:
            return f"{self.name} could not be measured"
        if self.low is not None and not self.value >= self.low:
            return f"{self.name} is {self.value:.4g}{unit}, below {self.low:g}{unit}"
        if self.high is not None and not self.value <= self.high:
            return f"{self.name} is {self.value:.4g}{unit}, above {self.high:g}{unit}"
        return f"{self.name} is {self.value:.4g}{unit}"


@dataclass(frozen=True)
class Verdict:
    """The verdict on a deck as it was written.

    Args:
        task: Key of the task.
        ok: Whether the deck passed every stage.
        stage: The first stage that failed, or the last one where all passed.
        items: What was measured, in order.
        message: Why it failed, or that it passed.
    """

    task: str
    ok: bool
    stage: StageName
    items: tuple[Item, ...]
    message: str

    def to_dict(self) -> dict[str, Any]:
        """What `lightloop analog check --json` prints."""
        return {
            "task": self.task,
            "verdict": "pass" if self.ok else "fail",
            "stage": self.stage,
            "items": [item.to_dict() for item in self.items],
            "message": self.message,
        }


def judge(limits: Mapping[str, Limit], measured: Mapping[str, float | None]) -> tuple[Item, ...]:
    """Items for the measured quantities that have a limit, in the order of the measurement."""
    return tuple(_item(name, value, limits[name]) for name, value in measured.items() if name in limits)


def _item(name: str, value: float | None, limit: Limit) -> Item:
    finite = None if value is None or abs(value) == float("inf") or value != value else float(value)
    return Item(name, finite, limit.unit, limit.low, limit.high, finite is not None and limit.holds(finite))


def faults_of(items: Iterable[Item]) -> tuple[str, ...]:
    """A sentence for each item that breaks a limit."""
    return tuple(str(item) for item in items if not item.ok)
