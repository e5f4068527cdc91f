"""An amplifier with one input, at the bias that its deck gives it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from lightloop.analog.sizing.testbench import MICRO, Testbench, bias_of, driven, source_at
from lightloop.spice.deck import Deck, Element, Wave

EDGE_SHARE = 1e-3  # of a step: the edge of the pulse


class Bench(Testbench):
    """An amplifier.

    Args:
        input: The input node; the DC value of its source is the bias.
    """

    kind: Literal["amplifier"] = "amplifier"
    input: str

    @property
    def inputs(self) -> tuple[str, ...]:
        """The input."""
        return (self.input,)

    def circuits(self) -> Mapping[str, Any]:
        """A signal at the input, a ripple on the supply, a step at the input."""
        return {
            "signal": lambda deck: deck.with_elements(self._driven(deck, 1.0)),
            "supply_ripple": lambda deck: self.rippled(deck.with_elements(self._driven(deck, 0.0))),
            "step": self._stepped,
        }

    def _driven(self, deck: Deck, ac: float) -> Element:
        return driven(source_at(deck, self.input), bias_of(deck, self.input), ac, self.input)

    def _stepped(self, deck: Deck) -> Deck:
        bias_v, step_s = bias_of(deck, self.input), self.step_us * MICRO
        edge_s = EDGE_SHARE * step_s
        low_v, high_v = bias_v - self.step_v / 2, bias_v + self.step_v / 2
        wave = Wave("pulse", (low_v, high_v, edge_s, edge_s, edge_s, step_s - edge_s, 10 * step_s))
        source = source_at(deck, self.input)
        return deck.with_elements(Element(source.name, (self.input.lower(), "0"), value=low_v, wave=wave))
