"""A subcircuit with its supply, its load, and what a measurement joins to its ports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lightloop.analog.library.entry import Entry
from lightloop.spice.analyses import Analysis
from lightloop.spice.deck import Deck, Element
from lightloop.spice.session import Session

if TYPE_CHECKING:
    from lightloop.spice.rawfile import Plot

GROUND = "0"
SUPPLY_SOURCE = "vsupply"


@dataclass(frozen=True)
class Rig:
    """An entry with an open simulator. The ports of the entry are nodes of their roles' names."""

    entry: Entry
    session: Session

    def deck(self, *elements: Element) -> Deck:
        """The entry as `x1`, its supply and its load, and further elements."""
        entry, roles = self.entry, tuple(self.entry.ports)
        parts = [Element("x1", roles, model=entry.name)]
        if "vdd" in roles:
            parts.append(Element(SUPPLY_SOURCE, ("vdd", GROUND), value=entry.supply_v))
        if entry.load_f:
            parts.append(Element("cload", ("out", GROUND), value=entry.load_f))
        return entry.deck().with_elements(*parts, *elements)

    def run(self, deck: Deck, *analyses: Analysis) -> tuple[Plot, ...]:
        """One plot for each analysis."""
        return self.session.run(deck, *analyses)

    def supply_current_a(self, plot: Plot) -> float:
        """What the supply delivers in A."""
        return -float(plot.current(SUPPLY_SOURCE)[0])
