"""NMOS pair with two load resistors; the tail current is mirrored from a resistor."""

from __future__ import annotations

from lightloop.analog.topology.circuit import Topology, Values
from lightloop.analog.topology.device import LENGTH_M, NMOS
from lightloop.analog.topology.spec import Spec

LOAD = 0.35  # of the supply, across each load
TAIL_OVERDRIVE_V = 0.3
SPARE_V = 0.4
SIGMAS = 6.0


def size(spec: Spec) -> Values:
    """The gain to one output is V(R)/Vov; the area of the pair keeps the halves of the tail current equal."""
    load_v = LOAD * spec.supply_v
    overdrive_v = load_v / spec.gain(5.0)
    spread_v = spec.below("tail_imbalance", 0.05, share=1 / SIGMAS) * overdrive_v
    width_m, length_m = NMOS.matched_m(spec.current_a / 2, overdrive_v, spread_v)
    gate_v = NMOS.gate_v(TAIL_OVERDRIVE_V)
    return {
        "vin": TAIL_OVERDRIVE_V + SPARE_V + NMOS.gate_v(overdrive_v),
        "w1": width_m,
        "l1": length_m,
        "r1": load_v / (spec.current_a / 2),
        "r3": (spec.supply_v - gate_v) / spec.current_a,
        "w3": NMOS.width_m(spec.current_a, TAIL_OVERDRIVE_V),
        "l2": LENGTH_M,
    }


TOPOLOGY = Topology(
    key="resistor-pair",
    title="Differential pair, resistor loads, mirrored tail current",
    kinds=("opamp",),
    inputs=("signal", "signal"),
    outputs=1,
    words=("pair", "resistor", "loads", "tail", "differential"),
    rules=("tail-current-shared",),
    quantities=("differential_gain", "cmrr", "phase_from_following", "tail_imbalance", "output_level", "phase_margin"),
    body="""
M1 a {in1} t 0 nmos1 w={w1} l={l1}
M2 {out1} {in2} t 0 nmos1 w={w1} l={l1}
R1 Vdd a {r1}
R2 Vdd {out1} {r1}
R3 Vdd b {r3}
M3 b b 0 0 nmos1 w={w3} l={l2}
M4 t b 0 0 nmos1 w={w3} l={l2}
""",
    sources=("vin", "vin"),
    equations=("Adm = gm R/2 = V(R)/Vov", "(I1 - I2)/(I1 + I2) = dVth/Vov", "R3 = (Vdd - Vgs)/I"),
    size=size,
    models=("nmos",),
)
