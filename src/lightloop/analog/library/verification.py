"""Does the data sheet still hold? Every quantity measured again and compared, the netlist by its hash."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lightloop.analog.library.entry import Entry, Quantity, netlist_hash
from lightloop.analog.library.measure import measured
from lightloop.analog.verdict import Item
from lightloop.spice.simulator import Simulator

TOLERANCE = 0.01
SMALLEST = {"V": 0.1, "A": 1e-9}  # a stored value below this is compared as if it were this large


@dataclass(frozen=True)
class Verification:
    """What came of an entry.

    Args:
        entry: Its name.
        items: Each quantity as measured now, within 1 % of what is stored.
        faults: What else is wrong: another netlist, quantities that only one side has.
    """

    entry: str
    items: tuple[Item, ...]
    faults: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether netlist and data sheet are those that were measured."""
        return not self.faults and all(item.ok for item in self.items)

    def to_dict(self) -> dict[str, Any]:
        """The verification as plain values for JSON."""
        items = [item.to_dict() for item in self.items]
        return {"entry": self.entry, "ok": self.ok, "items": items, "faults": list(self.faults)}


def verify(entry: Entry, simulator: Simulator | None = None) -> Verification:
    """Measure an entry again.

    Args:
        entry: The entry.
        simulator: ngspice and its sandbox.

    Raises:
        InputError: The netlist does not hold the entry's subcircuit.
        SimulationError: The simulator gave no answer.
        MissingProgramError: ngspice is missing or too old.
    """
    faults = [] if netlist_hash(entry.netlist) == entry.netlist_sha256 else ["the netlist is not the one measured"]
    now = measured(entry, simulator)
    faults += _missing(now, entry.measured, "is not measured any more") + _missing(entry.measured, now, "is not stored")
    items = tuple(_compared(name, stored, now[name]) for name, stored in entry.measured.items() if name in now)
    return Verification(entry.name, items, tuple(faults))


def _missing(among: Mapping[str, Quantity], wanted: Mapping[str, Quantity], why: str) -> list[str]:
    return [f"{name} {why}" for name in wanted if name not in among]


def _compared(name: str, stored: Quantity, now: Quantity) -> Item:
    away = TOLERANCE * max(abs(stored.value), SMALLEST.get(stored.unit, 0.0))
    low, high = stored.value - away, stored.value + away
    return Item(name, now.value, now.unit, low, high, stored.unit == now.unit and low <= now.value <= high)
