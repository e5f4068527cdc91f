"""Op-amp differentiator with a small capacitor across its resistor for stability."""

from __future__ import annotations

import math

from lightloop.analog.topology.circuit import Topology, Values
from lightloop.analog.topology.opamp import within_band
from lightloop.analog.topology.spec import Spec

HIGHEST = 10.0  # of 1/(2 pi RC), in the test


def size(spec: Spec) -> Values:
    """RC of the unity-gain frequency; C2 turns the phase at the highest frequency by a third of what is allowed."""
    frequency_hz = spec.frequency_hz(159.0)
    within_band(HIGHEST * frequency_hz, HIGHEST)
    resistance_ohm = 1 / spec.current_a
    turn_rad = math.radians(spec.below("phase_error", 10.0))
    capacitance_f = 1 / (2 * math.pi * frequency_hz * resistance_ohm)
    return {
        "vin": spec.supply_v / 2,
        "c1": capacitance_f,
        "r1": resistance_ohm,
        "c2": capacitance_f * math.tan(turn_rad) / HIGHEST,
    }


TOPOLOGY = Topology(
    key="differentiator",
    title="Op-amp differentiator",
    kinds=("differentiator",),
    inputs=("signal",),
    outputs=1,
    words=("differentiator", "differentiate"),
    rules=("dc-sources-only",),
    quantities=("magnitude_error", "phase_error", "transient_error"),
    body="""
Vref ref 0 {vin}
X1 ref n {out1} OPAMP
C1 {in1} n {c1}
R1 n {out1} {r1}
C2 n {out1} {c2}
""",
    sources=("vin",),
    equations=("H = -s R C, R C = 1/(2 pi f)", "phase error atan(C2/C f/f0) at f = 10 f0: a third of the limit"),
    size=size,
    library=("OPAMP",),
    fixed=frozenset({"vin"}),
)
