"""Noise of a spectral density: its integral over a band, and what it is at the input."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from lightloop.errors import InputError
from lightloop.spice.measures.series import Reals, real_series


def integrated_noise(
    freq_hz: ArrayLike, density_per_rthz: ArrayLike, from_hz: float | None = None, to_hz: float | None = None
) -> float:
    """Root of the integral of the squared density over a band, √∫ e² df, in V (or A).

    Between two points e² is taken as a power of f, e² = c f^a, whose integral is known: exact for white and 1/f noise
    on any grid.

    Args:
        freq_hz: Frequencies, > 0, rising, shape `(n,)`.
        density_per_rthz: Spectral density in V/√Hz (or A/√Hz), > 0, shape `(n,)`.
        from_hz: Lower end of the band; the first frequency when left out.
        to_hz: Upper end; the last frequency when left out.

    Raises:
        InputError: The band lies outside `freq_hz`, or a density is not above zero.
    """
    freq, density = real_series(freq_hz, density_per_rthz, "noise")
    low, high = freq[0] if from_hz is None else from_hz, freq[-1] if to_hz is None else to_hz
    if np.any(density <= 0) or freq[0] <= 0:
        raise InputError("noise needs frequencies and densities above zero")
    if not freq[0] <= low < high <= freq[-1]:
        raise InputError(f"the band {low:g} to {high:g} Hz lies outside {freq[0]:g} to {freq[-1]:g} Hz")
    inner = freq[(freq > low) & (freq < high)]
    edges = np.concatenate([[low], inner, [high]])
    power = np.exp(np.interp(np.log(edges), np.log(freq), 2.0 * np.log(density)))
    return float(np.sqrt(np.sum(_power_law_integrals(edges, power))))


def input_referred_density(output_per_rthz: ArrayLike, response: ArrayLike) -> Reals:
    """Density at the input, e_out / |H|, in the unit of the input per √Hz, shape `(n,)`.

    Args:
        output_per_rthz: Density at the output, shape `(n,)`.
        response: Complex ratio of output to input at the same frequencies, not zero, shape `(n,)`.

    Raises:
        InputError: The response is zero somewhere.
    """
    gain = np.abs(np.asarray(response))
    if np.any(gain == 0.0):
        raise InputError("the response is zero at some frequency: there is no noise at the input that explains it")
    return np.asarray(np.asarray(output_per_rthz, dtype=np.float64) / gain, dtype=np.float64)


def _power_law_integrals(f: Reals, power: Reals) -> Reals:
    """∫ c f^a df of each step: f2 p2 - f1 p1 over a + 1, and p1 f1 ln(f2/f1) where a = -1."""
    log_f = np.diff(np.log(f))
    exponent_plus_one = np.diff(np.log(power)) / log_f + 1.0
    x = exponent_plus_one * log_f
    near_one = np.abs(x) < 1e-8
    ratio = np.where(near_one, 1.0, np.expm1(x) / np.where(near_one, 1.0, x))
    return np.asarray(power[:-1] * f[:-1] * log_f * ratio, dtype=np.float64)
