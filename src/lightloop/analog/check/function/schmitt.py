"""Schmitt triggers: trip points of slow triangles, their width, the output's swing."""

from __future__ import annotations

import numpy as np

from lightloop.analog.check.bench import Bench
from lightloop.analog.check.circuit import Drive, Rejection
from lightloop.analog.check.signal import signal_input
from lightloop.spice.analyses import Transient
from lightloop.spice.deck import Wave
from lightloop.spice.measures import slow_limit, trip_points

STEPS = 1000  # on each ramp: larger ones follow the unstable branch
NEVER_S = 1e3
EDGE_S = 1e-9


def measure_schmitt(bench: Bench) -> dict[str, float | None]:
    """Width at rate zero and at the slow ramp, swing of the slow ramp."""
    rates = bench.values("ramp_rates")
    widths, swings = zip(*(_triangle(bench, rate) for rate in rates), strict=True)
    width_v = slow_limit(rates, widths)
    slow_v = widths[int(np.argmin(rates))]
    return {
        "width": width_v,
        "width_disagreement": abs(slow_v / width_v - 1.0) if width_v else None,
        "swing": min(swings) / bench.circuit.supply_v,
    }


def _triangle(bench: Bench, rate_v_per_s: float) -> tuple[float, float]:
    """Width and swing for a triangle from rail to rail."""
    supply_v, output, port = bench.circuit.supply_v, bench.circuit.output, signal_input(bench)
    ramp_s = supply_v / rate_v_per_s
    wave = Wave("pulse", (0.0, supply_v, 0.0, ramp_s, ramp_s, EDGE_S, NEVER_S))
    deck = bench.circuit.driven({port: Drive(0.0, wave=wave)})
    (plot,) = bench.run(deck, Transient(2 * ramp_s, ramp_s / STEPS, max_step_s=ramp_s / STEPS))
    v_out = plot.voltage(output)
    if np.interp(ramp_s, plot.axis, v_out) <= v_out[0]:
        raise Rejection(f"{output} is not higher at a high input than at a low one: the trigger must not invert")
    return trip_points(plot.axis, plot.voltage(port), v_out).width_v, float(np.ptp(v_out))
