"""Op-amp integrator with a resistor across its capacitor for the operating point."""

from __future__ import annotations

import math

from lightloop.analog.topology.circuit import Topology, Values
from lightloop.analog.topology.opamp import within_band
from lightloop.analog.topology.spec import Spec

LOWEST, HIGHEST = 0.1, 10.0  # of 1/(2 pi RC), in the test


def size(spec: Spec) -> Values:
    """RC of the unity-gain frequency; R2 turns the phase at the lowest frequency by a third of what is allowed."""
    frequency_hz = spec.frequency_hz(159.0)
    within_band(HIGHEST * frequency_hz, 1.0)
    resistance_ohm = 1 / spec.current_a
    turn_rad = math.radians(spec.below("phase_error", 10.0))
    return {
        "vin": spec.supply_v / 2,
        "r1": resistance_ohm,
        "c1": 1 / (2 * math.pi * frequency_hz * resistance_ohm),
        "r2": resistance_ohm / (LOWEST * math.tan(turn_rad)),
    }


TOPOLOGY = Topology(
    key="integrator",
    title="Op-amp integrator",
    kinds=("integrator",),
    inputs=("signal",),
    outputs=1,
    words=("integrator", "integrate"),
    rules=("dc-sources-only",),
    quantities=("magnitude_error", "phase_error", "transient_error"),
    body="""
Vref ref 0 {vin}
X1 ref n {out1} OPAMP
R1 {in1} n {r1}
C1 n {out1} {c1}
R2 n {out1} {r2}
""",
    sources=("vin",),
    equations=("H = -1/(s R C), R C = 1/(2 pi f)", "phase error atan(R/(R2 f/f0)) at f = f0/10: a third of the limit"),
    size=size,
    library=("OPAMP",),
    fixed=frozenset({"vin"}),
)
