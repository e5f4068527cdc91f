"""Current sources: the current over loads, and how it follows the bias."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lightloop.analog.check.bench import Bench
from lightloop.analog.check.circuit import SUPPLY, Drive
from lightloop.analog.check.structure import load_resistor
from lightloop.spice.analyses import OperatingPoint
from lightloop.spice.deck import Deck, Element


def measure_current_source(bench: Bench) -> dict[str, float | None]:
    """Spread over the loads, and the smallest rise of the current with a step of Vbias."""
    load, port = load_resistor(bench), bench.task.inputs[0].name.lower()
    bias_v, change = bench.circuit.bias(port), bench.value("bias_change")
    currents = [_current(bench, bench.circuit.deck, load, factor) for factor in bench.values("load_factors")]
    own, lower, higher = (
        _current(bench, bench.circuit.driven({port: Drive(bias_v * factor)}), load)
        for factor in (1.0, 1 - change, 1 + change)
    )
    rises = [(own - lower) / own, (higher - own) / own] if own > 0 else None
    return {
        "current_change": float(np.ptp(currents)) / own if own > 0 else None,
        "current_follows_bias": min(rises) if rises else None,
    }


def _current(bench: Bench, deck: Deck, load: Element, factor: float = 1.0) -> float:
    """Current through the load from the supply, in A."""
    ohm = float(load.value or 0.0) * factor  # type: ignore[arg-type]
    (point,) = bench.run(deck.with_elements(replace(load, value=ohm)), OperatingPoint())
    return float(point.voltage(SUPPLY, bench.circuit.output)[0]) / ohm
