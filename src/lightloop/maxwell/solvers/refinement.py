"""No answer that does not solve the equations: refined where rounding grew, handed to another solver where it burst.

Nested dissection chooses pivots within a front only. A front that is a cavity near resonance has nearly no inverse, and
what it hands on is large and inexact.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from lightloop.errors import InputError
from lightloop.maxwell.stencil import Stencil

Array = np.ndarray[Any, np.dtype[Any]]
# Of ‖M u − f‖ / ‖f‖: refined above the first, refused above the second.
ACCURATE, ACCEPTED = 1e-10, 1e-8
STEPS = 3
log = logging.getLogger(__name__)


def resonance(found: str) -> InputError:
    """The refusal of a system that has no solution, or nearly none."""
    return InputError(
        f"{found}: the device, or with the solver that was asked for a part of it, is a cavity at resonance",
        hint="take solver=auto, add absorbing layers or a loss, or change the wavelength a little",
    )


class Factor(Protocol):
    """A factor of M."""

    def solve(self, f: Array) -> Array:
        """u with M u = f, shapes (nx, ny, k)."""


class Checked:
    """A factor whose answers are held against the equations, by the sum over all right-hand sides.

    Args:
        stencil: M.
        factor: Of M.
        instead: Makes the factor that is taken if this one fails; None to raise then.
    """

    def __init__(self, stencil: Stencil, factor: Factor, instead: Callable[[Stencil], Factor] | None) -> None:
        self._stencil, self._factor, self._instead = stencil, factor, instead

    def solve(self, f: Array) -> Array:
        """u with M u = f, shapes (nx, ny, k).

        Raises:
            InputError: This factor fails, and there is none to be taken instead.
        """
        u = self._factor.solve(f)
        error = self._residual(f, u)
        with np.errstate(all="ignore"):
            for _ in range(STEPS):
                if error <= ACCURATE:
                    return u
                u += self._factor.solve(f - self._stencil.apply(u))
                error = self._residual(f, u)
        if error <= ACCEPTED:
            return u
        if self._instead is None:
            raise resonance(f"the solution leaves {error:.1e} of the right-hand side")
        log.warning("%d x %d points: the factor leaves %.1e, another solver is taken", *self._stencil.shape, error)
        self._factor, self._instead = self._instead(self._stencil), None
        return self.solve(f)

    def _residual(self, f: Array, u: Array) -> float:
        f, u = f.sum(axis=-1), u.sum(axis=-1)
        size = np.linalg.norm(f)
        error = float(np.linalg.norm(self._stencil.apply(u) - f) / size) if size else 0.0
        return error if np.isfinite(error) else np.inf
