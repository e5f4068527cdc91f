"""Integrators and differentiators: frequency and time response against the ideal of the deck's own R and C."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import product

import numpy as np

from lightloop.analog.check.bench import Bench
from lightloop.analog.check.circuit import Drive, Rejection
from lightloop.analog.check.signal import signal_input
from lightloop.spice.analyses import AcSweep, Transient
from lightloop.spice.deck import Deck, Wave
from lightloop.spice.measures import phase_distance_deg

SWING_V = 0.5  # of the output in the transient: a tenth of the usual supply
HALF_PERIODS = 6
STEPS = 200  # in a half period
JUDGED = (0.3, 0.95)  # part of each half period that is judged, after the edge has died down


def measure_integrator(bench: Bench) -> dict[str, float | None]:
    """H = -1/(s R C); a square wave gives slopes of -V/(RC)."""
    tau_s = time_constant_s(bench.circuit.skeleton, signal_input(bench), bench.circuit.output, "r", "c")
    found = _frequency_errors(bench, tau_s, lambda s_tau: -1.0 / s_tau)
    if bench.thorough:
        found["transient_error"] = _integrator_transient(bench, tau_s)
    return found


def measure_differentiator(bench: Bench) -> dict[str, float | None]:
    """H = -s R C; a triangle gives levels of -RC times its slope."""
    tau_s = time_constant_s(bench.circuit.skeleton, signal_input(bench), bench.circuit.output, "c", "r")
    found = _frequency_errors(bench, tau_s, lambda s_tau: -s_tau)
    if bench.thorough:
        found["transient_error"] = _differentiator_transient(bench, tau_s)
    return found


def time_constant_s(deck: Deck, port: str, output: str, first: str, second: str) -> float:
    """RC of an element of kind `first` from the input to a node, and one of kind `second` from there to the output."""
    found = [
        float(one.value or 0.0) * float(two.value or 0.0)  # type: ignore[arg-type]
        for one, two in product(deck.of_kind(first), deck.of_kind(second))
        if port in one.nodes and output in two.nodes and (set(one.nodes) - {port}) & (set(two.nodes) - {output})
    ]
    if not found or max(found) <= 0:
        names = {"r": "resistor", "c": "capacitor"}
        raise Rejection(f"no {names[first]} from Vin to a node from which a {names[second]} leads to Vout")
    return max(found)  # a small element in parallel to the second, for stability, is not the one meant


def _frequency_errors(bench: Bench, tau_s: float, ideal: Callable[[complex], complex]) -> dict[str, float | None]:
    """Largest errors of magnitude and phase at the factors of 1/(2 pi RC)."""
    port = signal_input(bench)
    deck = bench.circuit.driven({port: Drive(bench.circuit.bias(port), ac=(1.0, 0.0))})
    factors = bench.values("frequency_factors")
    points = [factor / (2 * math.pi * tau_s) for factor in factors]
    plots = bench.run(deck, *(AcSweep(at_hz, at_hz) for at_hz in points))
    ratios = [complex(p.voltage(bench.circuit.output)[0]) / ideal(1j * f) for p, f in zip(plots, factors, strict=True)]
    return {
        "magnitude_error": max(abs(abs(ratio) - 1.0) for ratio in ratios),
        "phase_error": max(phase_distance_deg(float(np.degrees(np.angle(ratio))), 0.0) for ratio in ratios),
    }


def _integrator_transient(bench: Bench, tau_s: float) -> float:
    """Largest error of a slope, and largest distance from its line, of the swing."""
    bias_v, half_s = bench.circuit.bias(signal_input(bench)), tau_s
    wave = Wave("pwl", _square(bias_v, SWING_V, half_s))
    errors = []
    for (time_s, volts), sign in zip(_halves(bench, bias_v, wave, half_s), _signs(), strict=True):
        slope, start_v = np.polyfit(time_s, volts, 1)
        errors.append(abs(float(slope) / (-sign * SWING_V / tau_s) - 1.0))
        errors.append(float(np.max(np.abs(volts - slope * time_s - start_v))) / SWING_V)
    return max(errors)


def _differentiator_transient(bench: Bench, tau_s: float) -> float:
    """Largest distance from the level of each half period, of that level: ringing counts."""
    bias_v, half_s = bench.circuit.bias(signal_input(bench)), 2 * tau_s
    rise_v = SWING_V * half_s / tau_s
    at_rest_v = float(bench.rest.voltage(bench.circuit.output)[0])
    wave = Wave("pwl", _triangle(bias_v, rise_v, half_s))
    parts = zip(_halves(bench, bias_v, wave, half_s), _signs(), strict=True)
    return max(float(np.max(np.abs(volts - at_rest_v + sign * SWING_V))) / SWING_V for (_, volts), sign in parts)


def _signs() -> list[float]:
    return [1.0 if place % 2 == 0 else -1.0 for place in range(HALF_PERIODS)]


def _square(bias_v: float, size_v: float, half_s: float) -> tuple[float, ...]:
    """Times and values: half periods above and below the bias, the first one above."""
    edge_s, values = half_s / STEPS, [0.0, bias_v]
    level_v = bias_v
    for place, sign in enumerate(_signs()):
        start_s = place * half_s
        values += [start_s, level_v] if place else []
        level_v = bias_v + sign * size_v
        values += [start_s + edge_s, level_v]
    return (*values, HALF_PERIODS * half_s, level_v)


def _triangle(bias_v: float, rise_v: float, half_s: float) -> tuple[float, ...]:
    """Times and values: up and down between the bias and `rise_v` above it."""
    return tuple(x for i in range(HALF_PERIODS + 1) for x in (i * half_s, bias_v + rise_v * (i % 2)))


def _halves(bench: Bench, bias_v: float, wave: Wave, half_s: float) -> list[tuple[np.ndarray, np.ndarray]]:
    """Time and output in the judged part of each half period."""
    deck = bench.circuit.driven({signal_input(bench): Drive(bias_v, wave=wave)})
    step_s = half_s / STEPS
    (plot,) = bench.run(deck, Transient(HALF_PERIODS * half_s, step_s, max_step_s=step_s))
    v_out = plot.voltage(bench.circuit.output)
    parts = []
    for place in range(HALF_PERIODS):
        at_s = half_s * (place + np.linspace(*JUDGED, STEPS // 2))
        parts.append((at_s - at_s[0], np.interp(at_s, plot.axis, v_out)))
    return parts
