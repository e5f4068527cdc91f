"""The Wien bridge: R C = 1/(2 pi f); an amplifier of gain 3 sustains it, diodes or rails settle its amplitude."""

from __future__ import annotations

import math

from lightloop.analog.topology.device import DIODE_DROP_V
from lightloop.analog.topology.opamp import within_band
from lightloop.analog.topology.spec import Spec

NEEDED = 3.0
FREQUENCY_HZ = 1.6e3


def bridge(spec: Spec, gain: float) -> dict[str, float]:
    """R, C and the resistor Rg of the amplifier, all of 1 V at the main current. Raises `OutOfReach`."""
    frequency_hz, resistance_ohm = spec.frequency_hz(FREQUENCY_HZ), 1 / spec.current_a
    within_band(frequency_hz, gain)
    return {
        "r1": resistance_ohm,
        "c1": 1 / (2 * math.pi * frequency_hz * resistance_ohm),
        "rg": resistance_ohm,
    }


def limited_feedback(rg_ohm: float, gain: float, amplitude_v: float) -> dict[str, float]:
    """Rf1, and Rf2 across which the diodes lie, for a gain at the start and an amplitude at the output.

    At the amplitude A, Rf1 and the diodes are 2 Rg together: the diodes drop Vd = A (2 Rg - Rf1)/(3 Rg).
    """
    across = min(NEEDED * DIODE_DROP_V / amplitude_v, 0.95 * (NEEDED - 1))
    unlimited = NEEDED - 1 - across
    return {"rf1": unlimited * rg_ohm, "rf2": (gain - 1 - unlimited) * rg_ohm}
