"""The small-signal response from input to output."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lightloop.analog.sizing.probe import Measured
from lightloop.analog.sizing.quantity import Quantity
from lightloop.analog.sizing.testbench import KILO, Testbench
from lightloop.spice.analyses import AcSweep, Analysis
from lightloop.spice.deck import Deck
from lightloop.spice.measures.response import bandwidth_3db_hz, level_db, phase_margin_deg, unity_gain_hz
from lightloop.spice.rawfile import Plot

CIRCUIT = "signal"
QUANTITIES = {
    "gain_db": Quantity("dB", "gain at the lowest frequency of the band", by_ratio=False),
    "bandwidth_khz": Quantity("kHz", "frequency at which the gain has fallen by 3 dB"),
    "unity_gain_mhz": Quantity("MHz", "frequency at which the gain falls through 1"),
    "phase_margin_deg": Quantity("deg", "180 degrees plus the phase at the unity-gain frequency", by_ratio=False),
}
MEGA = 1e6
IN_PHASE_DEG = 90.0


def analyses(bench: Testbench, deck: Deck) -> tuple[Analysis, ...]:
    """One AC sweep of the band."""
    return (AcSweep(*bench.band_hz, bench.points_per_decade),)


def read(bench: Testbench, deck: Deck, plots: Sequence[Plot]) -> Measured:
    """Gain at the first frequency, the two frequencies, and the margin of an op-amp with unity feedback."""
    freq_hz, gain = plots[0].axis, plots[0].voltage(bench.output.lower())
    bandwidth_hz = bandwidth_3db_hz(freq_hz, gain, abs(gain[0])) if abs(gain[0]) > 0 else None
    unity_hz = unity_gain_hz(freq_hz, gain)
    inverted = abs(np.angle(gain[0], deg=True)) > IN_PHASE_DEG
    return {
        "gain_db": float(level_db(gain[0])),
        "bandwidth_khz": None if bandwidth_hz is None else bandwidth_hz / KILO,
        "unity_gain_mhz": None if unity_hz is None else unity_hz / MEGA,
        "phase_margin_deg": phase_margin_deg(freq_hz, gain) if bench.loop and not inverted else None,
    }
