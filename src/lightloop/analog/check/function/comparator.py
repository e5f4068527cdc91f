"""Comparators: levels, threshold and slope of the transfer curve, and a step through the threshold."""

from __future__ import annotations

import numpy as np

from lightloop.analog.check.bench import Bench
from lightloop.analog.check.circuit import Drive, Rejection
from lightloop.spice.analyses import DcSweep, Transient
from lightloop.spice.deck import Wave
from lightloop.spice.measures import crossings, steepest_slope

POINTS = 501
HALF_S = 1e-3  # slow against every node of a comparator
STEPS = 100
SETTLED = 0.9


def measure_comparator(bench: Bench) -> dict[str, float | None]:
    """Vinp is swept through Vinn and switched around it."""
    reference_v, overdrive_v = bench.value("reference"), bench.value("overdrive")
    supply_v, output = bench.circuit.supply_v, bench.circuit.output
    low_v, high_v = reference_v - overdrive_v, reference_v + overdrive_v
    deck = bench.circuit.driven({"vinp": Drive(low_v), "vinn": Drive(reference_v)})
    (sweep,) = bench.run(deck, DcSweep(bench.circuit.source("vinp").name, low_v, high_v, POINTS))
    v_out = sweep.voltage(output)
    passages = crossings(sweep.axis, v_out, supply_v / 2)
    if passages.size != 1:
        raise Rejection(f"the output passes half the supply {passages.size} times around the threshold, not once")
    switched = _switched(bench, low_v, high_v)
    return {
        "output_high": min(float(v_out[-1]), switched[0]) / supply_v,
        "output_low": max(float(v_out[0]), switched[1]) / supply_v,
        "offset": abs(float(passages[0]) - reference_v),
        "slope": steepest_slope(sweep.axis, v_out),
    }


def _switched(bench: Bench, low_v: float, high_v: float) -> tuple[float, float]:
    """High and low output at the end of each half of a square wave."""
    step_s = HALF_S / STEPS
    wave = Wave("pulse", (low_v, high_v, HALF_S, step_s, step_s, HALF_S - step_s, 2 * HALF_S))
    deck = bench.circuit.driven({"vinp": Drive(low_v, wave=wave), "vinn": Drive(bench.value("reference"))})
    (plot,) = bench.run(deck, Transient(4 * HALF_S, step_s, max_step_s=step_s))
    levels = np.interp(HALF_S * (np.arange(4) + SETTLED), plot.axis, plot.voltage(bench.circuit.output))
    return float(levels[[1, 3]].min()), float(levels[[0, 2]].max())
