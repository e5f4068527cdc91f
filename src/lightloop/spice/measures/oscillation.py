"""Does a waveform oscillate: its period, how steady it is, and whether it grows or decays."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from lightloop.errors import InputError
from lightloop.spice.measures.crossings import crossings_with_margin
from lightloop.spice.measures.series import Reals, part, real_series

Trend = Literal["growing", "steady", "decaying"]

# A passage counts when the waveform has been this share of its swing below the middle since the last one.
MARGIN_OF_SWING = 0.1
STEADY_WITHIN = 0.05


@dataclass(frozen=True)
class Oscillation:
    """A periodic waveform in numbers. `period_s` is None where there were fewer than two periods."""

    period_s: float | None
    period_spread: float | None  # standard deviation of the periods over their mean
    periods: int
    peak_to_peak: float
    trend: Trend

    @property
    def frequency_hz(self) -> float | None:
        """1 / period."""
        return None if self.period_s is None else 1.0 / self.period_s


def oscillation(time_s: ArrayLike, values: ArrayLike) -> Oscillation:
    """Measure an oscillation over the whole record given; cut the start-up off before.

    Periods are the times between upward passages of the middle of the swing. The trend compares the swing of the
    last third of the record with that of the middle third.

    Args:
        time_s: Time, rising, shape `(n,)`.
        values: The waveform, shape `(n,)`.
    """
    time, v = real_series(time_s, values, "waveform")
    low, high = float(v.min()), float(v.max())
    periods = np.diff(crossings_with_margin(time, v, (low + high) / 2, MARGIN_OF_SWING * (high - low)))
    enough = periods.size >= 2
    return Oscillation(
        period_s=float(periods.mean()) if enough else None,
        period_spread=float(periods.std() / periods.mean()) if enough else None,
        periods=int(periods.size),
        peak_to_peak=high - low,
        trend=trend(time, v),
    )


def peak_to_peak(time_s: ArrayLike, values: ArrayLike, start_s: float, stop_s: float) -> float:
    """Largest minus smallest value within a window of time, in the unit of `values`.

    Raises:
        InputError: No point lies in the window.
    """
    time, v = real_series(time_s, values, "waveform")
    inside = part(time, v, start_s, stop_s)[1]
    if inside.size == 0:
        raise InputError(f"no point between {start_s:g} s and {stop_s:g} s")
    return float(np.ptp(inside))


def swing_by_thirds(time_s: ArrayLike, values: ArrayLike) -> Reals:
    """Peak-to-peak value in the first, middle and last third of the record, shape `(3,)`."""
    time, v = real_series(time_s, values, "waveform")
    edges = np.linspace(time[0], time[-1], 4)
    return np.asarray([peak_to_peak(time, v, *window) for window in pairwise(edges)])


def trend(time_s: ArrayLike, values: ArrayLike, steady_within: float = STEADY_WITHIN) -> Trend:
    """Whether the swing of the last third is larger, equal within `steady_within`, or smaller than the middle one."""
    _, middle, last = swing_by_thirds(time_s, values)
    if abs(last - middle) <= steady_within * middle:
        return "steady"
    return "growing" if last > middle else "decaying"
