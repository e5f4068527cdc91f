"""Noise of the output over the gain: as if it stood at the input."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lightloop.analog.sizing.probe import Measured
from lightloop.analog.sizing.quantity import Quantity
from lightloop.analog.sizing.testbench import KILO, Testbench, source_at
from lightloop.spice.analyses import AcSweep, Analysis, Noise
from lightloop.spice.deck import Deck
from lightloop.spice.measures.noise import input_referred_density, integrated_noise
from lightloop.spice.rawfile import Plot

CIRCUIT = "signal"
QUANTITIES = {
    "noise_nv_per_rthz": Quantity("nV/rtHz", "input-referred noise density at noise_khz"),
    "noise_uv": Quantity("uV", "input-referred noise over noise_band_khz"),
}
POINTS_PER_DECADE = 5
NANO, MICRO = 1e-9, 1e-6


def analyses(bench: Testbench, deck: Deck) -> tuple[Analysis, ...]:
    """Noise and response on the same frequencies, from below the lowest that is asked to above the highest."""
    low_hz, high_hz = min(bench.noise_band_khz[0], bench.noise_khz) * KILO, max(*bench.noise_band_khz, bench.noise_khz)
    sweep = (low_hz, high_hz * KILO * 10 ** (1 / POINTS_PER_DECADE), POINTS_PER_DECADE)
    source = source_at(deck, bench.inputs[0]).name
    return (AcSweep(*sweep), Noise(bench.output.lower(), source, *sweep))


def read(bench: Testbench, deck: Deck, plots: Sequence[Plot]) -> Measured:
    """Output density over |H|, at one frequency and integrated over the band."""
    response, noise = plots
    freq_hz, gain = response.axis, response.voltage(bench.output.lower())
    density = input_referred_density(noise.vector("onoise_spectrum").real, gain)
    at = np.interp(np.log(bench.noise_khz * KILO), np.log(freq_hz), np.log(density))
    low_khz, high_khz = bench.noise_band_khz
    low_hz, high_hz = max(low_khz * KILO, freq_hz[0]), min(high_khz * KILO, freq_hz[-1])
    return {
        "noise_nv_per_rthz": float(np.exp(at)) / NANO,
        "noise_uv": integrated_noise(freq_hz, density, low_hz, high_hz) / MICRO,
    }
