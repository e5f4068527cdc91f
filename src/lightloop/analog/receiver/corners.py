"""Corners of a receiver: supply, temperature, resistors and capacitors, one at a time and all together."""

from __future__ import annotations

from dataclasses import dataclass, replace

from lightloop.analog.receiver.figures import Run
from lightloop.spice.analyses import Analysis
from lightloop.spice.deck import Deck, Element
from lightloop.spice.rawfile import Plot


@dataclass(frozen=True)
class Corner:
    """One set of conditions.

    Args:
        name: What stands in tables.
        supply: Factor on the supply voltage.
        temp_c: Temperature of all devices in degrees Celsius.
        resistors: Factor on all resistors.
        capacitors: Factor on all capacitors, photodiode and load included.
    """

    name: str
    supply: float = 1.0
    temp_c: float = 27.0
    resistors: float = 1.0
    capacitors: float = 1.0

    def deck(self, deck: Deck) -> Deck:
        """The deck with these supplies and passives."""
        factors = {"r": self.resistors, "c": self.capacitors}

        def change(element: Element) -> Element:
            factor = self.supply if element.name == "vdd" else factors.get(element.kind, 1.0)
            return element if factor == 1.0 else replace(element, value=deck.number(element.value) * factor)

        return deck.map_elements(change)

    def run(self, run: Run) -> Run:
        """`run` under these conditions."""

        def answer(deck: Deck, *analyses: Analysis) -> tuple[Plot, ...]:
            return run(self.deck(deck), *(replace(analysis, temp_c=self.temp_c) for analysis in analyses))

        return answer


NOMINAL = Corner("nominal")
SLOW = Corner("slow: -10 % supply, 85 C, R and C +10 %", 0.9, 85.0, 1.1, 1.1)
COLD = Corner("cold: -10 % supply, 0 C, R and C +10 %", 0.9, 0.0, 1.1, 1.1)
FAST = Corner("fast: +10 % supply, 0 C, R and C -10 %", 1.1, 0.0, 0.9, 0.9)
CORNERS: tuple[Corner, ...] = (
    NOMINAL,
    Corner("supply -10 %", supply=0.9),
    Corner("supply +10 %", supply=1.1),
    Corner("0 C", temp_c=0.0),
    Corner("85 C", temp_c=85.0),
    Corner("R -10 %", resistors=0.9),
    Corner("R +10 %", resistors=1.1),
    Corner("C -10 %", capacitors=0.9),
    Corner("C +10 %", capacitors=1.1),
    SLOW,
    COLD,
    FAST,
)
