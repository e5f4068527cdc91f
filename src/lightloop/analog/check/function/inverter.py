"""Inverters: the transfer curve, a chain of copies, a switched input."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lightloop.analog.check.bench import Bench
from lightloop.analog.check.circuit import GROUND, SUPPLY, Drive
from lightloop.errors import InputError
from lightloop.spice.analyses import DcSweep, Transient
from lightloop.spice.deck import Deck, Element, Wave
from lightloop.spice.measures import NoiseMargins, noise_margins, steepest_slope

POINTS = 501  # a step of 10 mV at 5 V
PERIOD_S = 1e-2  # slow against the nodes of a logic gate with any load that a deck can carry
SETTLED = 0.9  # share of each half period after which a level is read
STEPS = 100


def measure_inverter(bench: Bench) -> dict[str, float | None]:
    """Levels (the worst of DC, chain and transient), slope, noise margins, current at the rails."""
    port, supply_v, output = bench.task.inputs[0].name.lower(), bench.circuit.supply_v, bench.circuit.output
    source = bench.circuit.source(port).name
    deck = bench.circuit.driven({port: Drive(0.0)})
    (sweep,) = bench.run(deck, DcSweep(source, 0.0, supply_v, POINTS))
    v_out = sweep.voltage(output)
    levels = _margins(sweep.axis, v_out)
    highs, lows = [float(v_out[0])], [float(v_out[-1])]
    if bench.thorough:
        chain_in = (levels.input_low_v, levels.input_high_v) if levels else (0.0, supply_v)
        chained = _chain(bench, chain_in)
        switched = _switched(bench, port)
        highs, lows = [*highs, chained[0], switched[0]], [*lows, chained[1], switched[1]]
    supply = bench.circuit.supply
    return {
        "output_high": min(highs) / supply_v,
        "output_low": max(lows) / supply_v,
        "steepest_slope": -steepest_slope(sweep.axis, v_out),
        "noise_margin_low": levels.low_v / supply_v if levels else None,
        "noise_margin_high": levels.high_v / supply_v if levels else None,
        "static_current": float(np.max(np.abs(sweep.current(supply.name)[[0, -1]]))) if supply else None,
    }


def _margins(v_in: np.ndarray, v_out: np.ndarray) -> NoiseMargins | None:
    try:
        return noise_margins(v_in, v_out)
    except InputError:
        return None


def _chain(bench: Bench, inputs_v: tuple[float, float]) -> tuple[float, float]:
    """High and low at the end of a row of copies, for a barely low and a barely high input."""
    port, count = bench.task.inputs[0].name.lower(), int(bench.value("chain"))
    deck = chain_of(bench.circuit.deck, port, bench.circuit.output, bench.circuit.source(port), count)
    source, end = bench.circuit.source(port).name, f"{bench.circuit.output}.{count}"
    (sweep,) = bench.run(deck, DcSweep(source, *inputs_v, 2))
    v_end = sweep.voltage(end)
    return float(v_end[0]), float(v_end[-1])


def chain_of(deck: Deck, port: str, output: str, source: Element, count: int) -> Deck:
    """A row of copies, each driven by the one before; outputs are `output.1`, `output.2`, ..."""
    shared = [item for item in deck.elements if item.kind in "vi" and set(item.nodes) <= {SUPPLY, GROUND}]
    elements = [*shared, replace(source, nodes=(port, GROUND), value=0.0, wave=None, ac=None)]
    for place in range(1, count + 1):
        names = {SUPPLY: SUPPLY, GROUND: GROUND, port: port if place == 1 else f"{output}.{place - 1}"}
        for item in deck.elements:
            if item not in shared and item.name != source.name:
                nodes = tuple(names.get(node, f"{node}.{place}") for node in item.nodes)
                references = tuple(f"{name}.{place}" for name in item.references)
                elements.append(replace(item, name=f"{item.name}.{place}", nodes=nodes, references=references))
    return replace(deck, elements=tuple(elements))


def _switched(bench: Bench, port: str) -> tuple[float, float]:
    """High and low at the end of each half of a rail-to-rail square wave."""
    supply_v, half_s = bench.circuit.supply_v, PERIOD_S / 2
    edge_s = PERIOD_S / STEPS
    wave = Wave("pulse", (0.0, supply_v, half_s, edge_s, edge_s, half_s - edge_s, PERIOD_S))
    deck = bench.circuit.driven({port: Drive(0.0, wave=wave)})
    (plot,) = bench.run(deck, Transient(2 * PERIOD_S, edge_s, max_step_s=edge_s))
    at_s = half_s * (np.arange(1, 4) + SETTLED)
    v_out = np.interp(at_s, plot.axis, plot.voltage(bench.circuit.output))
    return float(v_out[1]), float(max(v_out[0], v_out[2]))
