"""Non-inverting Schmitt trigger: positive feedback around an op-amp."""

from __future__ import annotations

from lightloop.analog.topology.circuit import Topology, Values
from lightloop.analog.topology.opamp import OUTPUT_V
from lightloop.analog.topology.spec import OutOfReach, Spec

WIDTH = 0.2  # of the supply


def size(spec: Spec) -> Values:
    """R1/R2 is the width over the swing."""
    limit = spec.task.limits.get("width")
    wanted = limit is not None and limit.high is not None
    width_v = spec.above("width", 0.0) if wanted else max(spec.above("width", 0.0), WIDTH * spec.supply_v)
    if width_v >= OUTPUT_V:
        raise OutOfReach(f"a hysteresis of {width_v:g} V with a swing of {OUTPUT_V:g} V")
    resistance_ohm = 1 / spec.current_a
    return {
        "vin": 0.0,
        "vref": spec.supply_v / 2,
        "r1": resistance_ohm,
        "r2": resistance_ohm * OUTPUT_V / width_v,
    }


TOPOLOGY = Topology(
    key="schmitt-trigger",
    title="Non-inverting Schmitt trigger",
    kinds=("schmitt",),
    inputs=("signal",),
    outputs=1,
    words=("schmitt", "trigger", "inverting", "trip"),
    rules=("dc-sources-only",),
    quantities=("width", "width_disagreement", "swing"),
    body="""
Vref ref 0 {vref}
X1 p ref {out1} OPAMP
R1 {in1} p {r1}
R2 p {out1} {r2}
""",
    sources=("vin",),
    equations=("width = R1/R2 (Voh - Vol)",),
    size=size,
    library=("OPAMP",),
    fixed=frozenset({"vin", "vref"}),
)
