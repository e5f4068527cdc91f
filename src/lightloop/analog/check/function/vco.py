"""Voltage-controlled oscillators: frequency over the control voltage, swing, steadiness, distortion."""

from __future__ import annotations

import numpy as np

from lightloop.analog.check.bench import Bench
from lightloop.analog.check.circuit import Drive, Rejection
from lightloop.analog.check.signal import signal_input
from lightloop.analog.check.waveform import Waveform, steady_waveform
from lightloop.spice.measures import total_harmonic_distortion


def measure_vco(bench: Bench) -> dict[str, float | None]:
    """The output at several control voltages; under changed conditions at the outer two only."""
    factors = bench.values("control_factors")
    waves = _waves(bench, factors if bench.thorough else (factors[0], factors[-1]))
    seen = [wave.measured for wave in waves]
    frequencies = np.array([item.frequency_hz for item in seen])
    swings = np.array([item.peak_to_peak for item in seen])
    steps = np.diff(frequencies)
    if not ((steps > 0).all() or (steps < 0).all()):
        told = ", ".join(f"{frequency:.4g}" for frequency in frequencies)
        raise Rejection(f"the frequency does not rise or fall steadily with Vin: {told} Hz")
    found: dict[str, float | None] = {
        "frequency_range": float(frequencies.max() / frequencies.min()),
        "swing_variation": float(np.ptp(swings) / swings.mean()),
        "peak_to_peak": float(swings.min()),
        "period_spread": max(item.period_spread or 0.0 for item in seen),
    }
    if "distortion" in bench.task.limits:
        pairs = zip(waves, frequencies, strict=True)
        found["distortion"] = max(total_harmonic_distortion(*wave.last_third, f) for wave, f in pairs)
    return found


def _waves(bench: Bench, factors: tuple[float, ...]) -> list[Waveform]:
    """The output at each control voltage. Raises `Rejection` where it does not oscillate."""
    port = signal_input(bench)
    bias_v, least_v = bench.circuit.bias(port), bench.task.limits["peak_to_peak"].low or 0.0
    periods, longest_s = int(bench.value("max_periods")), bench.value("max_time")
    waves: list[Waveform] = []
    guess_s: float | None = None
    for factor in factors:
        deck = bench.circuit.driven({port: Drive(bias_v * factor)})
        waves.append(steady_waveform(bench, deck, periods, longest_s, least_v, guess_s))
        seen = waves[-1].measured
        if seen.period_s is None or seen.peak_to_peak < least_v:
            raise Rejection(f"no oscillation at Vin = {bias_v * factor:.3g} V: {seen.peak_to_peak:.3g} V peak to peak")
        guess_s = seen.period_s
    return waves
