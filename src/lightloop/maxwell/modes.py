"""Modes of a cross-section of the grid, exact for the discrete operator.

Where the grid repeats itself along an axis, M u = 0 is solved by u = e(j) λ^i with

    (T + (λ + 1/λ) W) e = 0,

T the operator's entries within the cross-section, tridiagonal, and W, diagonal, those towards the next. So a mode needs
no normalisation run: a source made of it sends what it says, and no more than rounding the other way. Modes are
orthogonal with the weight W.

    2 − (λ + 1/λ) = (β dl)²,   n_eff = β/k0        (semi-discrete: the axis of propagation is not discretised)
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy.linalg import eig, eigh_tridiagonal

from lightloop.errors import InputError
from lightloop.maxwell.stencil import Stencil

Array = np.ndarray[Any, np.dtype[Any]]
# Of λ from the unit circle: a mode that loses more than this per step is taken for an evanescent one.
PROPAGATES = 1e-3
ROUNDING = 1e-12
# Peaks of a profile that differ by rounding: the first of them is positive.
SAME = 1e-6


class Section(NamedTuple):
    """A stretch of points across the axis of propagation.

    Attributes:
        diagonal: Entries of the operator at the points, shape (n,).
        beside: Couplings between neighbours among them, shape (n − 1,).
        ahead: Couplings to the next section, W, shape (n,).
    """

    diagonal: Array
    beside: Array
    ahead: Array


class Mode(NamedTuple):
    """A mode that propagates towards higher indices as e(j) λ^i.

    Attributes:
        n_eff: Effective index, semi-discrete.
        step: λ, the factor from one point to the next along the axis.
        profile: e, with Σ W e² = 1, shape (n,).
    """

    n_eff: complex
    step: complex
    profile: Array


def section(stencil: Stencil, axis: int, place: int, span: slice) -> Section:
    """The cross-section at `place` along an axis (0 for x), of the points `span` of the other axis."""
    diagonal, ahead, beside = (
        (stencil.diagonal, stencil.across_x, stencil.across_y)
        if axis == 0
        else (stencil.diagonal.T, stencil.across_y.T, stencil.across_x.T)
    )
    start, stop, _ = span.indices(diagonal.shape[1])
    return Section(diagonal[place, start:stop], beside[place, start + 1 : stop], ahead[place, start:stop])


def modes(of: Section, count: int, k0_dl: float) -> list[Mode]:
    """The first `count` modes of a section, those of the highest effective index first."""
    values, profiles = (_real_modes if _is_real(of) else _complex_modes)(of, count)
    return [_mode(value, profile, of.ahead, k0_dl) for value, profile in zip(values, profiles.T, strict=True)]


def guided(of: Section, number: int, k0_dl: float, where: str) -> Mode:
    """Mode `number` of a section, from 0.

    Raises:
        InputError: It does not propagate, or waves run to both ends of the section, whose walls alone hold it together.
    """
    found = modes(of, number + 1, k0_dl)
    able = sum(abs(abs(mode.step) - 1.0) <= PROPAGATES and _is_held(mode, of, k0_dl) for mode in found)
    if able <= number:
        raise InputError(
            f"mode {number} of {where} does not propagate" + (", or is not guided" if len(found) > number else ""),
            allowed=[f"modes 0 to {able - 1}"] if able else ["none: the cross-section guides nothing"],
            hint="ask for a lower mode, or widen the guide or the span of the port",
        )
    return found[number]


def _is_held(mode: Mode, of: Section, k0_dl: float) -> bool:
    """Whether the mode falls towards one end at least: (n_eff k0 dl)² is above that of the medium there."""
    if len(of.diagonal) < 2:
        return False
    lowest = min(float(np.real((of.diagonal[end] + 2.0 * of.beside[end]) / of.ahead[end])) for end in (0, -1)) + 2.0
    return float(np.real((mode.n_eff * k0_dl) ** 2)) > lowest


def _is_real(of: Section) -> bool:
    return all(not np.iscomplexobj(part) or not np.any(part.imag) for part in of)


def _real_modes(of: Section, count: int) -> tuple[Array, Array]:
    """−(λ + 1/λ) from the highest, and e; T and W real and W positive."""
    diagonal, beside, ahead = (np.real(part) for part in of)
    root = np.sqrt(ahead)
    highest = (max(0, len(ahead) - count), len(ahead) - 1)
    values, vectors = eigh_tridiagonal(
        diagonal / ahead, beside / (root[:-1] * root[1:]), select="i", select_range=highest, check_finite=False
    )
    return values[::-1], vectors[:, ::-1] / root[:, None]


def _complex_modes(of: Section, count: int) -> tuple[Array, Array]:
    """−(λ + 1/λ) from the highest real part, and e."""
    matrix = np.diag(of.diagonal) + np.diag(of.beside, 1) + np.diag(of.beside, -1)
    values, vectors = eig(matrix / of.ahead[:, None], check_finite=False)
    highest = np.argsort(-values.real)[:count]
    return values[highest], vectors[:, highest]


def _mode(value: complex, profile: Array, ahead: Array, k0_dl: float) -> Mode:
    """The mode that loses along the axis, or if there is no loss carries power along it."""
    beta_dl = np.sqrt(complex(2.0 + value))
    step = -0.5 * value - 1j * np.sqrt(1.0 - 0.25 * complex(value) ** 2)
    if abs(abs(step) - 1.0) > ROUNDING and abs(step) > 1.0:
        step = 1.0 / step
    profile = profile / np.sqrt(np.sum(ahead * profile**2) + 0j)
    size = np.abs(profile)
    peak = profile[np.argmax(size > (1.0 - SAME) * size.max())]
    return Mode(beta_dl / k0_dl, step, profile if peak.real > 0 else -profile)
