"""NMOS inverter with a resistor load and a divider at the gate that centres the noise margins."""

from __future__ import annotations

import math

from lightloop.analog.topology.circuit import Topology, Values
from lightloop.analog.topology.device import LENGTH_M, NMOS
from lightloop.analog.topology.spec import OutOfReach, Spec

STRENGTH = 20.0  # b = kp W/L R in 1/V to begin with
GROWTH = 1.2
MOST_STRENGTH = 2000.0
DIVIDER_OHM = 1e6


def size(spec: Spec) -> Values:
    """b grows until the slope is reached; the divider k makes both noise margins equal."""
    strength, slope = STRENGTH, spec.above("steepest_slope", 4.0)
    while share(spec.supply_v, strength) * (math.sqrt(1 + 2 * strength * spec.supply_v) - 1) < slope:
        strength *= GROWTH
        if strength > MOST_STRENGTH:
            raise OutOfReach(f"a slope of {slope:g}")
    load_ohm = spec.supply_v / spec.current_a
    divider = share(spec.supply_v, strength)
    return {
        "vin": 0.0,
        "w1": strength / load_ohm / NMOS.kp_a_per_v2 * LENGTH_M,
        "l1": LENGTH_M,
        "r1": load_ohm,
        "r2": DIVIDER_OHM,
        "r3": DIVIDER_OHM * divider / (1 - divider),
    }


def share(supply_v: float, strength: float) -> float:
    """Gate voltage over Vin for equal noise margins: VIL - VOL = VOH - VIH."""
    low_v = NMOS.threshold_v + 1 / strength
    high_v = NMOS.threshold_v + math.sqrt(8 * supply_v / (3 * strength)) - 1 / strength
    output_low_v = supply_v / (1 + strength * (low_v + high_v - NMOS.threshold_v))
    return min((low_v + high_v) / (supply_v + output_low_v), 0.9)


TOPOLOGY = Topology(
    key="nmos-inverter",
    title="NMOS inverter, resistor load, divider at the gate",
    kinds=("inverter",),
    inputs=("signal",),
    outputs=1,
    words=("nmos", "inverter", "one", "resistor"),
    rules=("input-at-gate", "resistor-load"),
    quantities=("output_high", "output_low", "steepest_slope", "noise_margin_low", "noise_margin_high"),
    body="""
R2 {in1} g {r2}
R3 g 0 {r3}
M1 {out1} g 0 0 nmos1 w={w1} l={l1}
R1 Vdd {out1} {r1}
""",
    sources=("vin",),
    equations=(
        "b = kp W/L R; at the gate VIL = Vth + 1/b, VIH = Vth + sqrt(8 Vdd/(3 b)) - 1/b",
        "k (Vdd + VOL) = VIL + VIH",
        "slope = k (sqrt(1 + 2 b Vdd) - 1)",
    ),
    size=size,
    models=("nmos",),
)
