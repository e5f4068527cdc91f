"""Cascode: a common-source NMOS under a common-gate NMOS, a resistor load."""

from __future__ import annotations

from lightloop.analog.topology.circuit import Topology, Values
from lightloop.analog.topology.device import LENGTH_M, NMOS
from lightloop.analog.topology.spec import Spec

SPARE = 0.06  # of the supply: Vds of the lower device above its overdrive


def size(spec: Spec) -> Values:
    """Both devices with one overdrive; the output midway between the supply and the edge of saturation."""
    spare_v = SPARE * spec.supply_v
    overdrive_v = (spec.supply_v - spare_v) / (2 + spec.gain(4.0))
    load_v = (spec.supply_v - spare_v - 2 * overdrive_v) / 2
    return {
        "vin": NMOS.gate_v(overdrive_v),
        "vbias": overdrive_v + spare_v + NMOS.gate_v(overdrive_v),
        "w1": NMOS.width_m(spec.current_a, overdrive_v),
        "w2": NMOS.width_m(spec.current_a, overdrive_v),
        "l1": LENGTH_M,
        "r1": load_v / spec.current_a,
    }


TOPOLOGY = Topology(
    key="cascode",
    title="Cascode amplifier, resistor load",
    kinds=("amplifier",),
    inputs=("signal", "bias"),
    outputs=1,
    words=("cascode", "common", "source", "under", "upper", "resistor"),
    rules=("amplifying-device-saturated", "input-at-gate", "stacked-nmos", "bias-at-upper-gate", "resistor-load"),
    quantities=("gain", "phase_from_inverting", "output_level", "stack_current_difference"),
    body="""
M1 x {in1} 0 0 nmos1 w={w1} l={l1}
M2 {out1} {in2} x 0 nmos1 w={w2} l={l1}
R1 Vdd {out1} {r1}
""",
    sources=("vin", "vbias"),
    equations=("Vx = Vov + spare", "V(R) = (Vdd - Vx - Vov)/2", "Av = gm R = 2 V(R)/Vov", "Vbias = Vx + Vgs"),
    size=size,
    models=("nmos",),
)
