"""Curves of direct current: transfer curves with trip points and noise margins, currents over bias and load."""

from __future__ import annotations

import numpy as np

from lightloop.analog.check.bench import Bench
from lightloop.analog.check.circuit import SUPPLY, Drive, source_value
from lightloop.analog.check.signal import signal_input, signal_inputs
from lightloop.analog.check.structure import load_resistor
from lightloop.analog.evidence.plots import Level, Line, Mark, PlotData, line
from lightloop.errors import InputError
from lightloop.spice.analyses import DcSweep
from lightloop.spice.measures import crossings, noise_margins, slopes, steepest_slope

POINTS = 501
LEAST_SLOPE = 1e-3
OFFSET_V = 0.025  # reach of the differential input around balance
LOAD_REACH = (0.1, 3.0)  # of the load, for a current source


def transfer_curve(bench: Bench) -> list[PlotData]:
    """Output over the first signal input from rail to rail, with the operating point and the slope there."""
    port = signal_input(bench)
    bias_v = bench.circuit.bias(port)
    found = _sweep(bench, port, 0.0, max(bench.circuit.supply_v, 1.2 * bias_v), {})
    if abs(steepest_slope(*found)) < LEAST_SLOPE:
        return []  # a coupling capacitor keeps direct current from the output
    marks = (_at(found, bias_v, "bias"), _steepest(found))
    return [_curve("transfer", "transfer curve", found, f"{port} (V)", marks)]


def logic_curve(bench: Bench) -> list[PlotData]:
    """Transfer curve of an inverter with its levels, noise margins and threshold."""
    port = bench.task.inputs[0].name.lower()
    found = _sweep(bench, port, 0.0, bench.circuit.supply_v, {})
    v_in, v_out = found
    marks, levels = [_steepest(found)], []
    same = crossings(v_in, v_out - v_in, 0.0)
    marks += [Mark(float(v), float(v), f"threshold {v:.2f} V") for v in same[:1]]
    try:
        margins = noise_margins(v_in, v_out)
    except InputError:
        margins = None
    if margins is not None:
        levels = [
            Level(f"VOH {margins.output_high_v:.2f} V", y=margins.output_high_v),
            Level(f"VOL {margins.output_low_v:.2f} V", y=margins.output_low_v),
        ]
        ends = {"VIL": (margins.input_low_v, margins.low_v), "VIH": (margins.input_high_v, margins.high_v)}
        marks += [
            Mark(v, float(np.interp(v, v_in, v_out)), f"{name} {v:.2f} V, margin {margin:.2f} V")
            for name, (v, margin) in ends.items()
        ]
    return [_curve("transfer", "transfer curve with noise margins", found, f"{port} (V)", tuple(marks), tuple(levels))]


def differential_curve(bench: Bench) -> list[PlotData]:
    """Output over the difference of two inputs about balance."""
    positive, negative = signal_inputs(bench)[:2]
    bias_v, other_v = bench.circuit.bias(positive), bench.circuit.bias(negative)
    found = _sweep(bench, positive, other_v - OFFSET_V, other_v + OFFSET_V, {})
    millivolts = ((found[0] - other_v) * 1e3, found[1])
    marks = [_at(millivolts, (bias_v - other_v) * 1e3, "as written"), _steepest(found, 1e3, other_v)]
    return [
        _curve("transfer", "transfer curve about balance", millivolts, f"{positive} - {negative} (mV)", tuple(marks))
    ]


def comparator_curve(bench: Bench) -> list[PlotData]:
    """Output over Vinp around the reference, with the trip point."""
    reference_v, reach_v = bench.value("reference"), bench.value("overdrive")
    other = {"vinn": Drive(reference_v)}
    found = _sweep(bench, "vinp", reference_v - reach_v, reference_v + reach_v, other)
    trips = crossings(*found, bench.circuit.supply_v / 2)
    marks = [Mark(float(v), bench.circuit.supply_v / 2, f"trip point {v:.4g} V") for v in trips[:1]]
    levels = (Level(f"reference {reference_v:g} V", x=reference_v),)
    return [_curve("transfer", "transfer curve about the reference", found, "vinp (V)", tuple(marks), levels)]


def sums_curve(bench: Bench) -> list[PlotData]:
    """Output over each input, the others at their bias."""
    lines = []
    for port in (item.name.lower() for item in bench.task.inputs):
        x, y = _sweep(bench, port, 0.0, bench.circuit.supply_v, {})
        inner = (y > 0.05 * bench.circuit.supply_v) & (y < 0.95 * bench.circuit.supply_v)
        slope = float(np.polyfit(x[inner], y[inner], 1)[0]) if inner.sum() > 2 else float("nan")
        lines.append(line(f"over {port}: slope {slope:.3f}", x, y))
    return [PlotData("transfer", "output over each input", "input (V)", ("output (V)",), tuple(lines))]


def source_curves(bench: Bench) -> list[PlotData]:
    """Current of a current source over its load and over its bias."""
    load, port = load_resistor(bench), bench.task.inputs[0].name.lower()
    ohm = bench.circuit.deck.number(load.value)
    sweep = DcSweep(load.name, LOAD_REACH[0] * ohm, LOAD_REACH[1] * ohm, POINTS)
    (plot,) = bench.run(bench.circuit.deck, sweep)
    current_a = plot.voltage(SUPPLY, bench.circuit.output) / plot.axis
    at_a = float(np.interp(ohm, plot.axis, current_a))
    mark = Mark(ohm / 1e3, at_a * 1e6, f"as written: {at_a * 1e6:.4g} µA")
    over_load = PlotData(
        "compliance", "current over the load", "load (kΩ)", ("current (µA)",),
        (line("current", plot.axis / 1e3, current_a * 1e6),), (mark,),
    )  # fmt: skip
    bias_v = bench.circuit.bias(port)
    v_bias, v_out = _sweep(bench, port, 0.0, 1.3 * bias_v, {})
    over_a = (bench.circuit.supply_v - v_out) / ohm
    mark = Mark(bias_v, float(np.interp(bias_v, v_bias, over_a)) * 1e6, "as written")
    curve = line("current", v_bias, over_a * 1e6)
    over_bias = PlotData(
        "control", "current over the bias", f"{port} (V)", ("current (µA)",), (curve,), (mark,)
    )  # fmt: skip
    return [over_load, over_bias]


def mirror_curve(bench: Bench) -> list[PlotData]:
    """Output current of a mirror over the reference current, beside the ideal."""
    load, source = load_resistor(bench), bench.circuit.source(bench.task.inputs[0].name)
    own_a = source_value(source, bench.task.inputs[0].name.lower())
    own = float(source.value or 0.0)  # type: ignore[arg-type]
    (plot,) = bench.run(bench.circuit.deck, DcSweep(source.name, 0.02 * own, 2.5 * own, POINTS))
    ohm = bench.circuit.deck.number(load.value)
    reference_ua, out_ua = np.abs(plot.axis) * 1e6, plot.voltage(SUPPLY, bench.circuit.output) / ohm * 1e6
    at_ua = float(np.interp(own_a * 1e6, reference_ua, out_ua))
    ends = [float(reference_ua[0]), float(reference_ua[-1])]
    ratio = at_ua / (own_a * 1e6)
    return [
        PlotData(
            "mirror", "output current over the reference", "reference current (µA)", ("output current (µA)",),
            (line("output", reference_ua, out_ua), Line("ideal, 1 : 1", ends, ends)),
            (Mark(own_a * 1e6, at_ua, f"ratio {ratio:.4f}"),),
        )
    ]  # fmt: skip


def _sweep(
    bench: Bench, port: str, start_v: float, stop_v: float, others: dict[str, Drive]
) -> tuple[np.ndarray, np.ndarray]:
    deck = bench.circuit.driven({port: Drive(start_v), **others})
    (plot,) = bench.run(deck, DcSweep(bench.circuit.source(port).name, start_v, stop_v, POINTS))
    return plot.axis, plot.voltage(bench.circuit.output)


def _at(found: tuple[np.ndarray, np.ndarray], x: float, what: str) -> Mark:
    y = float(np.interp(x, *found))
    return Mark(float(x), y, f"{what} {x:.3g}, {y:.3g}")


def _steepest(found: tuple[np.ndarray, np.ndarray], scale: float = 1.0, zero: float = 0.0) -> Mark:
    slope = slopes(*found)
    place = int(np.argmax(np.abs(slope)))
    return Mark(float((found[0][place] - zero) * scale), float(found[1][place]), f"slope {slope[place]:.3g}")


def _curve(
    name: str, title: str, found: tuple[np.ndarray, np.ndarray], x_title: str, marks: tuple[Mark, ...],
    levels: tuple[Level, ...] = (),
) -> PlotData:  # fmt: skip
    return PlotData(name, title, x_title, ("output (V)",), (line("output", *found),), marks, levels)
