"""What a circuit is measured with: its ports, and the decks in which sources and feedback are put around it.

A kind of testbench is one file in `testbenches/` that defines `Bench`, under the file's name.
"""

from __future__ import annotations

import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Mapping
from importlib import import_module
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, Field

from lightloop.errors import InputError, unknown_name
from lightloop.settings import Settings
from lightloop.spice.deck import Deck, Element

PACKAGE = "lightloop.analog.sizing.testbenches"
PREFIX = "bench_"  # of the nodes that a testbench adds; its elements carry it after their letter
PICO, MICRO, KILO = 1e-12, 1e-6, 1e3
WIDEST = (1e-3, 1e13)  # of a band, in its unit


def _rising(band: tuple[float, float]) -> tuple[float, float]:
    if not WIDEST[0] <= band[0] < band[1] <= WIDEST[1]:
        raise ValueError(f"a band rises from a first to a last frequency, within {WIDEST[0]:g} to {WIDEST[1]:g}")
    return band


Band = Annotated[tuple[float, float], AfterValidator(_rising)]


class Testbench(Settings, ABC):
    """What all testbenches share.

    Args:
        kind: Which testbench it is.
        output: The output node.
        supply: The name of the supply source; its voltage and current make the power.
        load_pf: Capacitor that is put from the output to ground, in pF; 0 where the deck holds its load.
        temperature_c: Nominal temperature in °C.
        band_hz: First and last frequency of the response in Hz.
        points_per_decade: Of the response.
        noise_khz: Where the noise density is taken, in kHz.
        noise_band_khz: The band over which noise is integrated, in kHz.
        step_v: Step at the input for slew rate and settling, in V.
        step_us: How long each step is looked at, in µs.
        settled_within: Share of the step within which the output has settled.
    """

    __test__: ClassVar[bool] = False  # no test of pytest

    kind: str
    output: str
    supply: str = "vdd"
    load_pf: float = Field(default=0.0, ge=0)
    temperature_c: float = Field(default=27.0, ge=-100, le=200)
    band_hz: Band = (1.0, 10e9)
    points_per_decade: int = Field(default=20, ge=4, le=100)
    noise_khz: float = Field(default=100.0, ge=WIDEST[0], le=WIDEST[1])
    noise_band_khz: Band = (0.1, 1e3)
    step_v: float = Field(default=0.5, gt=0, le=100)
    step_us: float = Field(default=1.0, gt=0, le=1e6)
    settled_within: float = Field(default=0.01, gt=0, lt=1)

    #: Whether the response is a loop gain, whose phase margin is that of unity feedback.
    loop: ClassVar[bool] = False

    @property
    @abstractmethod
    def inputs(self) -> tuple[str, ...]:
        """The input nodes, whose sources the testbench replaces."""

    @abstractmethod
    def circuits(self) -> Mapping[str, Any]:
        """Name -> function that puts the testbench around a deck."""

    def circuit(self, name: str, deck: Deck) -> Deck:
        """A deck with the testbench around it: load, sources, feedback. Raises `InputError` if it has no such one."""
        made = self.circuits()
        if name not in made:
            raise InputError(f"testbench {self.kind!r} cannot measure this", allowed=made)
        return made[name](self._loaded(deck))  # type: ignore[no-any-return]

    def check(self, deck: Deck) -> None:
        """Raises `InputError` where the deck does not have these ports."""
        for node in (self.output, *self.inputs):
            if node.lower() not in deck.nodes:
                raise unknown_name("node", node, deck.nodes)
        if self.supply.lower() not in deck.by_name:
            raise unknown_name("supply source", self.supply, (item.name for item in deck.of_kind("v")))
        for node in self.inputs:
            source_at(deck, node)
        taken = [item.name for item in deck.elements if item.name[1:].startswith(PREFIX)]
        taken += [node for node in deck.nodes if node.startswith(PREFIX)]
        if taken:
            raise InputError(f"names that begin with {PREFIX!r} are those of the testbench: {', '.join(taken)}")

    def supply_v(self, deck: Deck) -> float:
        """The supply voltage of the deck as written, in V."""
        return deck.number(deck.element(self.supply).value)

    def _loaded(self, deck: Deck) -> Deck:
        if not self.load_pf:
            return deck
        return deck.with_elements(Element(f"c{PREFIX}load", (self.output.lower(), "0"), value=self.load_pf * PICO))

    def rippled(self, deck: Deck) -> Deck:
        """A deck with 1 V of AC on the supply."""
        source = deck.element(self.supply)
        return deck.with_elements(driven(source, deck.number(source.value), 1.0))


def source_at(deck: Deck, node: str) -> Element:
    """The voltage source from a node to ground. Raises `InputError` unless there is exactly one."""
    found = [item for item in deck.of_kind("v") if node.lower() in item.nodes and "0" in item.nodes]
    if len(found) != 1:
        raise InputError(f"{len(found)} voltage sources from {node} to ground; a testbench replaces exactly one")
    return found[0]


def bias_of(deck: Deck, node: str) -> float:
    """The DC voltage of the source at a node in V."""
    source = source_at(deck, node)
    value = deck.number(source.value, 0.0)
    return value if source.nodes[0] == node.lower() else -value


def driven(source: Element, dc_v: float, ac: float, node: str | None = None) -> Element:
    """A source of the same name with a DC value and an AC amplitude, negative for antiphase."""
    nodes = source.nodes if node is None else (node.lower(), "0")
    return Element(source.name, nodes, value=dc_v, ac=(abs(ac), 0.0 if ac >= 0 else 180.0))


def kinds() -> list[str]:
    """The names of all testbenches."""
    return sorted(module.name for module in pkgutil.iter_modules(import_module(PACKAGE).__path__))


def bench_kind(name: str) -> type[Testbench]:
    """The testbench of that name. Raises `InputError` if there is none."""
    if name not in kinds():
        raise unknown_name("kind of testbench", name, kinds())
    return import_module(f"{PACKAGE}.{name}").Bench  # type: ignore[no-any-return]
