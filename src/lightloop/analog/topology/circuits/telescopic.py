"""Telescopic cascode op-amp: NMOS pair and cascodes, stacked PMOS mirror, cascoded tail."""

from __future__ import annotations

from lightloop.analog.topology.circuit import Topology, Values
from lightloop.analog.topology.device import LEAST_OVERDRIVE_V, LENGTH_M, NMOS, PMOS
from lightloop.analog.topology.spec import OutOfReach, Spec

STACKED = 6  # devices from supply to ground, the two diodes of the mirror counted by their overdrive
SPARE_V = 0.1  # Vds of each NMOS above its overdrive
OVERDRIVE_V = 0.2
OFFSET_V = 2e-3


def size(spec: Spec) -> Values:
    """Equal overdrives from what the thresholds of the mirror and the spare voltages leave of the supply."""
    overdrive_v = min(OVERDRIVE_V, (spec.supply_v - 2 * PMOS.threshold_v - 4 * SPARE_V) / (STACKED + 2))
    if overdrive_v < LEAST_OVERDRIVE_V:
        raise OutOfReach(f"a supply of {spec.supply_v:g} V leaves the stack an overdrive of {overdrive_v:.3g} V")
    reach = 2 / (overdrive_v * NMOS.modulation_per_v) / (overdrive_v * NMOS.modulation_per_v)
    if spec.gain(150.0) > reach:
        raise OutOfReach(f"a gain of {spec.gain(150.0):.3g}; the cascodes give {reach:.3g}")
    half_a, step_v = spec.current_a / 2, overdrive_v + SPARE_V
    gate_v = NMOS.gate_v(overdrive_v)
    width_m, length_m = NMOS.matched_m(half_a, overdrive_v, OFFSET_V)
    return {
        "vin": 2 * step_v + gate_v,
        "vb1": gate_v,
        "vb2": step_v + gate_v,
        "vb3": 3 * step_v + gate_v,
        "w1": width_m,
        "l1": length_m,
        "w3": NMOS.width_m(half_a, overdrive_v),
        "w5": PMOS.width_m(half_a, overdrive_v),
        "w9": NMOS.width_m(spec.current_a, overdrive_v),
        "l2": LENGTH_M,
    }


TOPOLOGY = Topology(
    key="telescopic",
    title="Telescopic cascode op-amp",
    kinds=("opamp",),
    inputs=("signal", "signal", "bias", "bias", "bias", "bias"),
    outputs=2,
    words=("telescopic", "cascode", "cascodes", "cascoded", "tail"),
    rules=("tail-current-shared", "cascoded-pair"),
    quantities=("differential_gain", "cmrr", "phase_from_following", "tail_imbalance", "output_level", "phase_margin"),
    body="""
* input pair and its cascodes
M1 a {in1} t 0 nmos1 w={w1} l={l1}
M2 b {in2} t 0 nmos1 w={w1} l={l1}
M3 {out1} {in5} a 0 nmos1 w={w3} l={l2}
M4 {out2} {in6} b 0 nmos1 w={w3} l={l2}
* stacked mirror
M5 c c Vdd Vdd pmos1 w={w5} l={l2}
M6 d c Vdd Vdd pmos1 w={w5} l={l2}
M7 {out1} {out1} c Vdd pmos1 w={w5} l={l2}
M8 {out2} {out1} d Vdd pmos1 w={w5} l={l2}
* cascoded tail
M9 t {in4} s 0 nmos1 w={w9} l={l2}
M10 s {in3} 0 0 nmos1 w={w9} l={l2}
""",
    sources=("vin", "vin", "vb1", "vb2", "vb3", "vb3"),
    equations=("Vds = Vov + spare for each NMOS; Vb = Vs + Vgs", "Adm = gm (gm ro^2)/2", "W/L = 2 Id/(kp Vov^2)"),
    size=size,
    models=("nmos", "pmos"),
)
