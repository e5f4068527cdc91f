"""Gain from the supply to the output."""

from __future__ import annotations

from collections.abc import Sequence

from lightloop.analog.sizing.probe import Measured
from lightloop.analog.sizing.quantity import Quantity
from lightloop.analog.sizing.testbench import Testbench
from lightloop.spice.analyses import AcSweep, Analysis
from lightloop.spice.deck import Deck
from lightloop.spice.measures.response import level_db
from lightloop.spice.rawfile import Plot

CIRCUIT = "supply_ripple"
QUANTITIES = {"supply_gain_db": Quantity("dB", "gain from the supply to the output", by_ratio=False)}


def analyses(bench: Testbench, deck: Deck) -> tuple[Analysis, ...]:
    """The lowest frequency of the band."""
    return (AcSweep(bench.band_hz[0], bench.band_hz[0]),)


def read(bench: Testbench, deck: Deck, plots: Sequence[Plot]) -> Measured:
    """The level of the output for 1 V on the supply."""
    return {"supply_gain_db": float(level_db(plots[0].voltage(bench.output.lower())[0]))}
