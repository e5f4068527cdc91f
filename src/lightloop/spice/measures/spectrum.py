"""Harmonics and distortion of a periodic waveform whose frequency is known."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from lightloop.errors import InputError
from lightloop.spice.measures.series import Reals, real_series

POINTS_PER_PERIOD = 512
DEFAULT_HARMONICS = 9


def harmonics(time_s: ArrayLike, values: ArrayLike, fundamental_hz: float, count: int = DEFAULT_HARMONICS) -> Reals:
    """Amplitudes of the fundamental and its harmonics, in the unit of `values`, shape `(count,)`.

    a_k = |(2/T) ∫ v(t) exp(-j2πkft) dt| over the last whole number of periods, on an even grid interpolated between
    the simulator's steps.

    Args:
        time_s: Time, rising, shape `(n,)`, one period or more.
        values: The waveform, shape `(n,)`.
        fundamental_hz: Frequency of the fundamental.
        count: Number of harmonics, the fundamental included.

    Raises:
        InputError: The record is shorter than one period.
    """
    time, v = real_series(time_s, values, "waveform")
    periods = int(np.floor((time[-1] - time[0]) * fundamental_hz * (1 + 1e-9)))
    if periods < 1:
        raise InputError(f"the record holds less than one period of {fundamental_hz:g} Hz")
    points = periods * max(POINTS_PER_PERIOD, 8 * count)
    grid = time[-1] - (np.arange(points, 0, -1) / points) * periods / fundamental_hz
    amplitudes = np.abs(np.fft.rfft(np.interp(grid, time, v))) * 2.0 / points
    return np.asarray(amplitudes[periods : periods * (count + 1) : periods], dtype=np.float64)


def total_harmonic_distortion(
    time_s: ArrayLike, values: ArrayLike, fundamental_hz: float, count: int = DEFAULT_HARMONICS
) -> float:
    """THD = √(a_2² + ... + a_n²) / a_1 as a plain ratio. Arguments and errors as `harmonics`.

    Raises:
        InputError: Also where there is no fundamental.
    """
    a = harmonics(time_s, values, fundamental_hz, count)
    if a[0] == 0.0:
        raise InputError(f"the waveform has nothing at {fundamental_hz:g} Hz")
    return float(np.sqrt(np.sum(a[1:] ** 2)) / a[0])
