"""The circuit under test: a flat deck, its ports, and the sources that the checker puts in place of the deck's."""

from __future__ import annotations

from dataclasses import dataclass, replace

from lightloop.analog.task import Task
from lightloop.errors import InputError
from lightloop.spice.deck import Deck, Element, Model, Wave

SUPPLY = "vdd"
GROUND = "0"
NOMINAL_C = 27.0
NEGLIGIBLE_OHM = 3e8  # a larger resistor gives a node a DC path or models leakage; it is no part of the structure


class Rejection(Exception):
    """The deck is not what its task asks for; the message says why."""


@dataclass(frozen=True)
class Drive:
    """What the checker's source on an input carries: DC value, AC magnitude and phase in degrees, time function."""

    dc: float
    ac: tuple[float, float] | None = None
    wave: Wave | None = None


@dataclass(frozen=True)
class Circuit:
    """A flat deck and what its task says of it.

    Args:
        task: The task.
        deck: The deck, all elements at the top, all values numbers, sources DC but for a clock.
        temp_c: Temperature of all devices.
    """

    task: Task
    deck: Deck
    temp_c: float = NOMINAL_C

    @property
    def output(self) -> str:
        """Node of the output: the last one that the task names."""
        return self.task.outputs[-1].lower()

    @property
    def supply(self) -> Element | None:
        """The supply source; None in a deck without supply. Raises `InputError` if its node has no single source."""
        return _source_at(self.deck, SUPPLY) if SUPPLY in self.deck.nodes else None

    @property
    def supply_v(self) -> float:
        """Supply voltage in V; that of the task in a deck whose only active parts are library op-amps."""
        return source_value(self.supply, SUPPLY) if self.supply else float(self.task.supply_v or 0.0)

    @property
    def skeleton(self) -> Deck:
        """The deck without resistors so large that they are no part of what was built."""
        large = [item.name for item in self.deck.of_kind("r") if self.deck.number(item.value, 0.0) >= NEGLIGIBLE_OHM]
        return self.deck.without(*large) if large else self.deck

    def source(self, port: str) -> Element:
        """The source on an input. Raises `InputError` unless there is exactly one."""
        role = next(item.role for item in self.task.inputs if item.name.lower() == port.lower())
        return _current_at(self.deck, port.lower()) if role == "current" else _source_at(self.deck, port.lower())

    def bias(self, port: str) -> float:
        """DC value in V of the source on an input, or in A into the port."""
        return source_value(self.source(port), port.lower())

    def driven(self, drives: dict[str, Drive]) -> Deck:
        """The deck with other voltage sources on some inputs, by port."""
        return self.deck.with_elements(*(self._driver(port, drive) for port, drive in drives.items()))

    def _driver(self, port: str, drive: Drive) -> Element:
        return Element(self.source(port).name, (port.lower(), GROUND), value=drive.dc, ac=drive.ac, wave=drive.wave)

    def model(self, device: Element) -> Model:
        """The model of a device."""
        return next(model for model in self.deck.models if model.name == device.model)

    def transistors(self, kind: str = "") -> list[Element]:
        """MOSFETs, all or those of one type: `nmos` or `pmos`."""
        return [item for item in self.deck.of_kind("m") if kind in ("", self.model(item).type)]

    def with_deck(self, deck: Deck) -> Circuit:
        """The same circuit with a changed deck."""
        return replace(self, deck=deck)


def held_nodes(deck: Deck) -> frozenset[str]:
    """Ground and all nodes that ideal voltage sources hold against it, directly or in a row."""
    held = {GROUND}
    sources = [element.nodes for element in deck.of_kind("v")]
    for _ in sources:
        held |= {node for pair in sources if held & set(pair) for node in pair}
    return frozenset(held)


def source_value(source: Element, node: str) -> float:
    """DC value of a source seen from a node: its voltage against the other one, or the current into it."""
    sign = 1.0 if (source.nodes[0] == node) == (source.kind == "v") else -1.0
    return sign * float(source.value or 0.0)  # type: ignore[arg-type]


def _source_at(deck: Deck, node: str) -> Element:
    found = [item for item in deck.of_kind("v") if set(item.nodes) == {node, GROUND}]
    if len(found) != 1:
        count = "no voltage source" if not found else f"{len(found)} voltage sources"
        raise InputError(f"{count} from {node} to ground", hint="put exactly one there")
    return found[0]


def _current_at(deck: Deck, node: str) -> Element:
    found = [item for item in deck.of_kind("i") if node in item.nodes]
    if len(found) != 1:
        count = "no current source" if not found else f"{len(found)} current sources"
        raise InputError(f"{count} at {node}", hint="put exactly one there, from the supply")
    return found[0]
