"""Common source: one NMOS, a resistor to the supply."""

from __future__ import annotations

from lightloop.analog.topology.circuit import Topology, Values
from lightloop.analog.topology.device import LENGTH_M, NMOS
from lightloop.analog.topology.spec import Spec


def size(spec: Spec) -> Values:
    """The output midway between the supply and the edge of saturation fixes the overdrive for a gain."""
    gain = spec.gain(4.0) * (1 + NMOS.modulation_per_v * spec.supply_v / 2)
    overdrive_v = spec.supply_v / (1 + gain)
    return {
        "vin": NMOS.gate_v(overdrive_v),
        "w1": NMOS.width_m(spec.current_a, overdrive_v),
        "l1": LENGTH_M,
        "r1": (spec.supply_v - overdrive_v) / 2 / spec.current_a,
    }


TOPOLOGY = Topology(
    key="common-source",
    title="Common-source amplifier, resistor load",
    kinds=("amplifier",),
    inputs=("signal",),
    outputs=1,
    words=("common", "source", "one", "resistor", "drain"),
    rules=("amplifying-device-saturated", "input-at-gate", "resistor-load"),
    quantities=("gain", "phase_from_inverting", "output_level", "step_disagreement"),
    body="""
M1 {out1} {in1} 0 0 nmos1 w={w1} l={l1}
R1 Vdd {out1} {r1}
""",
    sources=("vin",),
    equations=("V(R) = (Vdd - Vov)/2", "Av = gm (R || ro) = 2 V(R)/Vov / (1 + lambda V(R))", "W/L = 2 Id/(kp Vov^2)"),
    size=size,
    models=("nmos",),
)
