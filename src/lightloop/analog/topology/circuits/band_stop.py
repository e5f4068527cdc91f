"""Series resonance across the output: band-stop."""

from __future__ import annotations

import math

from lightloop.analog.topology.circuit import Topology, Values
from lightloop.analog.topology.passive import DECADE, resonance
from lightloop.analog.topology.spec import Spec


def size(spec: Spec) -> Values:
    """|H| = 1/sqrt(1 + 1/(s (f/f0 - f0/f))^2), s = sqrt(L/C)/R: the pass-band level a decade away gives s."""
    level = 1 - (1 - spec.at_least("pass_band", 0.85)) / 3
    return resonance(spec, 1 / (DECADE * math.sqrt(1 / level**2 - 1)))


TOPOLOGY = Topology(
    key="band-stop",
    title="Series resonance across the output: band-stop filter",
    kinds=("filter",),
    inputs=("signal",),
    outputs=1,
    words=("band", "stop", "reject", "around"),
    rules=("passive-only",),
    quantities=("corner_error", "pass_band", "stop_band"),
    body="""
R1 {in1} {out1} {r1}
L1 {out1} x {h1}
C1 x 0 {c1}
""",
    sources=("vin",),
    equations=("f = 1/(2 pi sqrt(L C))", "s = sqrt(L/C)/R"),
    size=size,
    supply=False,
    fixed=frozenset({"vin"}),
)
