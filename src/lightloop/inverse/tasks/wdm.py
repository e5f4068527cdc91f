"""Two wavelengths of one guide, each into a guide of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightloop.inverse.task import Access, Task, power

if TYPE_CHECKING:
    from torch import Tensor

SHORT, LONG = 0, 1
UPPER, LOWER = 1, 2


def _figure(s: Tensor) -> Tensor:
    """The geometric mean of the two transmissions: 0 if either is."""
    return (power(s, 0, UPPER, SHORT) * power(s, 0, LOWER, LONG) + 1e-12).sqrt()


def _readings(s: Tensor) -> dict[str, float]:
    return {
        "transmission_short": float(power(s, 0, UPPER, SHORT)),
        "transmission_long": float(power(s, 0, LOWER, LONG)),
        "crosstalk_short": float(power(s, 0, LOWER, SHORT)),
        "crosstalk_long": float(power(s, 0, UPPER, LONG)),
    }


TASK = Task(
    name="wdm",
    summary="1.53 um into the upper guide, 1.57 um into the lower one",
    region_um=(4.0, 4.0),
    accesses=(Access("in", "left"), Access("upper", "right", 1.0), Access("lower", "right", -1.0)),
    figure=_figure,
    readings=_readings,
    wavelengths_um=(1.53, 1.57),
    # Its paths are many wavelengths long: with edges 10 nm off a tenth of the figure is left.
    robust=False,
    iterations=200,
)
