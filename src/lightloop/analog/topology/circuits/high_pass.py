"""CR high-pass filter."""

from __future__ import annotations

from lightloop.analog.topology.circuit import Topology
from lightloop.analog.topology.passive import rc_section

TOPOLOGY = Topology(
    key="high-pass",
    title="CR high-pass filter",
    kinds=("filter",),
    inputs=("signal",),
    outputs=1,
    words=("high", "pass", "above"),
    rules=("passive-only",),
    quantities=("corner_error", "pass_band", "stop_band"),
    body="""
C1 {in1} {out1} {c1}
R1 {out1} 0 {r1}
""",
    sources=("vin",),
    equations=("f = 1/(2 pi R C)",),
    size=rc_section,
    supply=False,
    fixed=frozenset({"vin"}),
)
