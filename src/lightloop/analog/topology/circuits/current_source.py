"""Current source: NMOS with a resistor at its source, a load resistor to the supply."""

from __future__ import annotations

from lightloop.analog.topology.circuit import Topology, Values
from lightloop.analog.topology.device import LENGTH_M, NMOS
from lightloop.analog.topology.spec import Spec

LOAD = 0.2  # of the supply, across the load
OVERDRIVE_V = 0.3


def size(spec: Spec) -> Values:
    """The resistor at the source lifts ro by 1 + gm Rs, until the loads change the current little enough."""
    load_v = LOAD * spec.supply_v
    spread = spec.below("current_change", 0.02)
    lift = max(NMOS.modulation_per_v * load_v / spread, 2.0)
    foot_v = (lift - 1) * OVERDRIVE_V / 2
    return {
        "vbias": NMOS.gate_v(OVERDRIVE_V) + foot_v,
        "w1": NMOS.width_m(spec.current_a, OVERDRIVE_V),
        "l1": LENGTH_M,
        "r1": load_v / spec.current_a,
        "r2": foot_v / spec.current_a,
    }


TOPOLOGY = Topology(
    key="degenerated-current-source",
    title="NMOS current source with a resistor at its source",
    kinds=("current-source",),
    inputs=("bias",),
    outputs=1,
    words=("constant", "current", "source", "load", "nmos"),
    rules=("load-at-supply",),
    quantities=("current_change", "current_follows_bias"),
    body="""
M1 {out1} {in1} s 0 nmos1 w={w1} l={l1}
R2 s 0 {r2}
R1 Vdd {out1} {r1}
""",
    sources=("vbias",),
    equations=("dI/I = lambda dVout/(1 + gm Rs)", "gm Rs = 2 V(Rs)/Vov", "Vbias = Vgs + V(Rs)"),
    size=size,
    models=("nmos",),
)
