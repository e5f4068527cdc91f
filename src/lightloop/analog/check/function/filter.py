"""Passive filters: the corner or centre frequency, and the levels of pass band and stop band."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lightloop.analog.check.bench import Bench
from lightloop.analog.check.circuit import Drive
from lightloop.analog.check.signal import signal_input
from lightloop.spice.analyses import AcSweep
from lightloop.spice.measures import bandwidth_3db_hz, gain_at, lower_3db_hz

DECADES = 2  # of the sweep on each side of the corner
POINTS_PER_DECADE = 200  # 1.2 % from point to point

Corner = Callable[[np.ndarray, np.ndarray], float | None]


def measure_filter(bench: Bench) -> dict[str, float | None]:
    """The response from two decades below the corner to two above it."""
    wanted_hz, port = bench.value("corner"), signal_input(bench)
    deck = bench.circuit.driven({port: Drive(bench.circuit.bias(port), ac=(1.0, 0.0))})
    (plot,) = bench.run(deck, AcSweep(wanted_hz / 10**DECADES, wanted_hz * 10**DECADES, POINTS_PER_DECADE))
    freq_hz, response = plot.axis, plot.voltage(bench.circuit.output)
    corner_hz = CORNERS[_shape(bench)](freq_hz, response)
    return {
        "corner_error": None if corner_hz is None else abs(corner_hz / wanted_hz - 1.0),
        "pass_band": min(gain_at(freq_hz, response, at_hz) for at_hz in bench.values("pass")),
        "stop_band": max(gain_at(freq_hz, response, at_hz) for at_hz in bench.values("stop")),
    }


def _shape(bench: Bench) -> str:
    """The kind of filter, from where its bands lie."""
    passed, stopped = bench.values("pass"), bench.values("stop")
    if max(passed) < min(stopped):
        return "low-pass"
    if min(passed) > max(stopped):
        return "high-pass"
    return "band-pass" if min(stopped) < min(passed) else "band-stop"


CORNERS: dict[str, Corner] = {
    "low-pass": bandwidth_3db_hz,
    "high-pass": lower_3db_hz,
    "band-pass": lambda freq_hz, response: float(freq_hz[np.argmax(np.abs(response))]),
    "band-stop": lambda freq_hz, response: float(freq_hz[np.argmin(np.abs(response))]),
}
