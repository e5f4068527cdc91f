"""What a simulator can be asked: operating point, DC sweep, AC sweep, transient, noise.

Each analysis writes its own command, and knows what its answer must look like: which vectors, how many points, and
where the axis begins and ends.
"""

from __future__ import annotations

import math
import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from lightloop.errors import InputError
from lightloop.spice.numbers import format_number

if TYPE_CHECKING:
    from lightloop.spice.deck import Deck
    from lightloop.spice.rawfile import Plot

_NAME = re.compile(r"[a-z0-9_][a-z0-9_.+-]*", re.ASCII)
_SAVED = re.compile(r"@[a-z0-9_][a-z0-9_.+-]*\[[a-z0-9_]+\]|[vi]\([a-z0-9_][a-z0-9_.+-]*\)", re.ASCII)
AXIS_TOLERANCE = 1e-6  # an axis ends where it was asked to, but for rounding
NAMES_PER_LINE = 100  # ngspice 39 forgets the names of a command of more than about a thousand words
COUNT_TOLERANCE = 1  # a logarithmic sweep may gain or lose its last point by rounding


@dataclass(frozen=True, kw_only=True)
class Analysis(ABC):
    """What all analyses share.

    Args:
        save: Quantities beyond node voltages and source currents, such as `@m1[id]` or `@m.x1.m2[gm]`.
        temp_c: Temperature of all devices in degrees Celsius, for this analysis only.
        alter: Changes (element, its value, number) made before it, which stay for those that follow; the value is
            "" for the main one, `dc`, `acmag`, or a parameter such as `w`.
    """

    save: tuple[str, ...] = ()
    temp_c: float = 27.0
    alter: tuple[tuple[str, str, float], ...] = ()

    plot: ClassVar[str] = ""
    has_axis: ClassVar[bool] = True

    @abstractmethod
    def command(self) -> str:
        """The analysis as a line for ngspice."""

    def control(self, file: str) -> list[str]:
        """All lines for ngspice that run it and write its plot to `file`."""
        lines = [f"option temp={format_number(_number('temp_c', self.temp_c))}"]
        lines += [_alteration(*change) for change in self.alter]
        for place in range(0, len(self.save), NAMES_PER_LINE):
            lines.append(" ".join(["save all", *map(_saved, self.save[place : place + NAMES_PER_LINE])]))
        return [*lines, self.command(), *self.after(), f"write {file}", "destroy all", "delete all"]

    def after(self) -> list[str]:
        """Lines between the analysis and the writing of its plot."""
        return []

    def expected(self, deck: Deck) -> set[str]:
        """Names of the vectors that the answer must hold."""
        nodes = {f"v({node})" for node in deck.nodes - {"0"}}
        sources = {f"i({element.name})" for element in deck.of_kind("v")}
        return nodes | sources | {name.lower() for name in self.save}

    @abstractmethod
    def fault(self, plot: Plot) -> str | None:
        """What is wrong with the length or the axis of an answer; None if nothing is."""


@dataclass(frozen=True)
class OperatingPoint(Analysis):
    """The DC operating point (`.op`)."""

    plot: ClassVar[str] = "operating point"
    has_axis: ClassVar[bool] = False

    def command(self) -> str:
        """`op`."""
        return "op"

    def fault(self, plot: Plot) -> str | None:
        """One point."""
        return None if plot.points == 1 else f"{plot.points} points instead of 1"


@dataclass(frozen=True)
class DcSweep(Analysis):
    """A DC sweep (`.dc`) of a source over evenly spaced values.

    Args:
        source: The swept source (or resistor).
        start: First value in V, A or ohm.
        stop: Last value.
        points: How many values, 2 or more.
    """

    source: str
    start: float
    stop: float
    points: int

    plot: ClassVar[str] = "dc transfer characteristic"

    def command(self) -> str:
        """`dc source start stop step`; a thousandth of a step more, lest rounding loses the last point."""
        if self.points < 2 or self.start == self.stop:
            raise InputError(f"a DC sweep needs two or more different points, got {self.points}")
        step = (_number("stop", self.stop) - _number("start", self.start)) / (self.points - 1)
        return f"dc {_name(self.source)} {self.start!r} {self.stop + 1e-3 * step!r} {step!r}"

    def fault(self, plot: Plot) -> str | None:
        """As many points as asked for."""
        return None if plot.points == self.points else f"{plot.points} points instead of {self.points}"


@dataclass(frozen=True)
class AcSweep(Analysis):
    """A small-signal sweep (`.ac`), logarithmic; one point where start and stop agree.

    Args:
        start_hz: First frequency in Hz.
        stop_hz: Last frequency in Hz.
        points_per_decade: Points in each decade.
    """

    start_hz: float
    stop_hz: float
    points_per_decade: int = 20

    plot: ClassVar[str] = "ac analysis"

    def command(self) -> str:
        """`ac dec ...`, or `ac lin 1 ...` for one frequency."""
        return f"ac {_frequencies(self.start_hz, self.stop_hz, self.points_per_decade)}"

    def fault(self, plot: Plot) -> str | None:
        """The points that a logarithmic axis has between start and stop."""
        return _logarithmic_fault(plot, self.start_hz, self.stop_hz, self.points_per_decade)


@dataclass(frozen=True)
class Noise(Analysis):
    """Noise (`.noise`): `onoise_spectrum` and `inoise_spectrum` in V (or A) per root Hz.

    Args:
        output: The node whose noise is asked for.
        source: The input source to which it is referred.
        start_hz: First frequency in Hz.
        stop_hz: Last frequency in Hz.
        points_per_decade: Points in each decade.
        reference: The node against which the output is taken.
    """

    output: str
    source: str
    start_hz: float
    stop_hz: float
    points_per_decade: int = 20
    reference: str = "0"

    plot: ClassVar[str] = "noise spectral density curves"

    def command(self) -> str:
        """`noise v(output) source dec ...`."""
        pair = _name(self.output) + ("" if self.reference == "0" else f",{_name(self.reference)}")
        sweep = _frequencies(self.start_hz, self.stop_hz, self.points_per_decade)
        return f"noise v({pair}) {_name(self.source)} {sweep}"

    def control(self, file: str) -> list[str]:
        """As for the others; ngspice leaves the noise out where anything else is saved."""
        if self.save:
            raise InputError("a noise analysis saves its spectra only", hint="save quantities in another analysis")
        return super().control(file)

    def after(self) -> list[str]:
        """The spectra are in the plot before the last, which holds the integrals."""
        return ["setplot previous"]

    def expected(self, deck: Deck) -> set[str]:
        """The two spectra."""
        return {"onoise_spectrum", "inoise_spectrum"}

    def fault(self, plot: Plot) -> str | None:
        """The points that a logarithmic axis has between start and stop."""
        return _logarithmic_fault(plot, self.start_hz, self.stop_hz, self.points_per_decade)


@dataclass(frozen=True)
class Transient(Analysis):
    """A transient (`.tran`).

    Args:
        stop_s: End in s.
        step_s: Suggested step in s.
        start_s: Time from which points are kept.
        max_step_s: Largest step; ngspice's own rule if None.
        from_initial: Start from initial conditions instead of the operating point (`uic`).
    """

    stop_s: float
    step_s: float
    start_s: float = 0.0
    max_step_s: float | None = None
    from_initial: bool = False

    plot: ClassVar[str] = "transient analysis"

    def command(self) -> str:
        """`tran step stop start [max] [uic]`."""
        if not 0 < self.step_s <= self.stop_s or not 0 <= self.start_s < self.stop_s:
            raise InputError(f"a transient of {self.start_s:g} to {self.stop_s:g} s in steps of {self.step_s:g} s")
        values = [self.step_s, self.stop_s, self.start_s]
        values += [self.max_step_s] if self.max_step_s is not None else []
        words = [repr(float(_number("time", value))) for value in values]
        return " ".join(["tran", *words, *(["uic"] if self.from_initial else [])])

    def fault(self, plot: Plot) -> str | None:
        """A rising time axis that reaches the end."""
        time_s = plot.axis
        if plot.points < 2 or (time_s[1:] <= time_s[:-1]).any():
            return "no rising time axis"
        if time_s[-1] < self.stop_s * (1 - AXIS_TOLERANCE):
            return f"it ends at {time_s[-1]:.4g} s instead of {self.stop_s:.4g} s"
        return None


def _frequencies(start_hz: float, stop_hz: float, points_per_decade: int) -> str:
    if not 0 < start_hz <= stop_hz < math.inf or points_per_decade < 1:
        raise InputError(f"a sweep of {start_hz:g} to {stop_hz:g} Hz with {points_per_decade} points per decade")
    if start_hz == stop_hz:
        return f"lin 1 {float(start_hz)!r} {float(stop_hz)!r}"
    return f"dec {int(points_per_decade)} {float(start_hz)!r} {float(stop_hz)!r}"


def _logarithmic_fault(plot: Plot, start_hz: float, stop_hz: float, points_per_decade: int) -> str | None:
    wanted = math.floor(math.log10(stop_hz / start_hz) * points_per_decade + AXIS_TOLERANCE) + 1
    if abs(plot.points - wanted) > COUNT_TOLERANCE or plot.points < 1:
        return f"{plot.points} points instead of {wanted}"
    if abs(plot.axis[0] / start_hz - 1) > AXIS_TOLERANCE:
        return f"it begins at {plot.axis[0]:.4g} Hz instead of {start_hz:.4g} Hz"
    return None


def _alteration(element: str, parameter: str, value: float) -> str:
    words = ["alter", _name(element), *([_name(parameter)] if parameter else [])]
    return f"{' '.join(words)} = {float(_number('a value', value))!r}"


def _name(name: str) -> str:
    if not _NAME.fullmatch(name.lower()):
        raise InputError(f"{name!r} is no name of a node or an element")
    return name.lower()


def _saved(name: str) -> str:
    if not _SAVED.fullmatch(name.lower()):
        raise InputError(f"{name!r} cannot be saved", hint="write for example @m1[id] or v(out)")
    return name.lower()


def _number(what: str, value: float) -> float:
    if not math.isfinite(value):
        raise InputError(f"{what} must be finite, got {value!r}")
    return value
