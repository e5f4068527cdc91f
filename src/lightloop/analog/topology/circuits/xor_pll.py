"""Phase-locked loop of the first type: exclusive-or detector, lag filter, relaxation oscillator.

The detector's mean output moves over the whole supply as the phase goes from 0 to 180 degrees, and the oscillator by
a quarter of its frequency to each side, so that the loop holds +-25 %, and runs at its centre without a reference.
"""

from __future__ import annotations

from lightloop.analog.topology.circuit import Topology, Values
from lightloop.analog.topology.device import LENGTH_M, NMOS, PMOS
from lightloop.analog.topology.relaxation import body, parts
from lightloop.analog.topology.spec import Spec

HOLD = 0.25  # of the frequency, to each side
DAMPING = 1.0
GATE_OHM = 3e3  # of a switched-on transistor of the detector


def size(spec: Spec) -> Values:
    """K = Kpd Kvco = 4 hold f; a lag filter at 4 zeta^2 K damps the loop."""
    frequency_hz = spec.frequency_hz(10e3)
    loop_rad_per_s = 4 * HOLD * frequency_hz
    mixing_ohm = 1 / spec.current_a / 2
    filter_ohm = 20 / spec.current_a / 2
    overdrive_v = spec.supply_v - NMOS.threshold_v
    return {
        "tperiod": 1 / frequency_hz,
        "thalf": 0.499 / frequency_hz,
        "tedge": 0.001 / frequency_hz,
        "wn": LENGTH_M / (GATE_OHM * NMOS.kp_a_per_v2 * overdrive_v),
        "wp": LENGTH_M / (GATE_OHM * PMOS.kp_a_per_v2 * overdrive_v),
        "rf": filter_ohm,
        "cf": 1 / (4 * DAMPING**2 * loop_rad_per_s * filter_ohm),
        "ra": mixing_ohm / HOLD,
        "rb": mixing_ohm / (1 - HOLD),
        **parts(frequency_hz, spec.supply_v / 2 * loading(spec.current_a, mixing_ohm), spec.current_a, spec.supply_v),
    }


def loading(current_a: float, source_ohm: float) -> float:
    """Control voltage over its value without the oscillator's two input branches (2 R and, on average, R)."""
    return 1 / (1 + source_ohm / (20 / current_a) + source_ohm / (20 / current_a))


TOPOLOGY = Topology(
    key="xor-pll",
    title="Phase-locked loop: exclusive-or detector, lag filter, relaxation oscillator",
    kinds=("pll",),
    inputs=("clock",),
    outputs=1,
    words=("phase", "locked", "loop", "lock", "clock"),
    rules=("dc-sources-only",),
    quantities=("frequency_error", "phase_spread", "periods_after_stop"),
    body="""
Vclk {in1} 0 pulse(0 {supply} 0 {tedge} {tedge} {thalf} {tperiod})
* exclusive-or: the reference chooses between the output clock and its inverse
M11 rn {in1} 0 0 nmos1 w={wn} l={l1}
M12 rn {in1} Vdd Vdd pmos1 w={wp} l={l1}
M13 on {out1} 0 0 nmos1 w={wn} l={l1}
M14 on {out1} Vdd Vdd pmos1 w={wp} l={l1}
M15 o on 0 0 nmos1 w={wn} l={l1}
M16 o on Vdd Vdd pmos1 w={wp} l={l1}
M17 x {in1} on 0 nmos1 w={wn} l={l1}
M18 x rn on Vdd pmos1 w={wp} l={l1}
M19 x rn o 0 nmos1 w={wn} l={l1}
M20 x {in1} o Vdd pmos1 w={wp} l={l1}
* lag filter, buffer, and a mixer that lets the loop move the oscillator by a part of its frequency
Rf x f {rf}
Cf f 0 {cf}
X3 f y y OPAMP
Ra y v {ra}
Rb ref v {rb}
* oscillator"""
    + body("v", "{out1}"),
    sources=("",),
    equations=(
        "Kpd = Vdd/pi, Kvco = 2 pi hold f/(Vdd/2), K = 4 hold f",
        "lag filter: 1/(Rf Cf) = 4 zeta^2 K",
        "f = v/(4 width R C) at v = Vdd/2, corrected by both delays",
    ),
    size=size,
    models=("nmos", "pmos"),
    library=("OPAMP",),
    fixed=frozenset({"tperiod", "thalf", "tedge", "vref"}),
)
