"""RC phase-shift oscillator: an inverting op-amp and three RC sections."""

from __future__ import annotations

import math

from lightloop.analog.topology.circuit import Topology, Values
from lightloop.analog.topology.opamp import within_band
from lightloop.analog.topology.spec import Spec

LEAST_GAIN = 29.0
EXCESS = 1.5


def size(spec: Spec) -> Values:
    """f = 1/(2 pi R C sqrt 6), Rf = 29 R and half as much again, so that it starts."""
    frequency_hz = spec.frequency_hz(500.0)
    within_band(frequency_hz, LEAST_GAIN * EXCESS)
    resistance_ohm = 1 / spec.current_a
    return {
        "vref": spec.supply_v / 2,
        "r1": resistance_ohm,
        "rf": LEAST_GAIN * EXCESS * resistance_ohm,
        "c1": 1 / (2 * math.pi * math.sqrt(6) * frequency_hz * resistance_ohm),
    }


TOPOLOGY = Topology(
    key="phase-shift",
    title="RC phase-shift oscillator",
    kinds=("oscillator",),
    inputs=(),
    outputs=1,
    words=("phase", "shift", "three", "rc", "sections"),
    rules=("dc-sources-only", "loop-opens", "three-rc-sections"),
    quantities=("peak_to_peak", "swing_change", "period_spread", "open_loop_swing"),
    body="""
Vref ref 0 {vref}
X1 ref n {out1} OPAMP
Rf n {out1} {rf}
C1 {out1} a {c1}
R1 a ref {r1}
C2 a b {c1}
R2 b ref {r1}
C3 b c {c1}
R3 c n {r1}
""",
    sources=(),
    equations=("f = 1/(2 pi R C sqrt 6)", "Rf/R = 1.5 x 29", "R = 1 V/I"),
    size=size,
    library=("OPAMP",),
    fixed=frozenset({"vref"}),
)
