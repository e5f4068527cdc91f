"""Numbers of a frequency response H(f): gain, phase, bandwidth, unity-gain frequency, phase margin.

Between two points, level in dB and unwrapped phase are taken as linear in log f, which is exact on the slopes of a
Bode plot. Time convention exp(+jωt).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from lightloop.errors import InputError
from lightloop.spice.measures.series import Reals, complex_series

HALF_POWER_DB = 10.0 * np.log10(2.0)
SMALLEST_GAIN = 1e-300
FULL_TURN_DEG = 360.0


def level_db(gain: ArrayLike) -> Reals:
    """Level of a voltage ratio, 20 log10 |H|, in dB."""
    return np.asarray(20.0 * np.log10(np.maximum(np.abs(np.asarray(gain)), SMALLEST_GAIN)), dtype=np.float64)


def gain_at(freq_hz: ArrayLike, response: ArrayLike, at_hz: float) -> float:
    """|H| at one frequency, a plain ratio.

    Args:
        freq_hz: Frequencies, rising, shape `(n,)`.
        response: Complex ratio of output to input, shape `(n,)`.
        at_hz: The frequency asked for.

    Raises:
        InputError: `at_hz` lies outside `freq_hz`.
    """
    freq, h = complex_series(freq_hz, response, "response")
    return float(10.0 ** (_at(freq, level_db(h), at_hz) / 20.0))


def phase_at_deg(freq_hz: ArrayLike, response: ArrayLike, at_hz: float) -> float:
    """Phase of H at one frequency in degrees, in (-180, 180]. Arguments and errors as `gain_at`."""
    freq, h = complex_series(freq_hz, response, "response")
    return wrapped_deg(_at(freq, _phase_deg(h), at_hz))


def wrapped_deg(angle_deg: float) -> float:
    """The same angle in (-180, 180]."""
    return -((-angle_deg + FULL_TURN_DEG / 2) % FULL_TURN_DEG - FULL_TURN_DEG / 2)


def phase_distance_deg(angle_deg: float, target_deg: float) -> float:
    """How far two angles are apart, 0 to 180 degrees."""
    return abs(wrapped_deg(angle_deg - target_deg))


def bandwidth_3db_hz(freq_hz: ArrayLike, response: ArrayLike, reference_gain: float | None = None) -> float | None:
    """The first frequency above the reference where |H| has fallen to 1/√2 of it, in Hz.

    Args:
        freq_hz: Frequencies, rising, shape `(n,)`.
        response: Complex ratio, shape `(n,)`.
        reference_gain: |H| in the pass band; the largest |H| when left out.

    Returns:
        The upper -3 dB frequency, or None where the response does not fall that far within `freq_hz`.
    """
    freq, h = complex_series(freq_hz, response, "response")
    level = level_db(h)
    start = int(np.argmax(level))
    reference = level[start] if reference_gain is None else float(level_db(reference_gain))
    return _first_fall(freq[start:], level[start:], reference - HALF_POWER_DB)


def lower_3db_hz(freq_hz: ArrayLike, response: ArrayLike, reference_gain: float | None = None) -> float | None:
    """The last frequency below the largest |H| where it is 1/√2 of the reference, in Hz; None where it is not."""
    freq, h = complex_series(freq_hz, response, "response")
    level = level_db(h)
    stop = int(np.argmax(level)) + 1
    reference = level[stop - 1] if reference_gain is None else float(level_db(reference_gain))
    mirrored = _first_fall(-np.log(freq[:stop])[::-1], level[:stop][::-1], reference - HALF_POWER_DB, logarithmic=False)
    return None if mirrored is None else float(np.exp(-mirrored))


def unity_gain_hz(freq_hz: ArrayLike, response: ArrayLike) -> float | None:
    """The frequency where |H| falls through 1, in Hz; None where it does not within `freq_hz`."""
    freq, h = complex_series(freq_hz, response, "response")
    return _first_fall(freq, level_db(h), 0.0)


def phase_margin_deg(freq_hz: ArrayLike, loop_gain: ArrayLike) -> float | None:
    """Phase margin of a negative feedback loop: 180° + phase of its gain T where |T| = 1.

    Args:
        freq_hz: Frequencies, rising, from well below the first pole, shape `(n,)`.
        loop_gain: T, positive at low frequencies (the inversion of the loop taken out), shape `(n,)`.

    Returns:
        The margin in degrees, with the phase unwrapped from the lowest frequency on; None without a crossing.

    Raises:
        InputError: T is negative at the lowest frequency, so that its sign is not that of the convention.
    """
    freq, t = complex_series(freq_hz, loop_gain, "loop gain")
    if abs(np.angle(t[0])) > np.pi / 2:
        raise InputError(
            f"the loop gain starts at {np.degrees(np.angle(t[0])):.0f} degrees",
            hint="start well below the first pole, and give T with the loop's inversion taken out",
        )
    unity = _first_fall(freq, level_db(t), 0.0)
    return None if unity is None else FULL_TURN_DEG / 2 + _at(freq, _phase_deg(t), unity)


def _phase_deg(h: ArrayLike) -> Reals:
    return np.degrees(np.unwrap(np.angle(np.asarray(h))))


def _at(freq: Reals, values: Reals, at_hz: float) -> float:
    if not freq[0] <= at_hz <= freq[-1]:
        raise InputError(f"{at_hz:g} Hz lies outside the response, {freq[0]:g} to {freq[-1]:g} Hz")
    return float(np.interp(np.log(at_hz), np.log(freq), values))


def _first_fall(freq: Reals, level: Reals, target: float, logarithmic: bool = True) -> float | None:
    """Where `level` first falls through `target`, interpolated over log f."""
    falls = np.flatnonzero((level[:-1] > target) & (level[1:] <= target))
    if falls.size == 0:
        return None
    i = int(falls[0])
    share = (level[i] - target) / (level[i] - level[i + 1])
    if not logarithmic:
        return float(freq[i] + share * (freq[i + 1] - freq[i]))
    return float(freq[i] * (freq[i + 1] / freq[i]) ** share)
