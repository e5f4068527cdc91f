"""An op-amp with a single output: open loop at its own operating point, and as a buffer.

At rest the output is fed back to the inverting input through an inductor of 1 GH, so that the output sits at the
common-mode voltage whatever the offset; at every frequency of the response the loop is open, and a capacitor of 1 GF
couples the AC source in. As a buffer the output is joined to the inverting input.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from lightloop.analog.sizing.testbench import MICRO, PREFIX, Testbench, bias_of, driven, source_at
from lightloop.spice.deck import Deck, Element, Wave

SERVO_H = 1e9
SERVO_F = 1e9
EDGE_SHARE = 1e-3  # of a step: the edge of the pulse


class Bench(Testbench):
    """An op-amp.

    Args:
        positive: The non-inverting input; the DC value of its source is the common-mode voltage.
        negative: The inverting input.
    """

    kind: Literal["opamp"] = "opamp"
    positive: str
    negative: str

    loop: ClassVar[bool] = True

    @property
    def inputs(self) -> tuple[str, ...]:
        """Both inputs."""
        return (self.positive, self.negative)

    def circuits(self) -> Mapping[str, Any]:
        """Open loop with a differential or a common-mode signal or a ripple on the supply, and a buffer."""
        return {
            "signal": lambda deck: self._open(deck, 0.5, -0.5),
            "common_mode": lambda deck: self._open(deck, 1.0, 1.0),
            "supply_ripple": lambda deck: self.rippled(self._open(deck, 0.0, 0.0)),
            "step": self._buffer,
        }

    def _open(self, deck: Deck, positive: float, negative: float) -> Deck:
        common_v, far = bias_of(deck, self.positive), f"{PREFIX}drive"
        return deck.with_elements(
            driven(source_at(deck, self.positive), common_v, positive, self.positive),
            driven(source_at(deck, self.negative), 0.0, negative, far),
            Element(f"l{PREFIX}servo", (self.output.lower(), self.negative.lower()), value=SERVO_H),
            Element(f"c{PREFIX}servo", (far, self.negative.lower()), value=SERVO_F),
        )

    def _buffer(self, deck: Deck) -> Deck:
        common_v, step_s = bias_of(deck, self.positive), self.step_us * MICRO
        edge_s = EDGE_SHARE * step_s
        low_v, high_v = common_v - self.step_v / 2, common_v + self.step_v / 2
        wave = Wave("pulse", (low_v, high_v, edge_s, edge_s, edge_s, step_s - edge_s, 10 * step_s))
        source = source_at(deck, self.positive)
        feedback = source_at(deck, self.negative).name
        return deck.with_elements(
            Element(source.name, (self.positive.lower(), "0"), value=low_v, wave=wave),
            Element(feedback, (self.output.lower(), self.negative.lower()), value=0.0),
        )
