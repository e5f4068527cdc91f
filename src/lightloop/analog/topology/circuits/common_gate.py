"""Common gate: the signal enters at the source, the gate is held."""

from __future__ import annotations

from lightloop.analog.topology.circuit import Topology, Values
from lightloop.analog.topology.device import LENGTH_M, NMOS
from lightloop.analog.topology.spec import Spec

FOOT = 0.06  # of the supply, at the input


def size(spec: Spec) -> Values:
    """As the common source, above the voltage of the input."""
    foot_v = FOOT * spec.supply_v
    room_v = spec.supply_v - foot_v
    overdrive_v = room_v / (1 + spec.gain(4.0) * (1 + NMOS.modulation_per_v * room_v / 2))
    return {
        "vin": foot_v,
        "vbias": foot_v + NMOS.gate_v(overdrive_v),
        "w1": NMOS.width_m(spec.current_a, overdrive_v),
        "l1": LENGTH_M,
        "r1": (room_v - overdrive_v) / 2 / spec.current_a,
    }


TOPOLOGY = Topology(
    key="common-gate",
    title="Common-gate amplifier, resistor load",
    kinds=("amplifier",),
    inputs=("signal", "bias"),
    outputs=1,
    words=("common", "gate", "enters", "source", "held"),
    rules=("amplifying-device-saturated", "input-at-source", "resistor-load"),
    quantities=("gain", "phase_from_following", "output_level"),
    body="""
M1 {out1} {in2} {in1} 0 nmos1 w={w1} l={l1}
R1 Vdd {out1} {r1}
""",
    sources=("vin", "vbias"),
    equations=("V(R) = (Vdd - Vin - Vov)/2", "Av = gm (R || ro) = 2 V(R)/Vov / (1 + lambda V(R))", "Vbias = Vin + Vgs"),
    size=size,
    models=("nmos",),
)
