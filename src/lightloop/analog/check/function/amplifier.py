"""Amplifiers: gain and phase, a large step, what each stage adds, what the Miller capacitor does."""

from __future__ import annotations

import cmath
import math
from dataclasses import replace

from lightloop.analog.check.bench import Bench, devices
from lightloop.analog.check.circuit import Drive
from lightloop.analog.check.signal import amplitude, signal_input
from lightloop.analog.check.structure import miller_capacitors, stack
from lightloop.spice.analyses import AcSweep, Transient
from lightloop.spice.deck import Deck, Element, Wave
from lightloop.spice.measures import bandwidth_3db_hz, harmonics, phase_distance_deg

SWEEP_HZ = (1.0, 1e9)  # from below every pole of interest to above them
SWEEP_POINTS = 10
EDGE_SHARE = 1e-3  # of a period: edges of the square wave
STEPS = 200  # time steps in a period, 0.1 % in the fundamental


def measure_amplifier(bench: Bench) -> dict[str, float | None]:
    """Gain and phase; of the deck as written also what else the task has limits for."""
    gain = amplitude(bench.signal, bench.circuit.output)
    phase_deg = math.degrees(cmath.phase(gain))
    found: dict[str, float | None] = {
        "gain": abs(gain),
        "phase_from_inverting": phase_distance_deg(phase_deg, 180.0),
        "phase_from_following": phase_distance_deg(phase_deg, 0.0),
    }
    further = {name: measure for name, measure in FURTHER.items() if name in bench.task.limits}
    if bench.thorough:
        found |= {name: measure(bench) for name, measure in further.items()}
    return found


def output_level(bench: Bench) -> float:
    """Vout at rest, of Vdd: for the bias as written, since an ideal source does not follow the temperature."""
    return float(bench.rest.voltage(bench.circuit.output)[0]) / bench.circuit.supply_v


def step_disagreement(bench: Bench) -> float | None:
    """Fundamental of a square wave at the output over that at the input, against the gain of AC."""
    port, frequency_hz = signal_input(bench), bench.value("test_frequency")
    bias_v, half_v, period_s = bench.circuit.bias(port), bench.value("step") / 2, 1 / bench.value("test_frequency")
    edge_s = EDGE_SHARE * period_s
    wave = Wave("pulse", (bias_v - half_v, bias_v + half_v, 0.0, edge_s, edge_s, period_s / 2 - edge_s, period_s))
    deck = bench.circuit.driven({port: Drive(bias_v, wave=wave)})
    (plot,) = bench.run(deck, Transient(3 * period_s, period_s / STEPS, max_step_s=period_s / STEPS))
    kept = plot.axis >= 1.5 * period_s
    nodes = (port, bench.circuit.output)
    sent, got = (harmonics(plot.axis[kept], plot.voltage(node)[kept], frequency_hz, 1)[0] for node in nodes)
    gain = abs(amplitude(bench.signal, bench.circuit.output))
    return abs(float(got / sent) / gain - 1.0) if gain else None


def gain_lost_without_stage(bench: Bench) -> float:
    """The gain over the gain with one stage removed, for the least of the stages that the task asks for.

    A stage is a gate node that drives a drain in antiphase with a larger amplitude. It is removed by holding its
    gates at their voltage at rest, so that its bias stays while the signal ends there.
    """
    plot, wanted = bench.signal, int(bench.value("stages"))
    gain = abs(amplitude(plot, bench.circuit.output))
    lost = [gain / max(_gain_without(bench, node), 1e-12) for node in _stage_gates(bench)]
    return sorted(lost, reverse=True)[wanted - 1] if len(lost) >= wanted else 1.0


def _stage_gates(bench: Bench) -> list[str]:
    plot = bench.signal
    found: dict[str, None] = {}
    for device in devices(bench.circuit, bench.rest).values():
        drain, gate = (amplitude(plot, node) for node in device.element.nodes[:2])
        if (drain * gate.conjugate()).real < 0 and abs(drain) > abs(gate) > 0:
            found[device.element.nodes[1]] = None
    return list(found)


def _gain_without(bench: Bench, gate: str) -> float:
    port, at_hz = signal_input(bench), bench.value("test_frequency")
    held = "checker_held"
    source = Element("v_checker_held", (held, "0"), value=float(bench.rest.voltage(gate)[0]))
    deck = bench.circuit.driven({port: Drive(bench.circuit.bias(port), ac=(1.0, 0.0))})
    moved = [_with_gate(item, held) for item in bench.circuit.transistors() if item.nodes[1] == gate]
    (plot,) = bench.run(deck.with_elements(*moved, source), AcSweep(at_hz, at_hz))
    return abs(amplitude(plot, bench.circuit.output))


def _with_gate(device: Element, node: str) -> Element:
    return replace(device, nodes=(device.nodes[0], node, *device.nodes[2:]))


def stack_current_difference(bench: Bench) -> float | None:
    """Difference of the currents of the two stacked NMOS, of the lower one's."""
    found = stack(bench)
    if found is None:
        return None
    at_rest = devices(bench.circuit, bench.rest)
    lower, upper = (at_rest[item.name].current_a for item in found)
    return abs(upper - lower) / lower if lower else None


def pole_shift(bench: Bench) -> float | None:
    """Upper -3 dB frequency without the Miller capacitor over that with it."""
    names = [item.name for item in miller_capacitors(bench)]
    if not names:
        return None
    port = signal_input(bench)
    deck = bench.circuit.driven({port: Drive(bench.circuit.bias(port), ac=(1.0, 0.0))})
    with_hz, without_hz = _bandwidth_hz(bench, deck), _bandwidth_hz(bench, deck.without(*names))
    return without_hz / with_hz


def _bandwidth_hz(bench: Bench, deck: Deck) -> float:
    (plot,) = bench.run(deck, AcSweep(*SWEEP_HZ, SWEEP_POINTS))
    return bandwidth_3db_hz(plot.axis, plot.voltage(bench.circuit.output)) or SWEEP_HZ[1]


FURTHER = {
    "output_level": output_level,
    "step_disagreement": step_disagreement,
    "gain_lost_without_stage": gain_lost_without_stage,
    "stack_current_difference": stack_current_difference,
    "pole_shift": pole_shift,
}
