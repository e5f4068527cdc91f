"""Difference amplifier: four equal resistors."""

from __future__ import annotations

from lightloop.analog.topology.circuit import Topology, Values
from lightloop.analog.topology.spec import Spec


def size(spec: Spec) -> Values:
    """Slopes of -1 and 1 need equal resistors; the inputs rest where the output is at half the supply."""
    quarter_v = spec.supply_v / 4
    return {"vin1": quarter_v, "vin2": 3 * quarter_v, "r1": spec.supply_v / 2 / spec.current_a}


TOPOLOGY = Topology(
    key="subtractor",
    title="Difference amplifier",
    kinds=("subtractor",),
    inputs=("signal", "signal"),
    outputs=1,
    words=("difference", "subtractor", "amplifier"),
    rules=("dc-sources-only",),
    quantities=("slope_error", "transient_error"),
    body="""
X1 p n {out1} OPAMP
R1 {in1} n {r1}
R2 n {out1} {r1}
R3 {in2} p {r1}
R4 p 0 {r1}
""",
    sources=("vin1", "vin2"),
    equations=("Vout = R2/R1 (Vin2 - Vin1) with R4/R3 = R2/R1", "R = Vdd/(2 I)"),
    size=size,
    library=("OPAMP",),
    fixed=frozenset({"vin1", "vin2"}),
)
