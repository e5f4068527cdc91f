"""Current mirrors: ratio, input voltage, output resistance, the least output voltage."""

from __future__ import annotations

import numpy as np

from lightloop.analog.library.entry import Quantity
from lightloop.analog.library.sheets.rig import GROUND, Rig
from lightloop.spice.analyses import AcSweep, DcSweep
from lightloop.spice.deck import Element

POINTS = 1001
AT_HZ = 1e-3  # below every pole
COMPLIANT = 0.99


def measure_mirror(rig: Rig) -> dict[str, Quantity]:
    """The data sheet at the entry's reference current, the output held at half the supply unless swept."""
    reference_a, supply_v = rig.entry.level, rig.entry.supply_v
    reference = Element("iref", (GROUND, "ref"), value=reference_a)
    probe = Element("vprobe", ("out", GROUND), value=supply_v / 2, ac=(1.0, 0.0))
    deck = rig.deck(reference, probe)
    small, sweep = rig.run(deck, AcSweep(AT_HZ, AT_HZ), DcSweep("vprobe", 0.0, supply_v, POINTS))
    currents = -sweep.current("vprobe")
    middle_a = float(np.interp(supply_v / 2, sweep.axis, currents))
    above = sweep.axis[currents >= COMPLIANT * middle_a]
    found = {
        "ratio": (middle_a / reference_a, "1", "output over reference current"),
        "bias_v": (float(sweep.voltage("ref")[POINTS // 2]), "V", "DC level at the reference"),
        "output_resistance_ohm": (1 / float(abs(small.current("vprobe")[0])), "ohm", "at half the supply"),
        "compliance_v": (float(above[0]), "V", "least output voltage with 99 % of the current"),
    }
    return {name: Quantity(*quantity) for name, quantity in found.items()}
