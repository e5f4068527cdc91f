"""One axis of a design space: a machine setting, and the values it may take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field, model_validator

from lightloop.accelerator.designs import BITS, BITS_KNOB
from lightloop.accelerator.devices import check_value
from lightloop.accelerator.knobs import DEVICE, Knob, knob
from lightloop.accelerator.machine import library_of
from lightloop.accelerator.machine_file import read_machine
from lightloop.errors import InputError, unknown_name
from lightloop.settings import Settings, as_line

MAX_VALUES = 100_000
DIGITS = 12  # steps are cleaned of rounding beyond these, so that 0.1 * 3 is 0.3
RANGE_KEYS = {"from", "to", "step", "count", "scale"}

Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]


class Axis(Settings):
    """The values of one setting: a list, equal steps, a number of points, or (for samples) everything between two ends.

    Attributes:
        key: The setting, as `--set` spells it.
        values: The list.
        start: First value of a range.
        stop: Its last value.
        step: Distance of its values.
        count: How many values it has, both ends included.
        scale: How `count` values, or samples, are spread: evenly, or evenly in their logarithm. Settings that are
            whole numbers are rounded on a logarithmic scale, and equal ones dropped.
    """

    key: str = Field(exclude=True)
    values: tuple[Number, ...] | None = Field(default=None, max_length=MAX_VALUES)
    start: Number | None = Field(default=None, alias="from")
    stop: Number | None = Field(default=None, alias="to")
    step: Number | None = Field(default=None, gt=0)
    count: int | None = Field(default=None, ge=1, le=MAX_VALUES, strict=True)
    scale: Literal["linear", "log"] = "linear"

    @model_validator(mode="after")
    def _one_way(self) -> Axis:
        if self.values is not None:
            if any(part is not None for part in (self.start, self.stop, self.step, self.count)):
                raise ValueError("give a list of values or a range, not both")
            if not self.values:
                raise ValueError("give at least one value")
            return self
        if self.start is None or self.stop is None:
            raise ValueError("give a list of values, or a range with 'from' and 'to'")
        if self.start > self.stop:
            raise ValueError(
                f"the range begins at {self.start:g} above its end {self.stop:g}; exchange 'from' and 'to'"
            )
        if self.step is not None and (self.count is not None or self.scale == "log"):
            raise ValueError("'step' goes alone; use 'count' for a number of points or a logarithmic scale")
        if self.step is not None and (self.stop - self.start) / self.step >= MAX_VALUES:
            raise ValueError(f"so small a step gives more than {MAX_VALUES} values")
        if self.scale == "log" and self.start <= 0:
            raise ValueError(f"a logarithmic range begins above 0, not at {self.start:g}")
        return self

    @property
    def continuous(self) -> bool:
        """Whether it is a range without points; only samples can be taken of it."""
        return self.values is None and self.step is None and self.count is None

    def points(self, whole: bool) -> np.ndarray:
        """Its values in order, shape (values,); of a continuous one, its two ends. `whole`: of whole numbers."""
        if self.values is not None:
            return np.array(self.values)
        start, stop = float(self.start or 0.0), float(self.stop or 0.0)
        if self.step is not None:
            steps = np.arange(int(np.floor((stop - start) / self.step * (1 + 1e-12))) + 1)
            points = start + self.step * steps
        elif self.scale == "log":
            points = np.geomspace(start, stop, self.count or 2)
            points = np.unique(np.round(points)) if whole else points
        else:
            points = np.linspace(start, stop, self.count or 2)
        return np.array([float(f"{point:.{DIGITS}g}") for point in points])

    def between(self, unit: np.ndarray, whole: bool) -> np.ndarray:
        """Values of a continuous axis at samples of the unit interval, shape as given."""
        start, stop = float(self.start or 0.0), float(self.stop or 0.0)
        if whole:  # each whole number has the same room, at the ends too
            start, stop = start - 0.5, stop + 0.5
        values = start * (stop / start) ** unit if self.scale == "log" else start + (stop - start) * unit
        return np.clip(np.round(values), np.ceil(start), np.floor(stop)) if whole else values


class Rules:
    """What a machine's settings may be."""

    def __init__(self, machine: str) -> None:
        self.machine = machine
        self._file = read_machine(machine)
        self._constants = library_of(self._file, machine).constants

    def whole(self, key: str) -> bool:
        """Whether a setting is a whole number."""
        return not key.startswith(DEVICE) and self._knob(key).whole

    def mistake(self, axis: Axis) -> str | None:
        """What is wrong with an axis of this machine, or None."""
        try:
            points = axis.points(self.whole(axis.key))
            self._check_points(axis.key, points)
        except InputError as error:
            return as_line(error)
        if len(np.unique(points)) < len(points) and not axis.continuous:
            return f"a value stands more than once: {_repeated(points):g}"
        return None

    def _check_points(self, key: str, points: np.ndarray) -> None:
        if key.startswith(DEVICE):
            constant = self._constants[self._known(key)]
            for value in points.tolist():
                check_value(constant, value)
            return
        wrong = points[~self._knob(key).fits(points)]
        if len(wrong):
            ends = self._knob(key)
            raise InputError(f"must be {ends.wanted()}, got {wrong[0]:g}", allowed=[ends.range()])
        if key == "core.width" and self._file.mapping.one_vector and (points != 1).any():
            raise InputError(
                f"must be 1, got {points[points != 1][0]:g}: the core of {self.machine} takes one vector per clock"
            )

    def _knob(self, key: str) -> Knob:
        return BITS_KNOB if key == BITS else knob(key, list(self._file.charge))

    def _known(self, key: str) -> str:
        name = key.removeprefix(DEVICE)
        if name not in self._constants:
            raise unknown_name("device constant", name, self._constants)
        return name


def flattened(table: Mapping[str, Any], place: str = "") -> dict[str, Any]:
    """Axes by their full key: TOML reads `core.height = [...]` as a table `core` that holds `height`."""
    axes: dict[str, Any] = {}
    for name, value in table.items():
        key = f"{place}{name}"
        if isinstance(value, Mapping) and value and not RANGE_KEYS & value.keys() and "values" not in value:
            axes |= flattened(value, f"{key}.")
        else:
            axes[key] = {"key": key, **(value if isinstance(value, Mapping) else {"values": value})}
    return axes


def _repeated(points: np.ndarray) -> float:
    values, counts = np.unique(points, return_counts=True)
    return float(values[counts > 1][0])
