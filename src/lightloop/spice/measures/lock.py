"""Is a phase-locked loop locked: frequency error and spread of the phase error."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from lightloop.errors import InputError
from lightloop.spice.measures.crossings import crossings_with_margin
from lightloop.spice.measures.oscillation import MARGIN_OF_SWING
from lightloop.spice.measures.series import Reals, real_series

MIN_EDGES = 4


@dataclass(frozen=True)
class Lock:
    """How an output clock follows its reference. Phases are in periods of the reference."""

    frequency_ratio: float
    phase_error: float
    phase_error_spread: float
    edges: int

    @property
    def frequency_error(self) -> float:
        """|f_out / f_ref - 1|."""
        return abs(self.frequency_ratio - 1.0)


def lock(time_s: ArrayLike, reference_v: ArrayLike, output_v: ArrayLike) -> Lock:
    """Compare the upward edges of two clocks over the record given; cut the acquisition off before.

    The phase of each output edge is its delay after the reference edge before it, in reference periods; the mean and
    the spread are those of its points on the unit circle (Mardia, Directional Statistics, 1999: √(-2 ln R)/2π), so that
    a constant phase near 0 or 1 has no spread.

    Args:
        time_s: Time, rising, shape `(n,)`.
        reference_v: The reference clock, shape `(n,)`.
        output_v: The output clock, shape `(n,)`.

    Raises:
        InputError: Fewer than 4 edges of either clock.
    """
    reference, output = _edges(time_s, reference_v, "reference"), _edges(time_s, output_v, "output")
    period = float(np.diff(reference).mean())
    vector = np.exp(2j * np.pi * (output - reference[0]) / period).mean()
    length = min(1.0, max(float(abs(vector)), np.finfo(float).tiny))
    return Lock(
        frequency_ratio=period / float(np.diff(output).mean()),
        phase_error=float(np.angle(vector) / (2 * np.pi)),
        phase_error_spread=float(np.sqrt(-2.0 * np.log(length)) / (2 * np.pi)),
        edges=int(output.size),
    )


def _edges(time_s: ArrayLike, volts: ArrayLike, what: str) -> Reals:
    time, v = real_series(time_s, volts, what)
    edges = crossings_with_margin(time, v, float(v.min() + v.max()) / 2, MARGIN_OF_SWING * float(np.ptp(v)))
    if edges.size < MIN_EDGES:
        raise InputError(f"the {what} clock has {edges.size} upward edges, {MIN_EDGES} are needed")
    return edges
