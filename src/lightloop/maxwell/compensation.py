"""Differences that are exact for waves of one index along an axis, so that a coarse grid does not slow or hasten them.

On a grid a wave e^(−jβx) has the second difference −(2/dl · sin(β dl/2))² in place of −β²: at 0.05 µm in silicon it is
2 % too short, which over a device of 10 µm is radians. Multiplied by

    w = (k0 n dl/2)² / sin²(k0 n dl/2)

the difference along the axis is exact for β = k0 n, and for others wrong by (β² − k0² n²) dl²/12 of itself. This is for
devices in which light goes along one axis with indices near one another: guides, couplers, multimode interference.
Powers of a silicon interference coupler of 8 x 3 µm with three ports at each end, Ez, with n = 3.4 along it:

    step in µm                            0.05              0.025       limit
                                     plain   with w     plain   with w
    n_eff of the steps of a port     3.3445  3.2761     3.2922  3.2757  3.2756
    middle to middle                 0.222   0.271      0.292   0.311   0.324
    outer to the opposite one        0.146   0.077      0.067   0.089   0.090

It does nothing for the steps across, nor for light that goes at an angle, and indices of modes still differ from one
another by (k0 n dl)²/12 too much, where plain differences make it (k0 n dl)²/8: errors still fall with the square of
the step, and a second grid is still wanted. Both axes at once are worse than one: the differences across are then
multiplied by what is meant for those along. So are media changed point by point, ε_r → (2/(k0 dl) sin(k0 n dl/2))²:
right for the bulk, wrong for what is guided.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Real

from lightloop.errors import InputError

NONE = (0.0, 0.0)


def weights(index: tuple[float, float], k0_dl: float) -> tuple[float, float]:
    """w of x and of y; 1 where the index is 0.

    Raises:
        InputError: They are not two numbers, one is negative, or no wave of it propagates on the grid.
    """
    if not isinstance(index, Sequence) or len(index) != 2 or not all(isinstance(one, Real) for one in index):
        raise InputError(f"compensated_index={index!r} cannot be used", allowed=["two numbers, of x and of y"])
    along_x, along_y = (_weight(one, k0_dl) for one in index)
    return along_x, along_y


def _weight(index: float, k0_dl: float) -> float:
    half = 0.5 * k0_dl * index
    if not 0 <= half < 0.5 * math.pi:
        raise InputError(
            f"compensated_index={index} cannot be used on this grid",
            allowed=[f"0 (plain differences) to {math.pi / k0_dl:.3g}"],
            hint="give the effective index of the waves along the axis, or make dl_um smaller",
        )
    return (half / math.sin(half)) ** 2 if half else 1.0
