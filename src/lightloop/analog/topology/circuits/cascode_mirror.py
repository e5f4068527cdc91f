"""Cascode current mirror: two stacked pairs of NMOS."""

from __future__ import annotations

from lightloop.analog.topology.circuit import Topology, Values
from lightloop.analog.topology.device import NMOS
from lightloop.analog.topology.spec import OutOfReach, Spec

LARGEST, SMALLEST = 2.0, 0.5  # of the reference, in the test
SIGMAS = 6.0
LOAD = 0.2  # of the supply, across the load at the reference
OVERDRIVE = 0.06  # of the supply


def size(spec: Spec) -> Values:
    """Overdrives that leave room at the largest current; an area whose mismatch is a sixth of the allowed error."""
    overdrive_v, load_v = OVERDRIVE * spec.supply_v, LOAD * spec.supply_v
    least_v = NMOS.threshold_v + 2 * overdrive_v * LARGEST**0.5
    if least_v > spec.supply_v - LARGEST * load_v:
        raise OutOfReach(f"a supply of {spec.supply_v:g} V: the stack needs {least_v:.3g} V at twice the reference")
    limit = spec.task.limits.get("current_ratio")
    error = 0.03 if limit is None or limit.high is None else limit.high - 1.0
    spread_v = error / SIGMAS * overdrive_v * SMALLEST**0.5 / 2
    width_m, length_m = NMOS.matched_m(spec.current_a, overdrive_v, spread_v)
    return {"iref": spec.current_a, "w1": width_m, "l1": length_m, "r1": load_v / spec.current_a}


TOPOLOGY = Topology(
    key="cascode-mirror",
    title="Cascode current mirror",
    kinds=("current-mirror",),
    inputs=("current",),
    outputs=1,
    words=("cascode", "mirror", "copy", "stacked", "pairs"),
    rules=("four-saturated", "load-at-supply"),
    quantities=("current_ratio", "saturation_margin", "output_resistance_ratio"),
    body="""
M1 {in1} {in1} a 0 nmos1 w={w1} l={l1}
M2 a a 0 0 nmos1 w={w1} l={l1}
M3 {out1} {in1} b 0 nmos1 w={w1} l={l1}
M4 b a 0 0 nmos1 w={w1} l={l1}
R1 Vdd {out1} {r1}
""",
    sources=("iref",),
    equations=(
        "Vout >= Vth + 2 Vov sqrt(2) at 2 Iref",
        "sigma(I)/I = 2 sigma(dVth)/Vov at Iref/2",
        "W L = 2 A^2/sigma(dVth)^2",
    ),
    size=size,
    models=("nmos",),
)
