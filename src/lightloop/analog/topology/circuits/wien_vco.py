"""Wien-bridge oscillator tuned by transistors in the triode region, in series with the resistor of each branch."""

from __future__ import annotations

from lightloop.analog.topology.circuit import Topology, Values
from lightloop.analog.topology.device import LENGTH_M, NMOS
from lightloop.analog.topology.spec import Spec
from lightloop.analog.topology.wien_bridge import bridge, limited_feedback

START_GAIN = 3.3
REFERENCE, CONTROL = 0.3, 0.9  # of the supply
TUNED = 0.65  # of the resistance, in the transistor
AMPLITUDE = 0.2  # of the supply: small swings distort little
LENGTH = 4 * LENGTH_M  # both transistors must match


def size(spec: Spec) -> Values:
    """R = Rs + 1/(kp W/L (Vgs - Vth)) at the control voltage."""
    parts = bridge(spec, START_GAIN)
    resistance_ohm = parts["r1"]
    reference_v, control_v = REFERENCE * spec.supply_v, CONTROL * spec.supply_v
    overdrive_v = control_v - reference_v - NMOS.threshold_v
    return {
        **parts,
        **limited_feedback(parts["rg"], START_GAIN, AMPLITUDE * spec.supply_v),
        "vin": control_v,
        "vref": reference_v,
        "r1": (1 - TUNED) * resistance_ohm,
        "w1": LENGTH / (NMOS.kp_a_per_v2 * overdrive_v * TUNED * resistance_ohm),
        "l1": LENGTH,
    }


TOPOLOGY = Topology(
    key="wien-vco",
    title="Wien-bridge oscillator tuned by transistors in the triode region",
    kinds=("vco",),
    inputs=("signal",),
    outputs=1,
    words=("wien", "bridge", "sinusoidal", "tuned"),
    rules=("dc-sources-only",),
    quantities=("frequency_range", "swing_variation", "peak_to_peak", "period_spread", "distortion"),
    body="""
Vref ref 0 {vref}
X1 p n {out1} OPAMP
C1 {out1} s {c1}
R1 s u {r1}
M1 u {in1} p 0 nmos1 w={w1} l={l1}
M2 p {in1} v 0 nmos1 w={w1} l={l1}
R2 v ref {r1}
C2 p ref {c1}
Rg n ref {rg}
Rf1 n m {rf1}
Rf2 m {out1} {rf2}
D1 m {out1} d1
D2 {out1} m d1
""",
    sources=("vin",),
    equations=(
        "R = Rs + 1/(kp W/L (Vin - Vref - Vth)), f = 1/(2 pi R C)",
        "1 + (Rf1 + Rf2)/Rg = 3.3, amplitude = 3 Vd Rg/(2 Rg - Rf1)",
    ),
    size=size,
    models=("nmos", "d"),
    library=("OPAMP",),
)
