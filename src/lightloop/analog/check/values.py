"""Values that a part can have. A negative resistance gives power, and a negative lambda gain, that no part has.

The bounds are those of anything ever built, with decades to spare; beyond them the simulator may not come to an end.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lightloop.spice.deck import Deck, Element, Model


@dataclass(frozen=True)
class Span:
    """The magnitude of a value: between two bounds, or 0; negative only where it is said."""

    low: float
    high: float
    unit: str = ""
    negative: bool = False
    zero: bool = True

    def holds(self, value: float) -> bool:
        """Whether a part can have this value."""
        if value == 0:
            return self.zero
        return (value > 0 or self.negative) and self.low <= abs(value) <= self.high

    def __str__(self) -> str:
        unit = f" {self.unit}" if self.unit else ""
        zero = ", or 0" if self.zero and self.low else ""
        return f"{self.low:g} to {self.high:g}{unit}{zero}{', of either sign' if self.negative else ''}"


SIZE = Span(1e-9, 1.0, "m", zero=False)
COUNT = Span(1e-3, 1e6, zero=False)
ANY_PARAMETER = Span(0.0, 1e25)
ANY_SIGN = Span(0.0, 1e25, negative=True)

# Letter of an element -> its main value.
VALUES: Mapping[str, Span] = {
    "r": Span(1e-6, 1e15, "ohm"),
    "c": Span(1e-21, 1e3, "F"),
    "l": Span(1e-15, 1e6, "H"),
    "v": Span(0.0, 1e4, "V", negative=True),
    "i": Span(0.0, 1e3, "A", negative=True),
    "k": Span(1e-6, 1.0, negative=True, zero=False),
}
# Named values of elements, all others not below 0.
PARAMETERS: Mapping[str, Span] = {
    **dict.fromkeys("wl", SIZE),
    **dict.fromkeys(("m", "area"), COUNT),
    **dict.fromkeys(("tc1", "tc2"), Span(0.0, 1.0, "1/C", negative=True)),
    **dict.fromkeys(("temp", "dtemp"), Span(0.0, 300.0, "C", negative=True)),
}
# Parameters of models, all others not below 0.
MODEL_PARAMETERS: Mapping[str, Span] = {
    "kp": Span(1e-9, 1e-2, "A/V^2", zero=False),
    "vto": Span(0.0, 20.0, "V", negative=True),
    "lambda": Span(0.0, 10.0, "1/V"),
    "tox": Span(1e-10, 1e-5, "m", zero=False),
    "bf": Span(1e-2, 1e5, zero=False),
    "is": Span(1e-30, 1.0, "A", zero=False),
    **dict.fromkeys(("n", "nf", "nr", "ne", "nc"), Span(0.1, 10.0, zero=False)),
    **dict.fromkeys(("tpg", "tnom", "xti", "xtb", "nss", "ptf"), ANY_SIGN),
}


def value_faults(deck: Deck) -> Iterator[str]:
    """A sentence with its line for each value that no part can have; the deck is flat."""
    for element in deck.elements:
        yield from _element_faults(element)
    for model in deck.models:
        yield from _model_faults(model)


def _element_faults(element: Element) -> Iterator[str]:
    span = VALUES.get(element.kind)
    if span and element.value is not None:
        yield from _fault(element.line, element.name, float(element.value), span)  # type: ignore[arg-type]
    for name, value in element.parameters.items():
        span = PARAMETERS.get(name, ANY_PARAMETER)
        yield from _fault(element.line, f"{element.name}: {name}", float(value), span)  # type: ignore[arg-type]


def _model_faults(model: Model) -> Iterator[str]:
    for name, value in model.parameters.items():
        span = MODEL_PARAMETERS.get(name, ANY_PARAMETER)
        yield from _fault(model.line, f"model {model.name}: {name}", float(value), span)  # type: ignore[arg-type]


def _fault(line: int, what: str, value: float, span: Span) -> Iterator[str]:
    if not span.holds(value):
        yield f"line {line}: {what} is {value:g}; a part has {span}"
