"""Numbers of a DC transfer curve: slopes, logic levels and noise margins, trip points with hysteresis."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from lightloop.errors import InputError
from lightloop.spice.measures.crossings import crossings
from lightloop.spice.measures.series import Reals, real_series


@dataclass(frozen=True)
class NoiseMargins:
    """Levels of an inverter in V. VIL and VIH are the inputs where the slope is -1."""

    output_high_v: float
    output_low_v: float
    input_low_v: float
    input_high_v: float

    @property
    def low_v(self) -> float:
        """NML = VIL - VOL."""
        return self.input_low_v - self.output_low_v

    @property
    def high_v(self) -> float:
        """NMH = VOH - VIH."""
        return self.output_high_v - self.input_high_v


@dataclass(frozen=True)
class TripPoints:
    """Inputs at which the output of a Schmitt trigger passes its middle, in V."""

    rising_v: float
    falling_v: float

    @property
    def width_v(self) -> float:
        """Rising minus falling trip point: above zero for hysteresis."""
        return self.rising_v - self.falling_v


def slopes(input_v: ArrayLike, output_v: ArrayLike) -> Reals:
    """dVout/dVin at each point, of second order on an uneven grid, shape `(n,)`."""
    x, y = real_series(input_v, output_v, "transfer curve")
    return np.asarray(np.gradient(y, x), dtype=np.float64)


def steepest_slope(input_v: ArrayLike, output_v: ArrayLike) -> float:
    """The slope of largest magnitude, with its sign."""
    found = slopes(input_v, output_v)
    return float(found[np.argmax(np.abs(found))])


def noise_margins(input_v: ArrayLike, output_v: ArrayLike) -> NoiseMargins:
    """Levels of an inverter from its transfer curve, by the unity-slope criterion.

    VOH and VOL are the outputs at the first and the last input; VIL and VIH the first and the last input where the
    slope passes -1 (Hill, Microelectronics 1, 16, 1968).

    Args:
        input_v: Input from rail to rail, rising, shape `(n,)`; a fine grid, since slopes are taken from it.
        output_v: Output, shape `(n,)`.

    Raises:
        InputError: The slope does not pass -1 twice: the curve does not regenerate logic levels.
    """
    x, y = real_series(input_v, output_v, "transfer curve")
    unity = crossings(x, slopes(x, y), -1.0)
    if unity.size < 2:
        raise InputError("the slope of the transfer curve does not pass -1 twice", hint="the gain is too low for logic")
    return NoiseMargins(float(y[0]), float(y[-1]), float(unity[0]), float(unity[-1]))


def trip_points(time_s: ArrayLike, input_v: ArrayLike, output_v: ArrayLike) -> TripPoints:
    """Trip points of a trigger driven by one triangle, up and then down.

    Args:
        time_s: Time, rising, shape `(n,)`.
        input_v: The triangle, shape `(n,)`.
        output_v: The trigger's output, shape `(n,)`.

    Raises:
        InputError: The output does not pass its middle exactly once on each ramp.
    """
    time, v_in = real_series(time_s, input_v, "triangle")
    _, v_out = real_series(time_s, output_v, "output")
    passages = crossings(time, v_out, float(v_out.min() + v_out.max()) / 2)
    top = float(time[np.argmax(v_in)])
    up, down = passages[passages <= top], passages[passages > top]
    if np.ptp(v_out) == 0.0 or up.size != 1 or down.size != 1:
        raise InputError(f"the output switches {up.size} times on the way up and {down.size} times on the way down")
    return TripPoints(float(np.interp(up[0], time, v_in)), float(np.interp(down[0], time, v_in)))


def slow_limit(rates: ArrayLike, values: ArrayLike) -> float:
    """Value at rate zero of a straight line through measurements at several rates: trip points without the delay.

    A delay τ moves a trip point by τ times the ramp rate, so that the value at rate zero has none of it.

    Args:
        rates: Ramp rates, two or more different ones, shape `(n,)`.
        values: What was measured at each, shape `(n,)`.
    """
    rate, value = real_series(rates, values, "measurements over rate")
    return float(np.polyfit(rate, value, 1)[1])
