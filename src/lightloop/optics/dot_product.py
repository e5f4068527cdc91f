"""The optical dot product (DDot): two fields interfere in a coupler, two detectors subtract.

    x_i ───────────╲___╱── z0 ──▷|── I0 ─┐
                                         ├── (I0 − I1)/2 = Σ x_i y_i   (κ = 1/2, φ = −π/2)
    y_i ── e^{jφ} ─╱‾‾‾╲── z1 ──▷|── I1 ─┘

The operands are signed field amplitudes, one wavelength each. `ddot` follows the fields; `ddot_closed_form`
is the same on paper. Source: Zhu et al., Lightening-Transformer, HPCA 2024; Feng et al., O2NN, DATE 2021.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

QUADRATURE = -math.pi / 2


class DdotFields(NamedTuple):
    """The complex fields behind the coupler, shape `(..., wavelengths)` each."""

    z0: NDArray[np.complex128]
    z1: NDArray[np.complex128]


def ddot_fields(x: ArrayLike, y: ArrayLike, kappa: ArrayLike = 0.5, phase: ArrayLike = QUADRATURE) -> DdotFields:
    """Fields at the two outputs of the coupler.

    z0 = t x + j k e^{jφ} y,  z1 = j k x + t e^{jφ} y,  with k = √κ, t = √(1 − κ).

    Args:
        x: Field amplitudes of the first operand, shape `(..., wavelengths)`.
        y: Field amplitudes of the second operand, broadcast against `x`.
        kappa: Power coupling of each wavelength, scalar or `(wavelengths,)`.
        phase: Phase shift φ of the second operand in radian, scalar or broadcast against `x`.
    """
    x, y, kappa = np.asarray(x), np.asarray(y), np.asarray(kappa)
    t, k = np.sqrt(1 - kappa), np.sqrt(kappa)
    y = np.exp(1j * np.asarray(phase)) * y
    return DdotFields(z0=t * x + 1j * k * y, z1=1j * k * x + t * y)


def ddot(x: ArrayLike, y: ArrayLike, kappa: ArrayLike = 0.5, phase: ArrayLike = QUADRATURE) -> NDArray[np.float64]:
    """(I0 − I1)/2 by square-law detection, summed over the last axis; arguments as `ddot_fields`."""
    z0, z1 = ddot_fields(x, y, kappa, phase)
    i0, i1 = (np.abs(z0) ** 2).sum(axis=-1), (np.abs(z1) ** 2).sum(axis=-1)
    return (i0 - i1) / 2


def ddot_closed_form(
    x: ArrayLike, y: ArrayLike, kappa: ArrayLike = 0.5, phase: ArrayLike = QUADRATURE
) -> NDArray[np.float64]:
    """What the fields of `ddot` add up to; arguments as `ddot_fields`.

    (I0 − I1)/2 = Σ [ √(1 − e²) cos(Δφ) x y − (e/2)(x² − y²) ],  with e = 2κ − 1 and Δφ = φ + π/2.
    """
    x, y = np.asarray(x), np.asarray(y)
    e = 2 * np.asarray(kappa) - 1
    error = np.asarray(phase) - QUADRATURE
    return (np.sqrt(1 - e**2) * np.cos(error) * x * y - e / 2 * (x**2 - y**2)).sum(axis=-1)


def phase_moments(phase_deg: float) -> tuple[float, float]:
    """Mean e^{−s²/2} and variance (1 − e^{−s²})²/2 of cos δ for a phase error δ ~ N(0, s).

    Args:
        phase_deg: The standard deviation s, in degrees.
    """
    s = math.radians(phase_deg)
    return math.exp(-(s**2) / 2), math.expm1(-(s**2)) ** 2 / 2
