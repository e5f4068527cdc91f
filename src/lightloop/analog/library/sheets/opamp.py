"""Op-amps: open-loop gain and phase with the loop closed at DC, the follower's range, slewing, output range."""

from __future__ import annotations

import numpy as np

from lightloop.analog.library.entry import Quantity
from lightloop.analog.library.sheets.rig import GROUND, Rig
from lightloop.spice.analyses import AcSweep, DcSweep, OperatingPoint, Transient
from lightloop.spice.deck import Element, Wave
from lightloop.spice.measures import level_db, phase_margin_deg, slew_rate_v_per_s, unity_gain_hz

LOW_HZ, HIGH_HZ = 1.0, 1e9
POINTS_PER_DECADE = 20
# The servo closes the loop at rest and opens it at every frequency of the sweep.
SERVO_H = 1e9
SERVO_F = 1e9
STEP_V = 1.0
USED = 0.8  # of the range that a follower follows, for the step
LEAST_STEP_V = 0.1
EDGE_SHARE = 1e-3
STEPS = 2000
FOLLOWS_V = 0.02
POINTS = 501
FIRST_WINDOW_S = 1e-7
LAST_WINDOW_S = 1.0
SETTLED = 0.01  # of the step


def measure_opamp(rig: Rig) -> dict[str, Quantity]:
    """The data sheet, all with the inputs at the entry's level."""
    loop = rig.deck(*_servo(rig.entry.level))
    point, plot = rig.run(loop, OperatingPoint(), AcSweep(LOW_HZ, HIGH_HZ, POINTS_PER_DECADE))
    response = plot.voltage("out")
    low_v, high_v = _output_range(rig)
    first_v, last_v = _follower_range(rig)
    step_v = min(STEP_V, USED * 2 * min(rig.entry.level - first_v, last_v - rig.entry.level))
    rise, fall = (_slew(rig, sign * step_v) if step_v >= LEAST_STEP_V else None for sign in (1.0, -1.0))
    found = {
        "gain_db": (
            float(level_db(response[0])),
            "dB",
            f"open-loop gain at {LOW_HZ:g} Hz, output at the inputs' level",
        ),
        "unity_gain_hz": (unity_gain_hz(plot.axis, response), "Hz", "where the open-loop gain falls through 1"),
        "phase_margin_deg": (phase_margin_deg(plot.axis, response), "deg", "of a follower"),
        "slew_rise_v_per_s": (rise, "V/s", f"10 to 90 % of a follower's step of {step_v:.2g} V up"),
        "slew_fall_v_per_s": (fall, "V/s", f"10 to 90 % of a follower's step of {step_v:.2g} V down"),
        "output_low_v": (low_v, "V", "output with Vinp 1 V below Vinn"),
        "output_high_v": (high_v, "V", "output with Vinp 1 V above Vinn"),
        "input_low_v": (first_v, "V", "lowest input that a follower follows within 20 mV"),
        "input_high_v": (last_v, "V", "highest input that a follower follows within 20 mV"),
        "bias_v": (float(point.voltage("inn")[0]), "V", "DC level at both inputs at rest, output fed back"),
    }
    if "vdd" in rig.entry.ports:
        found["supply_current_a"] = (rig.supply_current_a(point), "A", "from the supply at rest, without load")
    return {name: Quantity(value, unit, what) for name, (value, unit, what) in found.items() if value is not None}


def _servo(level_v: float) -> tuple[Element, ...]:
    """Vinp with the AC source; an inductor from the output to Vinn, held at AC by a capacitor."""
    return (
        Element("vin", ("inp", GROUND), value=level_v, ac=(1.0, 0.0)),
        Element("lservo", ("out", "inn"), value=SERVO_H),
        Element("cservo", ("inn", GROUND), value=SERVO_F),
    )


def _follower(rig: Rig, wave: Wave | None = None) -> tuple[Element, ...]:
    source = Element("vin", ("inp", GROUND), value=rig.entry.level, wave=wave)
    return source, Element("vwire", ("out", "inn"), value=0.0)


def _output_range(rig: Rig) -> tuple[float, float]:
    level_v = rig.entry.level
    levels = []
    for side in (-STEP_V, STEP_V):
        above = Element("va", ("inp", GROUND), value=level_v + side / 2)
        below = Element("vb", ("inn", GROUND), value=level_v - side / 2)
        (point,) = rig.run(rig.deck(above, below), OperatingPoint())
        levels.append(float(point.voltage("out")[0]))
    return levels[0], levels[1]


def _follower_range(rig: Rig) -> tuple[float, float]:
    """The stretch around the level on which the output follows the input."""
    (sweep,) = rig.run(rig.deck(*_follower(rig)), DcSweep("vin", 0.0, rig.entry.supply_v, POINTS))
    away = np.abs(sweep.voltage("out") - sweep.axis) > FOLLOWS_V
    below = sweep.axis[away & (sweep.axis < rig.entry.level)]
    above = sweep.axis[away & (sweep.axis > rig.entry.level)]
    low_v = float(below[-1]) if below.size else 0.0
    return low_v, float(above[0]) if above.size else rig.entry.supply_v


def _slew(rig: Rig, step_v: float) -> float | None:
    """Slope of a follower's step, in a window that grows until the step is done; None where it never is."""
    low_v, window_s = rig.entry.level - step_v / 2, FIRST_WINDOW_S
    while window_s <= LAST_WINDOW_S:
        edge_s = EDGE_SHARE * window_s
        wave = Wave("pwl", (0.0, low_v, window_s / 10, low_v, window_s / 10 + edge_s, low_v + step_v))
        step_s = window_s / STEPS
        (plot,) = rig.run(rig.deck(*_follower(rig, wave)), Transient(window_s, step_s, max_step_s=step_s))
        v_out = plot.voltage("out")
        half_v = np.interp(window_s / 2, plot.axis, v_out)
        moved = abs(v_out[-1] - v_out[0]) >= 0.5 * abs(step_v)
        if moved and abs(v_out[-1] - half_v) <= SETTLED * abs(step_v):
            return abs(slew_rate_v_per_s(plot.axis, v_out))
        window_s *= 2
    return None
