"""Waves of a mode that enter and leave through a port, exact on the grid.

A wave u = e(j) λ^i that is there from the first section of the device on, and not before it, is made by the current
f = M u, which is zero but in the first section and the one before it (total field and scattered field).

    power through a section:   P = Im(u_i* w u_(i−1)) / (2ω · constant)      towards higher indices

is the same in front of and behind every point where there is neither loss nor source.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lightloop.maxwell.ports import Line
from lightloop.maxwell.stencil import Stencil

Array = np.ndarray[Any, np.dtype[Any]]
# Sections before the first where outgoing waves are measured; no source is there.
MEASURED = (-2, -3)


def coupling_ahead(stencil: Stencil, line: Line) -> Array:
    """W between the first section of the device and the one before it."""
    place = line.first if line.sense > 0 else line.first + 1
    return stencil.across_x[place, line.span] if line.axis == 0 else stencil.across_y[line.span, place]


def unit_amplitude(stencil: Stencil, line: Line, factor: float) -> complex:
    """The amplitude of 1 W/m (peak amplitudes of time as e^(jωt)) at the port's line.

    Args:
        stencil: M.
        line: The port.
        factor: 1/(2ω · constant).
    """
    e, step = line.mode.profile, line.mode.step
    power = factor * float(np.imag(np.conj(step) * np.sum(np.conj(e) * coupling_ahead(stencil, line) * e)))
    return power**-0.5


def entering(stencil: Stencil, lines: Sequence[Line], factor: float) -> tuple[Array, Array]:
    """Waves of 1 W/m into each of some ports.

    Args:
        stencil: M.
        lines: The ports.
        factor: 1/(2ω · constant).

    Returns:
        Their currents, shape (nx, ny, ports), and their amplitudes at the ports' lines, shape (ports,).
    """
    units = np.array([unit_amplitude(stencil, line, factor) for line in lines])
    f = np.zeros((*stencil.shape, len(lines)), dtype=complex)
    for number, (line, unit) in enumerate(zip(lines, units, strict=True)):
        enter(stencil, line, unit, f[..., number])
    return f, units


def enter(stencil: Stencil, line: Line, amplitude: complex, f: Array) -> None:
    """Add to f, shape (nx, ny), the current of a wave that has an amplitude at the port's line."""
    e, step = line.mode.profile, line.mode.step
    wave = amplitude * coupling_ahead(stencil, line) * e * step**-line.offset
    f[line.at(-1)] += wave
    f[line.at(0)] -= wave / step


def leave(stencil: Stencil, line: Line, u: Array) -> Array:
    """Amplitudes, at the port's line, of the wave that leaves the device.

    Two sections tell it from what the absorbing layer sends back: o λ² + b λ⁻² and o λ³ + b λ⁻³ are measured.

    Args:
        stencil: M.
        line: The port.
        u: Fields of shape (nx, ny, k).

    Returns:
        Shape (k,).
    """
    e, step = line.mode.profile, line.mode.step
    overlap = coupling_ahead(stencil, line) * e
    near, far = (np.tensordot(overlap, u[line.at(place)], 1) for place in MEASURED)
    return (near - step * far) / (step**2 * (1.0 - step**2)) * step**-line.offset
