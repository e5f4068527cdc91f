"""The relaxation oscillator of VCO and PLL: a switched integrator and an inverting Schmitt trigger.

The integrator's output moves at v/(2 R C), up or down, between the trip points; the width is Vswing Rt1/(Rt1 + Rt2).
Each turn costs the slewing of the trigger's output and the delay of the small capacitor at its input.
"""

from __future__ import annotations

import math

from lightloop.analog.topology.device import LENGTH_M, NMOS
from lightloop.analog.topology.opamp import OUTPUT_V, SLEW_V_PER_S
from lightloop.analog.topology.spec import OutOfReach

WIDTH = 1 / 3  # of the swing
SMOOTHING = 1 / 50  # of a period: the delay of the trigger's input
SWITCH = 200.0  # resistance that the switch shorts to ground, over its own
SLEWING = 0.1  # of a period, at most

BODY = """
R1 {control} h {r1}
R2 h 0 {r1}
X1 h n tri OPAMP
R3 {control} n {r1}
R4 n d {r4}
M1 d {out} 0 0 nmos1 w={w1} l={l1}
C1 n tri {c1}
Vref ref 0 {vref}
X2 t tri {out} OPAMP
R5 ref t {r5}
R6 t {out} {r6}
C2 t 0 {c2}
"""


def body(control: str, out: str) -> str:
    """The oscillator between the node of its control voltage and its output."""
    return BODY.replace("{control}", control).replace("{out}", out)


def parts(frequency_hz: float, control_v: float, current_a: float, supply_v: float) -> dict[str, float]:
    """The values for a frequency at a control voltage: T = 4 width R C/v + 2 delays.

    Raises:
        OutOfReach: The op-amps slew too slowly for it.
    """
    period_s = 1 / frequency_hz
    slewing_s = OUTPUT_V / SLEW_V_PER_S
    if 2 * slewing_s > SLEWING * period_s:
        raise OutOfReach(f"{frequency_hz:.3g} Hz: the op-amps slew for {2 * slewing_s:.3g} s of each period")
    charge_ohm, trigger_ohm = 10 / current_a, 1 / current_a
    feedback_ohm = trigger_ohm * (1 / WIDTH - 1)
    joined_ohm = 1 / (1 / trigger_ohm + 1 / feedback_ohm)
    delay_s = math.log(2) * SMOOTHING * period_s + slewing_s / 2
    return {
        "vref": supply_v / 2,
        "r1": charge_ohm,
        "r4": charge_ohm / 2,
        "w1": LENGTH_M * SWITCH / (charge_ohm / 2) / (NMOS.kp_a_per_v2 * (OUTPUT_V - NMOS.threshold_v)),
        "l1": LENGTH_M,
        "c1": (period_s - 2 * delay_s) * control_v / (4 * WIDTH * OUTPUT_V * charge_ohm),
        "r5": trigger_ohm,
        "r6": feedback_ohm,
        "c2": SMOOTHING * period_s / joined_ohm,
    }
