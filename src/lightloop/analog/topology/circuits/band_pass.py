"""Series resonance into a resistor: band-pass."""

from __future__ import annotations

import math

from lightloop.analog.topology.circuit import Topology, Values
from lightloop.analog.topology.passive import DECADE, resonance
from lightloop.analog.topology.spec import Spec


def size(spec: Spec) -> Values:
    """|H| = 1/sqrt(1 + Q^2 (f/f0 - f0/f)^2): a third of the stop-band limit a decade away gives Q."""
    level = spec.below("stop_band", 0.15)
    return resonance(spec, math.sqrt(1 / level**2 - 1) / DECADE)


TOPOLOGY = Topology(
    key="band-pass",
    title="Series resonance into a resistor: band-pass filter",
    kinds=("filter",),
    inputs=("signal",),
    outputs=1,
    words=("band", "pass", "around"),
    rules=("passive-only",),
    quantities=("corner_error", "pass_band", "stop_band"),
    body="""
L1 {in1} x {h1}
C1 x {out1} {c1}
R1 {out1} 0 {r1}
""",
    sources=("vin",),
    equations=("f = 1/(2 pi sqrt(L C))", "Q = sqrt(L/C)/R"),
    size=size,
    supply=False,
    fixed=frozenset({"vin"}),
)
