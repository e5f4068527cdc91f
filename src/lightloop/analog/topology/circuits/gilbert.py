"""Gilbert mixer: an RF pair under two crossed LO pairs, resistor loads."""

from __future__ import annotations

import math

from lightloop.analog.topology.circuit import Topology, Values
from lightloop.analog.topology.device import LENGTH_M, NMOS
from lightloop.analog.topology.spec import Spec

TAIL_OVERDRIVE_V = 0.25
SPARE_V = 0.15
LOAD = 0.25  # of the supply, across each load
MARGIN_DB = 6.0


def size(spec: Spec) -> Values:
    """Conversion gain 2/pi gm R = 4/pi V(R)/Vov of the RF pair; the LO switches its pairs fully."""
    gain = 10 ** ((MARGIN_DB + spec.at_least("conversion_gain", 0.0)) / 20)
    load_v = LOAD * spec.supply_v
    rf_v = min(4 / math.pi * load_v / gain, 0.6)
    lo_v = spec.condition("lo_amplitude", 0.4) / 2
    foot_v = TAIL_OVERDRIVE_V + SPARE_V
    middle_v = foot_v + rf_v + SPARE_V
    return {
        "vrf": foot_v + NMOS.gate_v(rf_v),
        "vlo": middle_v + NMOS.gate_v(lo_v),
        "vbias": NMOS.gate_v(TAIL_OVERDRIVE_V),
        "w1": NMOS.width_m(spec.current_a, TAIL_OVERDRIVE_V),
        "w2": NMOS.width_m(spec.current_a / 2, rf_v),
        "w4": NMOS.width_m(spec.current_a / 2, lo_v),
        "l1": LENGTH_M,
        "r1": load_v / (spec.current_a / 2),
    }


TOPOLOGY = Topology(
    key="gilbert-mixer",
    title="Gilbert mixer",
    kinds=("mixer",),
    inputs=("signal", "signal", "signal", "signal", "bias"),
    outputs=2,
    words=("gilbert", "mixer", "multiply", "differential"),
    rules=("dc-sources-only",),
    quantities=("conversion_gain", "rf_rejection", "lo_rejection", "output_imbalance"),
    body="""
M1 t {in5} 0 0 nmos1 w={w1} l={l1}
M2 a {in1} t 0 nmos1 w={w2} l={l1}
M3 b {in2} t 0 nmos1 w={w2} l={l1}
M4 {out1} {in3} a 0 nmos1 w={w4} l={l1}
M5 {out2} {in4} a 0 nmos1 w={w4} l={l1}
M6 {out1} {in4} b 0 nmos1 w={w4} l={l1}
M7 {out2} {in3} b 0 nmos1 w={w4} l={l1}
R1 Vdd {out1} {r1}
R2 Vdd {out2} {r1}
""",
    sources=("vrf", "vrf", "vlo", "vlo", "vbias"),
    equations=("gain = 2/pi gm R, gm R = 2 V(R)/Vov of the RF pair", "Vov of the LO pairs = half the LO amplitude"),
    size=size,
    models=("nmos",),
)
