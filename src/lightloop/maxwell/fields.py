"""The solution for one current."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lightloop.maxwell.power import PowerBalance

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Fields:
    """Complex amplitudes, shape (nx, ny), in V/m and A/m, with time as e^(+jωt).

    The field out of the plane, `ez` or `hz`, is at the points. Those in the plane are half a step before them: `hx` and
    `ex` in y, `hy` and `ey` in x.

    Attributes:
        components: By name.
        residual: ‖M u − f‖ / ‖f‖.
        power_balance: Inside of the absorbing layers.
    """

    components: dict[str, Array] = field(repr=False)
    residual: float
    power_balance: PowerBalance

    def __getattr__(self, name: str) -> Array:
        components = self.__dict__.get("components", {})
        if name not in components:
            raise AttributeError(f"there is no {name} here, only {', '.join(components)}")
        return components[name]


def before(u: Array, axis: int, factor: complex | None) -> Array:
    """u one step before each point along an axis; before the first, zero or a period away."""
    moved = np.roll(u, 1, axis)
    first = (0, slice(None)) if axis == 0 else (slice(None), 0)
    moved[first] = 0.0 if factor is None else moved[first] / factor
    return moved
