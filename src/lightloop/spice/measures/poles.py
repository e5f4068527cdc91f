"""Poles and zeros of a measured frequency response, by a rational fit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from lightloop.errors import InputError
from lightloop.spice.measures.series import Complexes, Reals, complex_series

ITERATIONS = 20


@dataclass(frozen=True)
class RationalFit:
    """H(s) = N(s)/D(s) fitted to a response. Poles and zeros are s/2π in Hz: a stable pole has a negative real part."""

    poles_hz: Complexes
    zeros_hz: Complexes
    largest_relative_error: float


def rational_fit(freq_hz: ArrayLike, response: ArrayLike, poles: int, zeros: int = 0) -> RationalFit:
    """Fit a ratio of two polynomials in s = j2πf and return its roots, those nearest to zero first.

    Linearized least squares of |N - H D|² weighted by 1/|H D_previous|² and repeated, so that the relative error of H
    is what is made small (Sanathanan and Koerner, IEEE Trans. Automatic Control 8, 56, 1963).

    Args:
        freq_hz: Frequencies, rising, shape `(n,)`; the poles asked for lie within or near them.
        response: Complex ratio, shape `(n,)`.
        poles: Degree of D.
        zeros: Degree of N.

    Raises:
        InputError: Too few points for that many coefficients.
    """
    freq, h = complex_series(freq_hz, response, "response")
    if poles < 1 or zeros < 0 or 2 * freq.size < poles + zeros + 1:
        raise InputError(f"{freq.size} points cannot give {poles} poles and {zeros} zeros")
    scale = float(np.sqrt(freq[0] * freq[-1]))
    s = np.asarray(1j * freq / scale, dtype=np.complex128)
    top, bottom = _iterate(s, h, poles, zeros)
    fitted = np.polyval(top, s) / np.polyval(bottom, s)
    return RationalFit(
        poles_hz=_roots(bottom, scale),
        zeros_hz=_roots(top, scale),
        largest_relative_error=float(np.max(np.abs(fitted / h - 1.0))),
    )


def _iterate(s: Complexes, h: Complexes, poles: int, zeros: int) -> tuple[Reals, Reals]:
    """Coefficients of N and D, highest power first; D's constant is 1."""
    powers_top = np.stack([s**k for k in range(zeros, -1, -1)], axis=1)
    powers_bottom = np.stack([s**k for k in range(poles, 0, -1)], axis=1)
    weight = 1.0 / np.abs(h)
    for _ in range(ITERATIONS):
        rows = np.hstack([powers_top, -h[:, None] * powers_bottom]) * weight[:, None]
        target = h * weight
        stacked = np.vstack([rows.real, rows.imag])
        norms = np.linalg.norm(stacked, axis=0)
        found = np.linalg.lstsq(stacked / norms, np.concatenate([target.real, target.imag]), rcond=None)[0] / norms
        top, bottom = found[: zeros + 1], np.append(found[zeros + 1 :], 1.0)
        weight = 1.0 / np.abs(h * np.polyval(bottom, s))
    return top, bottom


def _roots(coefficients: Reals, scale: float) -> Complexes:
    roots = np.roots(coefficients) * scale
    return np.asarray(roots[np.argsort(np.abs(roots))], dtype=np.complex128)
