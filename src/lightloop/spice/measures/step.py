"""Numbers of a step response: slew rate, rise time, settling, overshoot."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from lightloop.errors import InputError
from lightloop.spice.measures.crossings import crossings
from lightloop.spice.measures.series import Reals, real_series


def slew_rate_v_per_s(time_s: ArrayLike, volts: ArrayLike, low: float = 0.1, high: float = 0.9) -> float:
    """Mean slope between two shares of the step, (high - low) ΔV / Δt; negative for a falling step.

    Args:
        time_s: Time, rising, shape `(n,)`; begins before the step and ends when settled.
        volts: The output, shape `(n,)`.
        low: Share of the step where the slope's window begins.
        high: Share where it ends.

    Raises:
        InputError: There is no step, or it never reaches those shares.
    """
    time, v = real_series(time_s, volts, "step response")
    change = float(v[-1] - v[0])
    return (high - low) * change / _between(time, v, low, high)


def rise_time_s(time_s: ArrayLike, volts: ArrayLike) -> float:
    """Time from 10 % to 90 % of the step, in s. Arguments and errors as `slew_rate_v_per_s`."""
    time, v = real_series(time_s, volts, "step response")
    return _between(time, v, 0.1, 0.9)


def settling_time_s(time_s: ArrayLike, volts: ArrayLike, step_at_s: float, tolerance: float = 0.01) -> float | None:
    """Time after the step until the output stays within `tolerance` of the whole change around its last value, in s.

    Args:
        time_s: Time, rising, shape `(n,)`.
        volts: The output, shape `(n,)`.
        step_at_s: When the input stepped.
        tolerance: Half width of the band as a share of the change.

    Returns:
        The time in s, or None where the output leaves the band as late as in the last twentieth of the record, so
        that its last value cannot be taken as the final one.
    """
    time, v = real_series(time_s, volts, "step response")
    change = float(v[-1] - np.interp(step_at_s, time, v))
    outside = np.flatnonzero((np.abs(v - v[-1]) > tolerance * abs(change)) & (time >= step_at_s))
    if outside.size == 0:
        return 0.0
    i = int(outside[-1])
    if time[i] > time[-1] - 0.05 * (time[-1] - step_at_s):
        return None
    edge = v[-1] + np.sign(v[i] - v[-1]) * tolerance * abs(change)
    return float(time[i] + (edge - v[i]) / (v[i + 1] - v[i]) * (time[i + 1] - time[i]) - step_at_s)


def overshoot(time_s: ArrayLike, volts: ArrayLike) -> float:
    """How far the output passes its last value, as a share of the whole change; 0 where it does not.

    Raises:
        InputError: The output does not change.
    """
    _, v = real_series(time_s, volts, "step response")
    change = _change(v)
    return max(0.0, float(np.max((v - v[-1]) / change)))


def _change(v: Reals) -> float:
    change = float(v[-1] - v[0])
    if change == 0.0:
        raise InputError("the output ends where it began: there is no step in it")
    return change


def _between(time: Reals, v: Reals, low: float, high: float) -> float:
    change = _change(v)
    share = (v - v[0]) / change
    starts, ends = crossings(time, share, low, "rising"), crossings(time, share, high, "rising")
    if starts.size == 0 or ends.size == 0 or ends[0] <= starts[0]:
        raise InputError(f"the step does not pass from {low:g} to {high:g} of its change")
    return float(ends[0] - starts[0])
