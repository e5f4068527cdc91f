"""RC low-pass filter."""

from __future__ import annotations

from lightloop.analog.topology.circuit import Topology
from lightloop.analog.topology.passive import rc_section

TOPOLOGY = Topology(
    key="low-pass",
    title="RC low-pass filter",
    kinds=("filter",),
    inputs=("signal",),
    outputs=1,
    words=("low", "pass", "below"),
    rules=("passive-only",),
    quantities=("corner_error", "pass_band", "stop_band"),
    body="""
R1 {in1} {out1} {r1}
C1 {out1} 0 {c1}
""",
    sources=("vin",),
    equations=("f = 1/(2 pi R C)",),
    size=rc_section,
    supply=False,
    fixed=frozenset({"vin"}),
)
