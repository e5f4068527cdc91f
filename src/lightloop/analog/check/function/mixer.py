"""Mixers: the difference frequency at the output against what is sent in, and against RF and LO that leak through."""

from __future__ import annotations

from lightloop.analog.check.bench import Bench
from lightloop.analog.check.circuit import Drive
from lightloop.spice.analyses import Transient
from lightloop.spice.deck import Wave
from lightloop.spice.measures import harmonics, level_db

PERIODS = 6  # of the difference frequency; the first are start-up
SETTLED = 0.6
STEPS = 500  # in a period of the difference frequency, 45 in one of the RF


def measure_mixer(bench: Bench) -> dict[str, float | None]:
    """Both pairs are driven in antiphase; the lines are harmonics of the difference frequency."""
    rf_hz, lo_hz = bench.value("rf_frequency"), bench.value("lo_frequency")
    difference_hz = abs(rf_hz - lo_hz)
    stop_s = PERIODS / difference_hz
    step_s = 1 / (difference_hz * STEPS)
    (plot,) = bench.run(bench.circuit.driven(_drives(bench)), Transient(stop_s, step_s, max_step_s=step_s))
    kept = plot.axis >= SETTLED * stop_s
    positive, negative = (name.lower() for name in bench.task.outputs)
    count = round(max(rf_hz, lo_hz) / difference_hz)
    lines = harmonics(plot.axis[kept], plot.voltage(positive, negative)[kept], difference_hz, count)
    sides = [harmonics(plot.axis[kept], plot.voltage(node)[kept], difference_hz, 1)[0] for node in (positive, negative)]
    wanted, rf, lo = (float(level_db(lines[round(f / difference_hz) - 1])) for f in (difference_hz, rf_hz, lo_hz))
    return {
        "conversion_gain": wanted - float(level_db(bench.value("rf_amplitude"))),
        "rf_rejection": wanted - rf,
        "lo_rejection": wanted - lo,
        "output_imbalance": float(abs(sides[0] - sides[1]) / sum(sides)) if sum(sides) else None,
    }


def _drives(bench: Bench) -> dict[str, Drive]:
    drives = {}
    for pair in ("rf", "lo"):
        frequency_hz, half_v = bench.value(f"{pair}_frequency"), bench.value(f"{pair}_amplitude") / 2
        for side, sign in (("p", 1.0), ("n", -1.0)):
            port = f"v{pair}{side}"
            bias_v = bench.circuit.bias(port)
            drives[port] = Drive(bias_v, wave=Wave("sin", (bias_v, sign * half_v, frequency_hz)))
    return drives
