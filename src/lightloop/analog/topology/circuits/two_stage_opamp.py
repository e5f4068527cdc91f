"""Two-stage op-amp: NMOS pair with PMOS mirror on a cascoded tail, PMOS second stage, Miller network."""

from __future__ import annotations

import math

from lightloop.analog.topology.circuit import Topology, Values
from lightloop.analog.topology.device import LENGTH_M, NMOS, PMOS
from lightloop.analog.topology.spec import Spec

MOST_OVERDRIVE_V = 0.3
TAIL_OVERDRIVE_V = 0.25
SPARE_V = 0.2
SECOND = 2.0  # current of the second stage over that of the tail
SLOWER = 10.0  # unity-gain frequency below the second stage's gm/(2 pi Cc)
OFFSET_V = 2e-3
UNITY_HZ = 10e6


def size(spec: Spec) -> Values:
    """Half of the gain in dB in each stage; the second stage scaled so that both of its currents agree at balance."""
    stage = math.sqrt(spec.gain(2000.0))
    overdrive_v = min(2 / (stage * (NMOS.modulation_per_v + PMOS.modulation_per_v)), MOST_OVERDRIVE_V)
    half_a, second_a = spec.current_a / 2, SECOND * spec.current_a
    pair_w, pair_l = NMOS.matched_m(half_a, overdrive_v, OFFSET_V)
    mirror_w = PMOS.width_m(half_a, overdrive_v)
    cascode_v = TAIL_OVERDRIVE_V + SPARE_V
    return {
        "vin": cascode_v + TAIL_OVERDRIVE_V + SPARE_V + NMOS.gate_v(overdrive_v) + 0.2 * spec.supply_v,
        "vb1": NMOS.gate_v(TAIL_OVERDRIVE_V),
        "vb2": cascode_v + NMOS.gate_v(TAIL_OVERDRIVE_V),
        "vb3": NMOS.gate_v(TAIL_OVERDRIVE_V),
        "w1": pair_w,
        "l1": pair_l,
        "w3": mirror_w,
        "w5": NMOS.width_m(spec.current_a, TAIL_OVERDRIVE_V),
        "w7": mirror_w * 2 * SECOND,
        "w8": NMOS.width_m(second_a, TAIL_OVERDRIVE_V),
        "l2": LENGTH_M,
        "rz": overdrive_v / (2 * second_a),
        "cc": spec.current_a / overdrive_v / (2 * math.pi * spec.frequency_hz(UNITY_HZ)),
    }


TOPOLOGY = Topology(
    key="two-stage-opamp",
    title="Two-stage op-amp with Miller compensation",
    kinds=("opamp",),
    inputs=("signal", "signal", "bias", "bias", "bias"),
    outputs=2,
    words=("two", "stage", "second", "active", "loads", "tail"),
    rules=("tail-current-shared", "second-stage"),
    quantities=("differential_gain", "cmrr", "phase_from_following", "tail_imbalance", "output_level", "phase_margin"),
    body="""
* input pair, mirror, cascoded tail
M1 x {in2} t 0 nmos1 w={w1} l={l1}
M2 {out1} {in1} t 0 nmos1 w={w1} l={l1}
M3 x x Vdd Vdd pmos1 w={w3} l={l2}
M4 {out1} x Vdd Vdd pmos1 w={w3} l={l2}
M5 t {in4} s 0 nmos1 w={w5} l={l2}
M6 s {in3} 0 0 nmos1 w={w5} l={l2}
* second stage with its Miller network
M7 {out2} {out1} Vdd Vdd pmos1 w={w7} l={l2}
M8 {out2} {in5} 0 0 nmos1 w={w8} l={l2}
Rz {out1} z {rz}
Cc z {out2} {cc}
""",
    sources=("vin", "vin", "vb1", "vb2", "vb3"),
    equations=(
        "A1 = A2 = sqrt(Adm) = 2/(Vov (lambda_n + lambda_p))",
        "(W/L)7/(W/L)4 = 2 I7/I5",
        "GBW = gm1/(2 pi Cc), Rz = 1/gm7",
    ),
    size=size,
    models=("nmos", "pmos"),
    fixed=frozenset({"w3", "w7", "w8", "w5", "vb1", "vb3"}),
)
