"""Wien-bridge oscillator; two diodes settle the amplitude before the op-amp clips."""

from __future__ import annotations

from lightloop.analog.topology.circuit import Topology, Values
from lightloop.analog.topology.spec import Spec
from lightloop.analog.topology.wien_bridge import bridge, limited_feedback

START_GAIN = 3.3
AMPLITUDE = 0.25  # of the supply


def size(spec: Spec) -> Values:
    """The bridge needs a gain of 3: above it at the start, at it where the diodes take their share of Rf2."""
    parts = bridge(spec, START_GAIN)
    feedback = limited_feedback(parts["rg"], START_GAIN, AMPLITUDE * spec.supply_v)
    return {"vref": spec.supply_v / 2, **parts, **feedback}


TOPOLOGY = Topology(
    key="wien-bridge",
    title="Wien-bridge oscillator with diode limiting",
    kinds=("oscillator",),
    inputs=(),
    outputs=1,
    words=("wien", "bridge", "series", "parallel", "branch"),
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
Rf1 n m {rf1}
Rf2 m {out1} {rf2}
D1 m {out1} d1
D2 {out1} m d1
""",
    sources=(),
    equations=("f = 1/(2 pi R C)", "1 + (Rf1 + Rf2)/Rg = 3.3", "amplitude = 3 Vd Rg/(2 Rg - Rf1)"),
    size=size,
    models=("d",),
    library=("OPAMP",),
    fixed=frozenset({"vref"}),
)
