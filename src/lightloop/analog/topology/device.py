"""The transistor of the first cuts: square law, gm/ID, matching. Level 1, the models of lightloop's own decks.

Id = kp/2 W/L Vov^2 (1 + lambda Vds), gm = 2 Id/Vov, ro = 1/(lambda Id); sigma(Vth) = A/sqrt(W L) (Pelgrom).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from lightloop.analog.task import limit_table
from lightloop.analog.topology.spec import OutOfReach

MICRO = 1e-6
LENGTH_M = 1e-6
MOST_GM_PER_ID = 25.0  # per volt: weak inversion's end, which level 1 does not have
LEAST_OVERDRIVE_V = 2 / MOST_GM_PER_ID


@dataclass(frozen=True)
class Mosfet:
    """A MOSFET in strong inversion.

    Args:
        kp_a_per_v2: Current factor in A/V^2.
        threshold_v: Absolute value of the threshold in V.
        modulation_per_v: Channel-length modulation lambda in 1/V.
    """

    kp_a_per_v2: float
    threshold_v: float
    modulation_per_v: float

    def width_m(self, current_a: float, overdrive_v: float, length_m: float = LENGTH_M) -> float:
        """W = 2 Id L / (kp Vov^2). Raises `OutOfReach` below the overdrive of gm/ID = 25 per volt."""
        if overdrive_v < LEAST_OVERDRIVE_V * (1 - 1e-9):
            raise OutOfReach(f"an overdrive of {overdrive_v:.3g} V: gm/ID would be above {MOST_GM_PER_ID:g} per volt")
        return 2 * current_a * length_m / (self.kp_a_per_v2 * overdrive_v**2)

    def gate_v(self, overdrive_v: float) -> float:
        """Vgs = Vth + Vov."""
        return self.threshold_v + overdrive_v

    def output_ohm(self, current_a: float) -> float:
        """ro = 1/(lambda Id)."""
        return 1 / (self.modulation_per_v * current_a)

    def matched_m(self, current_a: float, overdrive_v: float, spread_v: float) -> tuple[float, float]:
        """W and L for which the thresholds of a pair differ with a standard deviation of `spread_v`.

        W L = 2 A^2/spread^2, W/L = 2 Id/(kp Vov^2); L is 1 um at least.
        """
        ratio = self.width_m(current_a, overdrive_v) / LENGTH_M
        coefficient_v_um = limit_table().robustness.conditions["threshold_coefficient"].values[0]
        area_m2 = 2 * (coefficient_v_um / spread_v * MICRO) ** 2
        length_m = max(math.sqrt(area_m2 / ratio), LENGTH_M)
        return ratio * length_m, length_m


NMOS = Mosfet(100e-6, 0.5, 0.02)
PMOS = Mosfet(50e-6, 0.5, 0.02)
DIODE_DROP_V = 0.55  # of a diode with Is 1e-12 A at some ten microamperes

MODEL_CARDS = {
    "nmos": ".model nmos1 nmos level=1 kp=100u vto=0.5 lambda=0.02",
    "pmos": ".model pmos1 pmos level=1 kp=50u vto=-0.5 lambda=0.02",
    "d": ".model d1 d is=1e-12 n=1",
}
