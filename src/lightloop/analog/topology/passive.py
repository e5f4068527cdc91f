"""Passive sections: R C = 1/(2 pi f); L C = 1/(2 pi f)^2 with an impedance that is a share of a resistance."""

from __future__ import annotations

import math

from lightloop.analog.topology.spec import Spec

RC_OHM = 1e3
LC_OHM = 200.0
DECADE = 10.0 - 0.1  # f/f0 - f0/f a decade away
CORNER_HZ = 1e3


def rc_section(spec: Spec) -> dict[str, float]:
    """A resistor and a capacitor with the corner that is asked for."""
    return {"vin": 0.0, "r1": RC_OHM, "c1": 1 / (2 * math.pi * spec.frequency_hz(CORNER_HZ) * RC_OHM)}


def resonance(spec: Spec, share: float) -> dict[str, float]:
    """A resistor, an inductor and a capacitor at resonance; `share` is sqrt(L/C)/R."""
    angular = 2 * math.pi * spec.frequency_hz(CORNER_HZ)
    impedance_ohm = share * LC_OHM
    return {"vin": 0.0, "r1": LC_OHM, "h1": impedance_ohm / angular, "c1": 1 / (angular * impedance_ohm)}
