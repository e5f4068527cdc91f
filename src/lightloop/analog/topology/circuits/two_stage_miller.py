"""Two common-source stages, NMOS then PMOS, with bypassed resistors at their sources and a Miller capacitor.

The resistors at the sources hold the operating point (the gain at rest is the ratio of resistors); above the corner
of the bypass capacitors each stage has its full gain.
"""

from __future__ import annotations

import math

from lightloop.analog.topology.circuit import Topology, Values
from lightloop.analog.topology.device import LENGTH_M, NMOS, PMOS
from lightloop.analog.topology.spec import Spec

FOOT = 0.16  # of the supply, across the resistor at the source of each stage
LEVEL = 0.4  # of the supply, at the output
OVERDRIVE_V = 0.25  # of the second stage
BELOW = 5.0  # test frequency over the corner of each bypass
SHIFT = 20.0  # pole without the Miller capacitor over the pole with it
LOAD_F = 1e-12


def size(spec: Spec) -> Values:
    """The second stage's voltages fix its gain and the load voltage of the first, whose overdrive gives the rest."""
    foot_v, output_v = FOOT * spec.supply_v, LEVEL * spec.supply_v
    first_load_v = foot_v + PMOS.gate_v(OVERDRIVE_V)
    second = 2 * output_v / OVERDRIVE_V / (1 + PMOS.modulation_per_v * output_v)
    first = spec.gain(150.0) / second * (1 + NMOS.modulation_per_v * first_load_v)
    overdrive_v = min(2 * first_load_v / first, OVERDRIVE_V)
    first_ohm, second_ohm = first_load_v / spec.current_a, output_v / spec.current_a
    corner_hz = spec.condition("test_frequency", 1e3) / BELOW
    return {
        "vin": foot_v + NMOS.gate_v(overdrive_v),
        "w1": NMOS.width_m(spec.current_a, overdrive_v),
        "w2": PMOS.width_m(spec.current_a, OVERDRIVE_V),
        "l1": LENGTH_M,
        "r1": first_ohm,
        "r2": second_ohm,
        "rs": foot_v / spec.current_a,
        "cs1": 2 * spec.current_a / overdrive_v / (2 * math.pi * corner_hz),
        "cs2": 2 * spec.current_a / OVERDRIVE_V / (2 * math.pi * corner_hz),
        "cc": SHIFT * LOAD_F * second_ohm / (first_ohm * second),
        "cl": LOAD_F,
    }


TOPOLOGY = Topology(
    key="two-stage-miller",
    title="Two common-source stages with a Miller capacitor",
    kinds=("amplifier",),
    inputs=("signal",),
    outputs=1,
    words=("two", "stages", "miller", "capacitor", "compensation", "pole"),
    rules=("amplifying-device-saturated", "input-at-gate", "stages-matter", "miller-capacitor"),
    quantities=("gain", "output_level", "gain_lost_without_stage", "pole_shift"),
    body="""
* first stage
M1 x {in1} s 0 nmos1 w={w1} l={l1}
R1 Vdd x {r1}
Rs1 s 0 {rs}
Cs1 s 0 {cs1}
* second stage
M2 {out1} x u Vdd pmos1 w={w2} l={l1}
R2 {out1} 0 {r2}
Rs2 Vdd u {rs}
Cs2 Vdd u {cs2}
Cl {out1} 0 {cl}
* Miller capacitor
Cc x {out1} {cc}
""",
    sources=("vin",),
    equations=(
        "V(R1) = V(Rs2) + Vgs2; A1 = 2 V(R1)/Vov1, A2 = 2 V(R2)/Vov2, both with 1/(1 + lambda V)",
        "Cs = gm 5/(2 pi f)",
        "pole: 1/(2 pi R1 A2 Cc), without Cc 1/(2 pi R2 Cl)",
    ),
    size=size,
    models=("nmos", "pmos"),
)
