"""Comparator: NMOS pair with PMOS mirror, PMOS second stage; all currents mirrored from one resistor."""

from __future__ import annotations

import math

from lightloop.analog.topology.circuit import Topology, Values
from lightloop.analog.topology.device import LEAST_OVERDRIVE_V, LENGTH_M, NMOS, PMOS
from lightloop.analog.topology.spec import Spec

MOST_OVERDRIVE_V = 0.3
TAIL_OVERDRIVE_V = 0.3
SIGMAS = 6.0


def size(spec: Spec) -> Values:
    """Half of the gain in dB in each stage, no more than gm/ID allows; an area for the offset."""
    stage = math.sqrt(spec.above("slope", 100.0))
    wanted_v = 2 / (stage * (NMOS.modulation_per_v + PMOS.modulation_per_v))
    overdrive_v = max(min(wanted_v, MOST_OVERDRIVE_V), LEAST_OVERDRIVE_V)
    half_a = spec.current_a / 2
    spread_v = spec.below("offset", 20e-3, share=1 / SIGMAS) / math.sqrt(2)
    pair_w, pair_l = NMOS.matched_m(half_a, overdrive_v, spread_v)
    mirror_w, mirror_l = PMOS.matched_m(half_a, MOST_OVERDRIVE_V, spread_v)
    reference_v = spec.condition("reference", spec.supply_v / 2)
    return {
        "vin": reference_v,
        "r1": (spec.supply_v - NMOS.gate_v(TAIL_OVERDRIVE_V)) / spec.current_a,
        "w1": NMOS.width_m(spec.current_a, TAIL_OVERDRIVE_V),
        "w3": pair_w,
        "l3": pair_l,
        "w5": mirror_w,
        "w7": 2 * mirror_w,
        "l5": mirror_l,
        "l1": LENGTH_M,
    }


TOPOLOGY = Topology(
    key="two-stage-comparator",
    title="Comparator: differential pair and a second stage",
    kinds=("comparator",),
    inputs=("signal", "signal"),
    outputs=1,
    words=("comparator", "above", "below", "transistors"),
    rules=("dc-sources-only",),
    quantities=("output_high", "output_low", "offset", "slope"),
    body="""
R1 Vdd b {r1}
M1 b b 0 0 nmos1 w={w1} l={l1}
M2 t b 0 0 nmos1 w={w1} l={l1}
M3 x {in2} t 0 nmos1 w={w3} l={l3}
M4 y {in1} t 0 nmos1 w={w3} l={l3}
M5 x x Vdd Vdd pmos1 w={w5} l={l5}
M6 y x Vdd Vdd pmos1 w={w5} l={l5}
M7 {out1} y Vdd Vdd pmos1 w={w7} l={l5}
M8 {out1} b 0 0 nmos1 w={w1} l={l1}
""",
    sources=("vin", "vin"),
    equations=(
        "slope = A1 A2, A = 2/(Vov (lambda_n + lambda_p))",
        "(W/L)7/(W/L)6 = 2 I8/I2",
        "offset: sigma^2 = 2 A^2/(W L) of the pair and of the mirror",
    ),
    size=size,
    models=("nmos", "pmos"),
)
