"""Perfectly matched layers as a stretching of coordinates into the complex plane (Chew and Weedon 1994).

    s(l) = 1 − j σ(l)/(ω ε0),   σ(l) = σ_max (l/L)^m,   σ_max = −(m + 1) ln R / (2 η0 L)

with l the depth in a layer of thickness L, so that a plane wave in vacuum that goes straight in and comes
back from the wall behind is R times what it was. Time goes as e^(+jωt), so Im s ≤ 0 attenuates.
Both layers of an axis are the mirror image of one another.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy.constants import c

Array = np.ndarray[Any, np.dtype[Any]]
ORDER = 3
LOG_REFLECTION = -30.0


class Stretch(NamedTuple):
    """s of one axis.

    Attributes:
        points: At the points of the grid, shape (n,).
        between: Half a step before each of them and behind the last, shape (n + 1,).
    """

    points: Array
    between: Array


def stretched(count: int, cells: int, k0_dl: float) -> Stretch:
    """The stretch of an axis of `count` points, the outer `cells` of which at both ends are absorbing.

    Args:
        count: n.
        cells: Thickness of each layer; 0 for none.
        k0_dl: Vacuum wave number times grid step.
    """
    places = np.arange(-0.5, count, 0.5)
    if not cells:
        s = np.ones_like(places, dtype=complex)
        return Stretch(s[1::2], s[::2])
    depth = np.maximum(np.maximum(cells - 0.5 - places, places - (count - 0.5 - cells)), 0.0) / cells
    # σ_max / (ω ε0) = −(m + 1) ln R / (2 k0 L): the impedance of vacuum drops out.
    s = 1.0 + 1j * (ORDER + 1) * LOG_REFLECTION / (2.0 * k0_dl * cells) * depth**ORDER
    return Stretch(s[1::2], s[::2])


def wave_number_per_um(wavelength_um: float) -> float:
    """k0 in 1/µm."""
    return 2.0 * np.pi / wavelength_um


def angular_frequency(wavelength_um: float) -> float:
    """ω in rad/s."""
    return 2.0 * np.pi * c / (wavelength_um * 1e-6)
