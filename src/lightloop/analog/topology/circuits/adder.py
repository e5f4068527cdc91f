"""Inverting adder: three equal resistors at the inverting input."""

from __future__ import annotations

from lightloop.analog.topology.circuit import Topology, Values
from lightloop.analog.topology.spec import Spec

MIDDLE_V = 2.5  # about which the tasks of this kind add


def size(spec: Spec) -> Values:
    """Slopes of -1 need equal resistors; they carry the main current at half the supply."""
    return {"vin": MIDDLE_V, "vref": MIDDLE_V, "r1": spec.supply_v / 2 / spec.current_a}


TOPOLOGY = Topology(
    key="adder",
    title="Inverting adder",
    kinds=("adder",),
    inputs=("signal", "signal"),
    outputs=1,
    words=("adder", "add", "inverting"),
    rules=("dc-sources-only",),
    quantities=("slope_error", "transient_error"),
    body="""
Vref ref 0 {vref}
X1 ref n {out1} OPAMP
R1 {in1} n {r1}
R2 {in2} n {r1}
R3 n {out1} {r1}
""",
    sources=("vin", "vin"),
    equations=("Vout - Vref = -R3/R1 (Vin1 - Vref) - R3/R2 (Vin2 - Vref)", "R = Vdd/(2 I)"),
    size=size,
    library=("OPAMP",),
    fixed=frozenset({"vin", "vref"}),
)
