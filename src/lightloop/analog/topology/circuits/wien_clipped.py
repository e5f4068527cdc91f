"""Wien-bridge oscillator of resistors, capacitors and one op-amp, which clips a little."""

from __future__ import annotations

from lightloop.analog.topology.circuit import Topology, Values
from lightloop.analog.topology.spec import Spec
from lightloop.analog.topology.wien_bridge import bridge

GAIN = 3.15


def size(spec: Spec) -> Values:
    """A gain 5 % above the 3 of the bridge: it starts, and the rails settle the amplitude."""
    parts = bridge(spec, GAIN)
    return {"vref": spec.supply_v / 2, **parts, "rf": (GAIN - 1) * parts["rg"]}


TOPOLOGY = Topology(
    key="wien-bridge-clipped",
    title="Wien-bridge oscillator, its amplitude held by the rails",
    kinds=("oscillator",),
    inputs=(),
    outputs=1,
    words=("wien", "bridge", "series", "parallel", "branch", "clipped"),
    rules=("dc-sources-only", "loop-opens"),
    quantities=("peak_to_peak", "swing_change", "period_spread", "open_loop_swing", "frequency_error"),
    body="""
Vref ref 0 {vref}
X1 p n {out1} OPAMP
R1 {out1} s {r1}
C1 s p {c1}
R2 p ref {r1}
C2 p ref {c1}
Rg n ref {rg}
Rf n {out1} {rf}
""",
    sources=(),
    equations=("f = 1/(2 pi R C)", "1 + Rf/Rg = 3.15", "R = 1 V/I"),
    size=size,
    library=("OPAMP",),
    fixed=frozenset({"vref"}),
)
