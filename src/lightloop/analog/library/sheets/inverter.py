"""Inverters: levels, switching point, slope, noise margins, delay into the load."""

from __future__ import annotations

import numpy as np

from lightloop.analog.library.entry import Quantity
from lightloop.analog.library.sheets.rig import GROUND, SUPPLY_SOURCE, Rig
from lightloop.spice.analyses import DcSweep, Transient
from lightloop.spice.deck import Element, Wave
from lightloop.spice.measures import crossings, noise_margins, steepest_slope

POINTS = 1001
STEPS = 2000
EDGE_SHARE = 1e-3
FIRST_WINDOW_S = 1e-10
GROWTH = 4.0
LAST_WINDOW_S = 1.0
LATEST = 0.4  # of the half period: a delay that is seen well


def measure_inverter(rig: Rig) -> dict[str, Quantity]:
    """The data sheet at the entry's supply."""
    supply_v = rig.entry.supply_v
    (sweep,) = rig.run(rig.deck(Element("vin", ("in", GROUND), value=0.0)), DcSweep("vin", 0.0, supply_v, POINTS))
    v_out, margins = sweep.voltage("out"), noise_margins(sweep.axis, sweep.voltage("out"))
    point = crossings(sweep.axis, v_out - sweep.axis, 0.0)
    current_a = float(np.max(np.abs(sweep.current(SUPPLY_SOURCE))))
    found = {
        "output_high_v": (float(v_out[0]), "V", "output with the input at 0 V"),
        "output_low_v": (float(v_out[-1]), "V", "output with the input at the supply"),
        "switching_point_v": (float(point[0]), "V", "where input and output agree"),
        "gain": (abs(float(steepest_slope(sweep.axis, v_out))), "1", "steepest slope of the transfer curve"),
        "noise_margin_low_v": (margins.low_v, "V", "VIL - VOL"),
        "noise_margin_high_v": (margins.high_v, "V", "VOH - VIH"),
        "supply_current_a": (current_a, "A", "largest supply current of the sweep"),
        "delay_s": (_delay(rig), "s", "half of the supply to half of the supply, mean of both edges"),
    }
    return {name: Quantity(value, unit, what) for name, (value, unit, what) in found.items() if value is not None}


def _delay(rig: Rig) -> float | None:
    """The mean delay of both edges, in a window that grows until they are short in it."""
    supply_v, half_s = rig.entry.supply_v, FIRST_WINDOW_S
    while half_s <= LAST_WINDOW_S:
        edge_s, step_s = EDGE_SHARE * half_s, half_s / STEPS
        wave = Wave("pulse", (0.0, supply_v, half_s, edge_s, edge_s, half_s - edge_s, 2 * half_s))
        deck = rig.deck(Element("vin", ("in", GROUND), value=0.0, wave=wave))
        (plot,) = rig.run(deck, Transient(3 * half_s, step_s, max_step_s=step_s))
        times = [crossings(plot.axis, sign * plot.voltage("out"), sign * supply_v / 2) for sign in (-1.0, 1.0)]
        late = [[t for t in found if t >= place * half_s] for place, found in zip((1, 2), times, strict=True)]
        if all(late):
            delays = [found[0] - place * half_s - edge_s / 2 for place, found in zip((1, 2), late, strict=True)]
            if max(delays) <= LATEST * half_s:
                return float(np.mean(delays))
        half_s *= GROWTH
    return None
