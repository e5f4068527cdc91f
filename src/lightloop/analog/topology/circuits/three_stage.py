"""Three common-source stages, coupled by capacitors, each gate at its own divider."""

from __future__ import annotations

import math

from lightloop.analog.topology.circuit import Topology, Values
from lightloop.analog.topology.device import LENGTH_M, NMOS
from lightloop.analog.topology.spec import Spec

STAGES = 3
LIGHT = 40.0  # resistance of a divider over that of the stage before it
BELOW = 20.0  # test frequency over the corner of each coupling


def size(spec: Spec) -> Values:
    """Equal stages with the cube root of the gain each, and the margin each, since heat takes gain from every stage."""
    gain = (
        spec.margin
        * spec.at_least("gain", 30.0) ** (1 / STAGES)
        * (1 + NMOS.modulation_per_v * spec.supply_v / 2 + 1 / LIGHT)
    )
    overdrive_v = spec.supply_v / (1 + gain)
    load_ohm = (spec.supply_v - overdrive_v) / 2 / spec.current_a
    gate_v = NMOS.gate_v(overdrive_v)
    corner_hz = spec.condition("test_frequency", 1e3) / BELOW
    return {
        "vin": gate_v,
        "w1": NMOS.width_m(spec.current_a, overdrive_v),
        "l1": LENGTH_M,
        "r1": load_ohm,
        "rt": LIGHT * load_ohm * spec.supply_v / gate_v,
        "rb": LIGHT * load_ohm * spec.supply_v / (spec.supply_v - gate_v),
        "c1": 1 / (2 * math.pi * corner_hz * LIGHT * load_ohm),
    }


TOPOLOGY = Topology(
    key="three-stage",
    title="Three common-source stages with resistor loads, coupled by capacitors",
    kinds=("amplifier",),
    inputs=("signal",),
    outputs=1,
    words=("three", "stages", "common", "source", "resistor"),
    rules=("amplifying-device-saturated", "input-at-gate", "resistor-load", "stages-matter"),
    quantities=("gain", "phase_from_inverting", "output_level", "gain_lost_without_stage"),
    body="""
M1 d1 {in1} 0 0 nmos1 w={w1} l={l1}
R1 Vdd d1 {r1}
C1 d1 g2 {c1}
Rt2 Vdd g2 {rt}
Rb2 g2 0 {rb}
M2 d2 g2 0 0 nmos1 w={w1} l={l1}
R2 Vdd d2 {r1}
C2 d2 g3 {c1}
Rt3 Vdd g3 {rt}
Rb3 g3 0 {rb}
M3 {out1} g3 0 0 nmos1 w={w1} l={l1}
R3 Vdd {out1} {r1}
""",
    sources=("vin",),
    equations=("each stage: Av^(1/3) = 2 V(R)/Vov, V(R) = (Vdd - Vov)/2", "C = 20/(2 pi f Rt || Rb)"),
    size=size,
    models=("nmos",),
)
