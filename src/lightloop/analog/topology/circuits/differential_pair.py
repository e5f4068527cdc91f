"""NMOS pair with a PMOS mirror and a tail source."""

from __future__ import annotations

from lightloop.analog.topology.circuit import Topology, Values
from lightloop.analog.topology.device import LENGTH_M, NMOS, PMOS
from lightloop.analog.topology.spec import Spec

TAIL_OVERDRIVE_V = 0.3
MIRROR_OVERDRIVE_V = 0.3
SPARE_V = 0.4  # Vds of the tail above its overdrive
OFFSET_V = 2e-3


def size(spec: Spec) -> Values:
    """The gain fixes the overdrive of the pair, gm ro/2 = 2/(Vov (lambda_n + lambda_p))."""
    overdrive_v = min(2 / (spec.gain(158.0) * (NMOS.modulation_per_v + PMOS.modulation_per_v)), 0.4)
    pair_w, pair_l = NMOS.matched_m(spec.current_a / 2, overdrive_v, OFFSET_V)
    tail_v = TAIL_OVERDRIVE_V + SPARE_V
    level_v = tail_v + NMOS.gate_v(overdrive_v)
    return {
        "vin": level_v,
        "vbias": NMOS.gate_v(TAIL_OVERDRIVE_V),
        "w1": pair_w,
        "l1": pair_l,
        "w3": PMOS.width_m(spec.current_a / 2, MIRROR_OVERDRIVE_V),
        "w5": NMOS.width_m(spec.current_a, TAIL_OVERDRIVE_V),
        "l2": LENGTH_M,
    }


TOPOLOGY = Topology(
    key="differential-pair",
    title="Differential pair, PMOS mirror load, tail current source",
    kinds=("opamp",),
    inputs=("signal", "signal", "bias"),
    outputs=2,
    words=("pair", "mirror", "pmos", "tail", "differential"),
    rules=("tail-current-shared",),
    quantities=("differential_gain", "cmrr", "phase_from_following", "tail_imbalance", "output_level", "phase_margin"),
    body="""
M1 {out1} {in1} t 0 nmos1 w={w1} l={l1}
M2 {out2} {in2} t 0 nmos1 w={w1} l={l1}
M3 {out1} {out1} Vdd Vdd pmos1 w={w3} l={l2}
M4 {out2} {out1} Vdd Vdd pmos1 w={w3} l={l2}
M5 t {in3} 0 0 nmos1 w={w5} l={l2}
""",
    sources=("vin", "vin", "vbias"),
    equations=(
        "Adm = gm (ron || rop) = 2/(Vov (lambda_n + lambda_p))",
        "Vin = Vov5 + spare + Vgs1",
        "W/L = 2 Id/(kp Vov^2)",
    ),
    size=size,
    models=("nmos", "pmos"),
)
