"""The 2 x 2 coupler of the dot-product engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightloop.inverse.task import Access, Task, power

if TYPE_CHECKING:
    from torch import Tensor

IN, REFLECTED, THROUGH, CROSS = 0, 1, 2, 3


def _figure(s: Tensor) -> Tensor:
    """|t + j c|²/2 − ||t|² − |c|²|/2.

    It is 1 if and only if half of the power goes each way and the crossed wave is 90 degrees behind. With that phase it
    is 2 √(P_t P_c) at best, and near the goal twice the smaller power.
    """
    fidelity = (s[0, THROUGH, IN] + 1j * s[0, CROSS, IN]).abs() ** 2 / 2
    return fidelity - (power(s, IN, THROUGH) - power(s, IN, CROSS)).abs() / 2


def _readings(s: Tensor) -> dict[str, float]:
    through, cross = s[0, THROUGH, IN], s[0, CROSS, IN]
    return {
        "through": float(power(s, IN, THROUGH)),
        "cross": float(power(s, IN, CROSS)),
        "phase_deg": float((cross / through).angle().rad2deg()),
        "reflection": float(power(s, IN, IN) + power(s, IN, REFLECTED)),
    }


TASK = Task(
    name="coupler",
    summary="2 x 2, half of the power each way, the crossed wave 90 degrees behind",
    region_um=(3.0, 2.5),
    accesses=(
        Access("in", "left", 0.75),
        Access("other", "left", -0.75),
        Access("through", "right", 0.75),
        Access("cross", "right", -0.75),
    ),
    figure=_figure,
    readings=_readings,
    symmetries=("mirror-x", "mirror-y"),
)
