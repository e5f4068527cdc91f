"""Oscillators: a sustained, steady oscillation that the circuit makes by itself, at the frequency of its own parts."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import product

from lightloop.analog.check.bench import Bench
from lightloop.analog.check.circuit import GROUND, held_nodes
from lightloop.analog.check.waveform import STEPS_PER_PERIOD, Waveform, output_swing, steady_waveform
from lightloop.spice.deck import Deck, Element
from lightloop.spice.measures import time_average

# Which nodes of an element control it: gate, base, inputs of the library op-amp.
CONTROLS = {"m": (1,), "q": (1,), "x": (0, 1)}


def measure_oscillator(bench: Bench) -> dict[str, float | None]:
    """Swing and period of the last third; silence with the loop opened; frequency against R and C."""
    least_v = bench.task.limits["peak_to_peak"].low or 0.0
    periods = int(bench.value("max_periods"))
    deck = bench.circuit.deck
    wave = steady_waveform(bench, deck, periods, bench.value("max_time"), least_v)
    seen = wave.measured
    found: dict[str, float | None] = {
        "peak_to_peak": seen.peak_to_peak,
        "swing_change": wave.swing_change if seen.period_s else None,
        "period_spread": seen.period_spread,
    }
    if "frequency_error" in bench.task.limits:
        ideal_hz = wien_frequency_hz(bench.circuit.skeleton, bench.circuit.output)
        known = ideal_hz is not None and seen.frequency_hz is not None
        found["frequency_error"] = abs(seen.frequency_hz / ideal_hz - 1.0) if known else None  # type: ignore[operator]
    if bench.thorough:
        found["open_loop_swing"] = _open_loop_swing(bench, wave) if seen.period_s else None
    return found


def _open_loop_swing(bench: Bench, wave: Waveform) -> float | None:
    """Least swing with one control of one active element held at its average: the loop opened there."""
    period_s = wave.measured.period_s or 0.0
    window_s = float(wave.time_s[-1])
    limit_v = bench.task.limits["open_loop_swing"].high or 0.0
    swings: list[float] = []
    level_v = time_average(*wave.last_third)
    for deck in _opened(bench, level_v):
        swings.append(output_swing(bench, deck, window_s, 2 * period_s / STEPS_PER_PERIOD))
        if swings[-1] <= limit_v:
            break
    return min(swings, default=None)


def _opened(bench: Bench, level_v: float) -> list[Deck]:
    """The deck with one control of each active element held: at its level at rest."""
    deck, held = bench.circuit.deck, held_nodes(bench.circuit.deck)
    opened = []
    for element in deck.elements:
        for place in CONTROLS.get(element.kind, ()):
            node = element.nodes[place]
            if node in held:
                continue
            level = float(bench.rest.voltage(node)[0])
            source = Element("v_checker_held", ("checker_held", GROUND), value=level)
            nodes = tuple("checker_held" if i == place else name for i, name in enumerate(element.nodes))
            opened.append(deck.with_elements(replace(element, nodes=nodes), source))
    return opened


def _controls(deck: Deck, node: str) -> bool:
    """Whether a node is the gate, base or op-amp input of an active element."""
    return any(node == item.nodes[place] for item in deck.elements for place in CONTROLS.get(item.kind, ()))


def wien_frequency_hz(deck: Deck, output: str) -> float | None:
    """1/(2 pi sqrt(R1 R2 C1 C2)) of a series RC from the output to a node with a parallel RC; None without one."""
    held = held_nodes(deck)
    for resistor, capacitor in product(deck.of_kind("r"), deck.of_kind("c")):
        middle = set(resistor.nodes) & set(capacitor.nodes)
        ends = set(resistor.nodes) ^ set(capacitor.nodes)
        if len(middle) != 1 or len(ends) != 2 or output not in ends or len(deck.at_node(*middle)) != 2:
            continue
        (node,) = ends - {output}
        if not _controls(deck, node):
            continue
        shunts = [item for item in deck.at_node(node) if set(item.nodes) & held]
        parallel = [next((item for item in shunts if item.kind == kind), None) for kind in "rc"]
        if all(parallel):
            values = [deck.number(item.value) for item in (resistor, capacitor, *parallel) if item]
            return 1 / (2 * math.pi * math.sqrt(math.prod(values))) if min(values) > 0 else None
    return None
