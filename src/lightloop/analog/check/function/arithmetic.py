"""Adders and subtractors: slopes over a grid of both inputs, and square waves against the ideal."""

from __future__ import annotations

import numpy as np

from lightloop.analog.check.bench import Bench
from lightloop.analog.check.circuit import Drive
from lightloop.spice.analyses import DcSweep, Transient
from lightloop.spice.deck import Wave

MID_V = 2.5  # of the tasks' statements: an adder works about it; Vout of a subtractor is Vin2 - Vin1
STEP_V = 0.8  # of each square wave; both together stay within the window
QUARTER_S = 1e-3  # slow against circuits of transistors too
EDGE_S = 1e-6
STEPS = 100
SETTLED = np.linspace(0.8, 0.95, 16)  # shares of a level's time at which it is read: ringing counts


def measure_arithmetic(bench: Bench) -> dict[str, float | None]:
    """Error of both slopes, and the largest distance from the ideal of a square wave's levels."""
    found: dict[str, float | None] = {"slope_error": _slope_error(bench)}
    if bench.thorough:
        found["transient_error"] = _transient_error(bench)
    return found


def _ideal(bench: Bench, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    a, b = bench.values("ideal_slopes")
    constant = MID_V * (1 - a - b) if a + b else 0.0
    return constant + a * np.asarray(first) + b * np.asarray(second)


def _slope_error(bench: Bench) -> float | None:
    ports = [port.name.lower() for port in bench.task.inputs]
    count = int(bench.value("grid"))
    low_v, high_v = bench.values("output_window")
    grid = np.linspace(0.0, bench.circuit.supply_v, count)
    deck = bench.circuit.driven({port: Drive(0.0) for port in ports})
    first, second = (bench.circuit.source(port).name for port in ports)
    sweeps = [DcSweep(first, 0.0, float(grid[-1]), count, alter=((second, "dc", float(v)),)) for v in grid]
    v_out = np.array([plot.voltage(bench.circuit.output) for plot in bench.run(deck, *sweeps)])
    v_1, v_2 = np.meshgrid(grid, grid)
    ideal = _ideal(bench, v_1, v_2)
    kept = (ideal >= low_v) & (ideal <= high_v)
    columns = np.column_stack([v_1[kept], v_2[kept], np.ones(int(kept.sum()))])
    slopes = np.linalg.lstsq(columns, v_out[kept], rcond=None)[0][:2]
    return float(np.max(np.abs(slopes - np.array(bench.values("ideal_slopes")))))


def _transient_error(bench: Bench) -> float:
    """Both inputs switch; Vin2 half as often, so that all four combinations occur."""
    ports = [port.name.lower() for port in bench.task.inputs]
    a, b = bench.values("ideal_slopes")
    middle = (MID_V, MID_V) if a + b else (MID_V / 2, 1.5 * MID_V)
    drives = {port: _square(v, (i + 1) * QUARTER_S) for i, (port, v) in enumerate(zip(ports, middle, strict=True))}
    step_s = QUARTER_S / STEPS
    (plot,) = bench.run(bench.circuit.driven(drives), Transient(8 * QUARTER_S, step_s, max_step_s=step_s))
    at_s = QUARTER_S * np.add.outer(np.arange(8), SETTLED).ravel()
    v_1, v_2, v_out = (np.interp(at_s, plot.axis, plot.voltage(node)) for node in (*ports, bench.circuit.output))
    return float(np.max(np.abs(v_out - _ideal(bench, v_1, v_2)))) / STEP_V


def _square(middle_v: float, half_s: float) -> Drive:
    low_v, high_v = middle_v - STEP_V / 2, middle_v + STEP_V / 2
    wave = Wave("pulse", (low_v, high_v, half_s, EDGE_S, EDGE_S, half_s - EDGE_S, 2 * half_s))
    return Drive(low_v, wave=wave)
