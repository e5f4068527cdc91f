"""Waveforms with their periods and levels: oscillations, steps, triangles, mixing, a loop that locks."""

from __future__ import annotations

import numpy as np

from lightloop.analog.check.bench import Bench
from lightloop.analog.check.circuit import Drive
from lightloop.analog.check.function.pll import reference_clock
from lightloop.analog.check.function.time_response import time_constant_s
from lightloop.analog.check.signal import signal_input
from lightloop.analog.check.waveform import steady_waveform
from lightloop.analog.evidence.plots import Level, Mark, PlotData, line
from lightloop.spice.analyses import Transient
from lightloop.spice.deck import Wave
from lightloop.spice.measures import crossings, harmonics, level_db
from lightloop.units import engineering

SHOWN_PERIODS = 4
STEPS = 400
HALVES, EDGE_STEPS = 6, 50
HALF_S = 1e-3  # of a square wave: slow against the nodes of gates and comparators
SETTLED = 0.6
SAME_PERIOD = 0.1  # two upward passages that are this near to a period apart bound one
FLOOR_DB = -120.0
SWING_V = 0.5  # of the output of an integrator or differentiator
# Steps of time of a waveform -> power of ten of the unit shown.
UNITS = ((1e-9, "ns", 1e9), (1e-6, "µs", 1e6), (1e-3, "ms", 1e3))


def oscillation_waveform(bench: Bench) -> list[PlotData]:
    """A few periods of the steady oscillation, with period and swing."""
    least_v = bench.task.limits["peak_to_peak"].low or 0.0
    wave = steady_waveform(bench, bench.circuit.deck, 20, bench.value("max_time"), least_v)
    return [_periodic(*wave.last_third, wave.measured.period_s, "steady oscillation")]


def tuned_waveforms(bench: Bench) -> list[PlotData]:
    """The oscillation at the lowest and the highest control voltage, and the frequency over it."""
    port, least_v = signal_input(bench), bench.task.limits["peak_to_peak"].low or 0.0
    bias_v, longest_s, guess_s = bench.circuit.bias(port), bench.value("max_time"), None
    factors, found, plots = bench.values("control_factors"), [], []
    for factor in factors:
        deck = bench.circuit.driven({port: Drive(bias_v * factor)})
        wave = steady_waveform(bench, deck, 12, longest_s, least_v, guess_s)
        guess_s = wave.measured.period_s
        found.append((bias_v * factor, wave.measured.frequency_hz or float("nan")))
        if factor in (factors[0], factors[-1]):
            plots.append(_periodic(*wave.last_third, guess_s, f"oscillation at {port} = {bias_v * factor:.3g} V"))
    volts, hertz = np.array(found).T
    marks = tuple(Mark(float(v), float(f) / 1e3, engineering(float(f), "Hz", 3)) for v, f in found)
    curve = PlotData(
        "tuning", "frequency over the control voltage", f"{port} (V)", ("frequency (kHz)",),
        (line("frequency", volts, hertz / 1e3),), marks,
    )  # fmt: skip
    return [curve, *plots]


def hysteresis(bench: Bench) -> list[PlotData]:
    """Output over input of a triangle, up and down, with both trip points."""
    supply_v, port, output = bench.circuit.supply_v, signal_input(bench), bench.circuit.output
    ramp_s = supply_v / min(bench.values("ramp_rates"))
    wave = Wave("pulse", (0.0, supply_v, 0.0, ramp_s, ramp_s, ramp_s * 1e-6, 1e3 * ramp_s))
    (plot,) = bench.run(
        bench.circuit.driven({port: Drive(0.0, wave=wave)}),
        Transient(2 * ramp_s, ramp_s / 1000, max_step_s=ramp_s / 1000),
    )
    v_in, v_out = plot.voltage(port), plot.voltage(output)
    middle_v = float(v_out.min() + v_out.max()) / 2
    marks = []
    for at_s in crossings(plot.axis, v_out, middle_v)[:2]:
        v = float(np.interp(at_s, plot.axis, v_in))
        marks.append(Mark(v, middle_v, f"{'rising' if at_s < ramp_s else 'falling'}: {v:.3f} V"))
    up = plot.axis <= ramp_s
    lines = (line("input rises", v_in[up], v_out[up]), line("input falls", v_in[~up], v_out[~up]))
    return [PlotData("hysteresis", "hysteresis", f"{port} (V)", ("output (V)",), lines, tuple(marks))]


def step_waveform(bench: Bench) -> list[PlotData]:
    """A rail-to-rail square wave through an inverter."""
    port, supply_v = bench.task.inputs[0].name.lower(), bench.circuit.supply_v
    return [_square(bench, port, (0.0, supply_v), HALF_S, {}, "a switched input")]


def comparator_waveform(bench: Bench) -> list[PlotData]:
    """A square wave through the threshold of a comparator."""
    reference_v, overdrive_v = bench.value("reference"), bench.value("overdrive")
    levels = (reference_v - overdrive_v, reference_v + overdrive_v)
    return [
        _square(bench, "vinp", levels, HALF_S, {"vinn": Drive(reference_v)}, "the input switched through the reference")
    ]


def integrator_waveform(bench: Bench) -> list[PlotData]:
    """A square wave into an integrator: ramps of V/(RC)."""
    port = signal_input(bench)
    tau_s = time_constant_s(bench.circuit.skeleton, port, bench.circuit.output, "r", "c")
    bias_v, edge_s = bench.circuit.bias(port), tau_s / STEPS
    points = [(0.0, bias_v)]
    for place in range(HALVES):
        level_v = bias_v + (SWING_V if place % 2 == 0 else -SWING_V)
        points += [(place * tau_s + edge_s, level_v), ((place + 1) * tau_s, level_v)]
    return [_driven(bench, port, points, "a square wave at the input of an integrator")]


def differentiator_waveform(bench: Bench) -> list[PlotData]:
    """A triangle into a differentiator: levels of RC times its slope."""
    port = signal_input(bench)
    tau_s = time_constant_s(bench.circuit.skeleton, port, bench.circuit.output, "c", "r")
    bias_v = bench.circuit.bias(port)
    points = [(2 * tau_s * place, bias_v + 2 * SWING_V * (place % 2)) for place in range(HALVES + 1)]
    return [_driven(bench, port, points, "a triangle at the input of a differentiator")]


def _driven(bench: Bench, port: str, points: list[tuple[float, float]], title: str) -> PlotData:
    """Input and output for a source through given points of time and voltage."""
    stop_s = points[-1][0]
    wave = Wave("pwl", tuple(value for point in points for value in point))
    deck = bench.circuit.driven({port: Drive(points[0][1], wave=wave)})
    step_s = stop_s / HALVES / STEPS
    (plot,) = bench.run(deck, Transient(stop_s, step_s, max_step_s=step_s))
    unit, factor = _unit(stop_s / HALVES)
    v_out = plot.voltage(bench.circuit.output)
    lines = (line(port, plot.axis * factor, plot.voltage(port)), line("output", plot.axis * factor, v_out))
    return PlotData("waveform", title, f"time ({unit})", ("voltage (V)",), lines)


def mixed_waveform(bench: Bench) -> list[PlotData]:
    """The difference of the outputs of a mixer, and its lines."""
    rf_hz, lo_hz = bench.value("rf_frequency"), bench.value("lo_frequency")
    difference_hz = abs(rf_hz - lo_hz)
    drives = {}
    for pair in ("rf", "lo"):
        for side, sign in (("p", 1.0), ("n", -1.0)):
            port, half_v = f"v{pair}{side}", bench.value(f"{pair}_amplitude") / 2
            bias_v = bench.circuit.bias(port)
            drives[port] = Drive(bias_v, wave=Wave("sin", (bias_v, sign * half_v, bench.value(f"{pair}_frequency"))))
    stop_s, step_s = 6 / difference_hz, 1 / (500 * difference_hz)
    (plot,) = bench.run(bench.circuit.driven(drives), Transient(stop_s, step_s, max_step_s=step_s))
    kept = plot.axis >= SETTLED * stop_s
    positive, negative = (name.lower() for name in bench.task.outputs)
    time_s, volts = plot.axis[kept], plot.voltage(positive, negative)[kept]
    count = round((rf_hz + lo_hz) / difference_hz) + 1
    level = level_db(harmonics(time_s, volts, difference_hz, count))
    at_hz = difference_hz * np.arange(1, count + 1)
    marked = {"difference": difference_hz, "RF": rf_hz, "LO": lo_hz, "sum": rf_hz + lo_hz}
    marks = [
        Mark(f / 1e3, max(float(level[round(f / difference_hz) - 1]), FLOOR_DB), f"{name} {engineering(f, 'Hz', 3)}")
        for name, f in marked.items() if round(f / difference_hz) <= count
    ]  # fmt: skip
    stems = np.column_stack([np.full(count, FLOOR_DB), np.maximum(level, FLOOR_DB), np.full(count, FLOOR_DB)]).ravel()
    spectrum = PlotData("spectrum", "lines of the differential output", "frequency (kHz)", ("level (dBV)",),
                        (line("level", np.repeat(at_hz / 1e3, 3), stems),), tuple(marks))  # fmt: skip
    return [_periodic(time_s, volts, 1 / difference_hz, "differential output"), spectrum]


def lock_waveform(bench: Bench) -> list[PlotData]:
    """The output of a phase-locked loop beside its reference, and its frequency while it locks."""
    clock, port, output = reference_clock(bench), bench.task.inputs[0].name.lower(), bench.circuit.output
    count, step_s = int(bench.value("acquisition") + 10), clock.period_s / 100
    (plot,) = bench.run(bench.circuit.deck, Transient(count * clock.period_s, step_s, max_step_s=step_s))
    edges = crossings(plot.axis, plot.voltage(output), bench.circuit.supply_v / 2, "rising")
    hertz = 1 / np.diff(edges)
    over = PlotData(
        "lock", "frequency of the output, period by period", "time (ms)", ("frequency (kHz)",),
        (line("output", edges[1:] * 1e3, hertz / 1e3),), (),
        (Level(f"reference {engineering(1 / clock.period_s, 'Hz', 4)}", y=1e-3 / clock.period_s),),
    )  # fmt: skip
    late = plot.axis >= plot.axis[-1] - SHOWN_PERIODS * clock.period_s
    unit, factor = _unit(clock.period_s)
    at = (plot.axis[late] - plot.axis[late][0]) * factor
    lines = (line(port, at, plot.voltage(port)[late]), line(output, at, plot.voltage(output)[late]))
    return [over, PlotData("waveform", "the locked loop", f"time ({unit})", ("voltage (V)",), lines)]


def _square(
    bench: Bench, port: str, levels_v: tuple[float, float], half_s: float, others: dict[str, Drive], title: str
) -> PlotData:
    low_v, high_v = levels_v
    edge_s = half_s / EDGE_STEPS
    wave = Wave("pulse", (low_v, high_v, half_s, edge_s, edge_s, half_s - edge_s, 2 * half_s))
    deck = bench.circuit.driven({port: Drive(low_v, wave=wave), **others})
    (plot,) = bench.run(deck, Transient(4 * half_s, edge_s, max_step_s=half_s / STEPS))
    v_out = plot.voltage(bench.circuit.output)
    unit, factor = _unit(half_s)
    levels = tuple(
        Level(f"{what} {_volts(v)}", y=v)
        for what, v in (("highest", float(v_out.max())), ("lowest", float(v_out.min())))
    )
    lines = (line(port, plot.axis * factor, plot.voltage(port)), line("output", plot.axis * factor, v_out))
    return PlotData("step", title, f"time ({unit})", ("voltage (V)",), lines, (), levels)


def _periodic(time_s: np.ndarray, volts: np.ndarray, period_s: float | None, title: str) -> PlotData:
    """The last periods of a waveform, with its period and its swing."""
    span_s = SHOWN_PERIODS * period_s if period_s else float(time_s[-1] - time_s[0])
    late = time_s >= time_s[-1] - span_s
    unit, factor = _unit(period_s or span_s)
    at, shown = (time_s[late] - time_s[late][0]) * factor, volts[late]
    low, high = float(volts.min()), float(volts.max())
    levels = [Level(f"highest {_volts(high)}", y=high), Level(f"lowest {_volts(low)}", y=low)]
    told = f"{title}: {engineering(1 / period_s, 'Hz', 4)}, {high - low:.3g} V peak to peak" if period_s else title
    middle = (low + high) / 2
    up = crossings(at, shown, middle, "rising")
    marks = []
    if period_s and up.size >= 2 and abs((up[1] - up[0]) / (period_s * factor) - 1) < SAME_PERIOD:
        marks = [Mark(float(up[0]), middle, ""), Mark(float(up[1]), middle, f"period {engineering(period_s, 's', 4)}")]
    return PlotData(
        "waveform", told, f"time ({unit})", ("voltage (V)",), (line("output", at, shown),), tuple(marks), tuple(levels)
    )


def _volts(value: float) -> str:
    return f"{round(value, 2) + 0.0:.2f} V"


def _unit(period_s: float) -> tuple[str, float]:
    for limit_s, name, factor in reversed(UNITS):
        if period_s >= limit_s:
            return name, factor
    return UNITS[0][1], UNITS[0][2]
