"""A number of a deck that a search may change, as the user writes it: `M1.w,M2.w=1u:100u`.

Example:
    >>> knob = parse_variable("M1.w,M2.w=1u:100u")
    >>> knob.name, knob.variable.low, knob.variable.scale
    ('m1.w,m2.w', 1e-06, 'log')
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from lightloop.errors import InputError, unknown_name
from lightloop.search.variable import Variable
from lightloop.spice.deck import Deck, Element, Value
from lightloop.spice.elements import PARAMETERS
from lightloop.spice.numbers import parse_number

DIGITS = 4  # a value is rounded to so many digits before it is simulated, so that the written deck is the one measured
FORM = "write NAME=LOW:HIGH, for example M1.w=1u:100u, M1.w,M2.w=1u:100u, Rz=100:10k:log, Vb=0.6:1.2:lin, M3.m=1:8:int"

_PLACE = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)?", re.ASCII)
_SCALES = {"log": {"scale": "log"}, "lin": {"scale": "linear"}, "int": {"scale": "linear", "integer": True}}
_WITH_VALUE = frozenset("rclvi")


@dataclass(frozen=True)
class Knob:
    """A variable and the places of a deck that it sets.

    Args:
        places: `element.parameter`, an element with a value, or a parameter of the deck, in lower case; all are tied.
        variable: Bounds and scale, in SI units.
    """

    places: tuple[str, ...]
    variable: Variable

    @property
    def name(self) -> str:
        """The places as they are written."""
        return self.variable.name


def parse_variable(text: str) -> Knob:
    """A knob from its text.

    Without a scale, a voltage source and a range that reaches zero are searched linearly, all else logarithmically.

    Raises:
        InputError: The text is not `NAME=LOW:HIGH[:log|lin|int]`.
    """
    name, equals, rest = text.strip().lower().partition("=")
    places = tuple(place.strip() for place in name.split(","))
    parts = [part.strip() for part in rest.split(":")]
    bounds = [parse_number(part) for part in parts[:2]]
    well_formed = equals and len(parts) in (2, 3) and all(map(_PLACE.fullmatch, places))
    if not well_formed or len(bounds) < 2 or bounds[0] is None or bounds[1] is None:
        raise InputError(f"{text!r} is no variable", hint=FORM)
    if len(set(places)) < len(places):
        raise InputError(f"{text!r} names a place twice")
    linear = bounds[0] <= 0 or (places[0][0] == "v" and "." not in places[0])
    scale = parts[2] if len(parts) == 3 else ("lin" if linear else "log")
    if scale not in _SCALES:
        raise unknown_name("scale", scale, _SCALES)
    return Knob(places, Variable(",".join(places), bounds[0], bounds[1], **_SCALES[scale]))  # type: ignore[arg-type]


def check_knobs(deck: Deck, knobs: Sequence[Knob]) -> None:
    """Raises `InputError` where a place is not in the deck, or two knobs set the same one."""
    if not knobs:
        raise InputError("nothing to vary", hint=FORM)
    seen: set[str] = set()
    for knob in knobs:
        for place in knob.places:
            if place in seen:
                raise InputError(f"{place} is varied twice")
            seen.add(place)
            _held(deck, place)


def start_of(deck: Deck, knobs: Sequence[Knob]) -> dict[str, float] | None:
    """The values that the deck has; None where one of them lies outside the bounds."""
    values = {knob.name: _held(deck, knob.places[0]) for knob in knobs}
    inside = all(knob.variable.low <= values[knob.name] <= knob.variable.high for knob in knobs)
    return values if inside else None


def turned(deck: Deck, knobs: Sequence[Knob], point: Mapping[str, float]) -> Deck:
    """The deck with the values of a point, rounded to four digits."""
    parameters = dict(deck.parameters)
    elements = deck.by_name
    for knob in knobs:
        value = rounded(point[knob.name])
        for place in knob.places:
            name, _, key = place.partition(".")
            if name in elements:
                elements[name] = _with_value(elements[name], key, value)
            else:
                parameters[name] = value
    return replace(deck, elements=tuple(elements.values()), parameters=parameters)


def rounded(value: float) -> float:
    """A value as it is written into a deck."""
    return float(f"{value:.{DIGITS}g}")


def _with_value(element: Element, key: str, value: float) -> Element:
    if not key:
        return replace(element, value=value)
    return replace(element, parameters={**element.parameters, key: value})


def _held(deck: Deck, place: str) -> float:
    """The number at a place. Raises `InputError` where there is none."""
    name, _, key = place.partition(".")
    element = deck.by_name.get(name)
    if element is None and not key and name in deck.parameters:
        return deck.number(deck.parameters[name])
    if element is None:
        raise unknown_name("element or parameter", name, [*deck.by_name, *deck.parameters])
    value: Value | None = element.parameters.get(key) if key else element.value
    if key == "m" and value is None and element.kind in PARAMETERS:
        value = 1.0
    if value is None or (not key and element.kind not in _WITH_VALUE):
        names = [f"{name}.{item}" for item in element.parameters]
        raise InputError(f"{place} has no value in the deck", allowed=names or None, hint=FORM)
    return deck.number(value)
