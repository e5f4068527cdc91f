"""Frequency responses with their corners, gain-bandwidth and phase margin marked."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lightloop.analog.check.bench import Bench
from lightloop.analog.check.circuit import GROUND, Drive
from lightloop.analog.check.process import with_gate_capacitance
from lightloop.analog.check.signal import signal_input, signal_inputs
from lightloop.analog.evidence.plots import Level, Mark, PlotData, line
from lightloop.analog.receiver.quantities import bench_of
from lightloop.spice.analyses import AcSweep
from lightloop.spice.deck import Deck, Element
from lightloop.spice.measures import bandwidth_3db_hz, gain_at, level_db, lower_3db_hz, phase_margin_deg, unity_gain_hz
from lightloop.units import engineering

SWEEP_HZ, POINTS = (1.0, 1e10), 20
FILTER_DECADES, FILTER_POINTS = 2, 100
RECEIVER_HZ, LOOP_HZ = (1e6, 1e11), (1.0, 1e11)
FULL_TURN = 360.0


def gain_response(bench: Bench) -> list[PlotData]:
    """From the first signal input to the output."""
    port = signal_input(bench)
    deck = bench.circuit.driven({port: Drive(bench.circuit.bias(port), ac=(1.0, 0.0))})
    return [response(bench, deck, "gain of the output over the input")]


def loop_response(bench: Bench) -> list[PlotData]:
    """From the inverting input to the output, with gain-bandwidth and phase margin, as the checker measures them."""
    positive, negative = signal_inputs(bench)
    drives = {
        positive: Drive(bench.circuit.bias(positive)),
        negative: Drive(bench.circuit.bias(negative), ac=(1.0, 180.0)),
    }
    load = Element("c_checker_load", (bench.circuit.output, GROUND), value=bench.value("load"))
    oxide_m = bench.value("oxide_thickness")
    deck = bench.circuit.driven(drives).map_models(lambda model: with_gate_capacitance(model, oxide_m))
    told = engineering(bench.value("load"), "F", 2)
    title = f"gain of the loop that a wire from the output would close; {told} at the output"
    return [response(bench, deck.with_elements(load), title, LOOP_HZ, margin=True)]


def filter_response(bench: Bench) -> list[PlotData]:
    """Two decades on each side of the corner."""
    corner_hz, port = bench.value("corner"), signal_input(bench)
    deck = bench.circuit.driven({port: Drive(bench.circuit.bias(port), ac=(1.0, 0.0))})
    band = (corner_hz / 10**FILTER_DECADES, corner_hz * 10**FILTER_DECADES)
    found = response(bench, deck, "response of the filter", band, FILTER_POINTS)
    wanted = Level(f"wanted: {engineering(corner_hz, 'Hz', 3)}", x=corner_hz)
    return [replace(found, levels=(*found.levels, wanted))]


def receiver_response(bench: Bench) -> list[PlotData]:
    """Transimpedance of a receiver with the photodiode's and the load's capacitance."""
    port = bench.task.inputs[0].name
    source, output = bench.circuit.source(port).name, bench.circuit.output
    setup = bench_of(bench.task.conditions, source=source, port=port.lower(), output=output)
    found = response(bench, setup.driven(bench.circuit.deck), "output voltage over photocurrent", RECEIVER_HZ)
    return [replace(found, y_titles=("gain (dBΩ)", "phase (°)"))]


def response(
    bench: Bench,
    deck: Deck,
    title: str,
    band: tuple[float, float] = SWEEP_HZ,
    points: int = POINTS,
    *,
    margin: bool = False,
) -> PlotData:
    """Gain and phase over frequency for the AC sources of a deck.

    Args:
        bench: The bench.
        deck: The deck with its AC sources.
        title: What is shown.
        band: First and last frequency in Hz.
        points: In each decade.
        margin: Whether gain-bandwidth and phase margin are marked.
    """
    (plot,) = bench.run(deck, AcSweep(*band, points))
    freq_hz, gain = plot.axis, plot.voltage(bench.circuit.output)
    phase_deg = unwrapped_deg(gain)
    marks = [*_corners(freq_hz, gain), *(_margin(freq_hz, gain, phase_deg) if margin else ())]
    return PlotData(
        "bode",
        title,
        "frequency (Hz)",
        ("gain (dB)", "phase (°)"),
        (line("gain", freq_hz, level_db(gain)), line("phase", freq_hz, phase_deg, 1)),
        tuple(marks),
        (Level("", y=0.0),) if margin else (),
        log_x=True,
    )


def unwrapped_deg(gain: np.ndarray) -> np.ndarray:
    """Phase in degrees without jumps; it starts between -180 (excluded) and 180."""
    found = np.degrees(np.unwrap(np.angle(gain)))
    return found - FULL_TURN * np.ceil((found[0] - FULL_TURN / 2) / FULL_TURN - 1e-9)


def _corners(freq_hz: np.ndarray, gain: np.ndarray) -> list[Mark]:
    """The pass band and the frequencies 3 dB below it."""
    level = level_db(gain)
    top = int(np.argmax(level))
    found = [Mark(float(freq_hz[top]), float(level[top]), f"{round(float(level[top]), 1) + 0.0:.1f} dB")]
    for at_hz in (lower_3db_hz(freq_hz, gain), bandwidth_3db_hz(freq_hz, gain)):
        if at_hz is not None:
            at_db = float(level_db(gain_at(freq_hz, gain, at_hz)))
            found.append(Mark(float(at_hz), at_db, f"-3 dB: {engineering(at_hz, 'Hz', 3)}"))
    return found


def _margin(freq_hz: np.ndarray, gain: np.ndarray, phase_deg: np.ndarray) -> list[Mark]:
    unity_hz, margin_deg = unity_gain_hz(freq_hz, gain), phase_margin_deg(freq_hz, gain)
    if unity_hz is None or margin_deg is None:
        return []
    at_deg = float(np.interp(np.log(unity_hz), np.log(freq_hz), phase_deg))
    return [
        Mark(unity_hz, 0.0, f"0 dB: {engineering(unity_hz, 'Hz', 3)}"),
        Mark(unity_hz, at_deg, f"phase margin {margin_deg:.0f}°", 1),
    ]
