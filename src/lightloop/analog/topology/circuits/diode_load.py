"""Common source with a diode-connected PMOS load."""

from __future__ import annotations

from lightloop.analog.topology.circuit import Topology, Values
from lightloop.analog.topology.device import LENGTH_M, NMOS, PMOS
from lightloop.analog.topology.spec import Spec


def size(spec: Spec) -> Values:
    """The gain is the ratio of the overdrives; what they leave of the supply is halved between load and output."""
    gain = spec.gain(2.0) * (1 + NMOS.modulation_per_v)
    load_v = (spec.supply_v - PMOS.threshold_v) / (2 + 1 / gain)
    return {
        "vin": NMOS.gate_v(load_v / gain),
        "w1": NMOS.width_m(spec.current_a, load_v / gain),
        "w2": PMOS.width_m(spec.current_a, load_v),
        "l1": LENGTH_M,
    }


TOPOLOGY = Topology(
    key="diode-load",
    title="Common-source amplifier, diode-connected PMOS load",
    kinds=("amplifier",),
    inputs=("signal",),
    outputs=1,
    words=("diode", "connected", "pmos", "load", "joined"),
    rules=("amplifying-device-saturated", "input-at-gate", "diode-load"),
    quantities=("gain", "phase_from_inverting", "output_level", "step_disagreement"),
    body="""
M1 {out1} {in1} 0 0 nmos1 w={w1} l={l1}
M2 {out1} {out1} Vdd Vdd pmos1 w={w2} l={l1}
""",
    sources=("vin",),
    equations=("Av = gmn/gmp = Vovp/Vovn", "Vdd = Vtp + Vovp + Vout, Vout - Vovn = Vovp"),
    size=size,
    models=("nmos", "pmos"),
)
