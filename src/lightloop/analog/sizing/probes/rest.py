"""At rest: power, the output's level, and how the transistors are biased."""

from __future__ import annotations

from collections.abc import Sequence

from lightloop.analog.sizing.probe import Measured
from lightloop.analog.sizing.quantity import Quantity
from lightloop.analog.sizing.testbench import Testbench
from lightloop.spice.analyses import Analysis, OperatingPoint
from lightloop.spice.deck import Deck, Element
from lightloop.spice.rawfile import Plot

CIRCUIT = "signal"
QUANTITIES = {
    "supply_ma": Quantity("mA", "current from the supply at rest"),
    "power_mw": Quantity("mW", "power from the supply at rest"),
    "output_v": Quantity("V", "output at rest", by_ratio=False),
    "gm_over_id_per_v": Quantity("1/V", "largest gm/ID of all MOSFETs"),
    "saturation_margin_v": Quantity("V", "least Vds - Vdsat of all MOSFETs", by_ratio=False, scale=0.1),
}
DEVICE = ("id", "gm", "vds", "vdsat")
LEAST_CURRENT_A = 1e-15  # below it a MOSFET is off and has no gm/ID
MILLI = 1e-3


def analyses(bench: Testbench, deck: Deck) -> tuple[Analysis, ...]:
    """The operating point, with the quantities of all MOSFETs."""
    return (OperatingPoint(save=tuple(f"@{item.name}[{what}]" for item in deck.of_kind("m") for what in DEVICE)),)


def read(bench: Testbench, deck: Deck, plots: Sequence[Plot]) -> Measured:
    """Power = V I of the supply; margins of the worst MOSFET (both kinds have Vds > 0 as ngspice tells it)."""
    point, source = plots[0], deck.element(bench.supply)
    supply_v = float(point.voltage(source.nodes[0], source.nodes[1])[0])
    current_a = -float(point.current(source.name)[0])
    transistors = list(deck.of_kind("m"))
    return {
        "supply_ma": current_a / MILLI,
        "power_mw": supply_v * current_a / MILLI,
        "output_v": float(point.voltage(bench.output.lower())[0]),
        "gm_over_id_per_v": max((_gm_over_id(item, point) for item in transistors), default=None),
        "saturation_margin_v": min((_margin_v(item, point) for item in transistors), default=None),
    }


def _gm_over_id(element: Element, point: Plot) -> float:
    gm, current = (abs(float(point.device(element.name, what)[0])) for what in ("gm", "id"))
    return gm / current if current > LEAST_CURRENT_A else 0.0


def _margin_v(element: Element, point: Plot) -> float:
    return float(point.device(element.name, "vds")[0]) - abs(float(point.device(element.name, "vdsat")[0]))
