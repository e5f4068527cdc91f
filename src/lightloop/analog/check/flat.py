"""A deck without hierarchy: every subcircuit put in place, every value a number."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from lightloop.spice.deck import Deck, Element, Model, Subcircuit, Value, resolve_parameters
from lightloop.spice.expression import Expression

PASSIVE = frozenset("rcl")


@dataclass
class _Result:
    parts: Mapping[str, Subcircuit]
    kept: Collection[str]
    elements: list[Element] = field(default_factory=list)
    models: list[Model] = field(default_factory=list)


@dataclass(frozen=True)
class _Place:
    """Where elements are put: path of the instance, what its ports join, numbers and models that hold there."""

    path: str
    ports: Mapping[str, str]
    numbers: Mapping[str, float]
    models: Mapping[str, str]

    def node(self, name: str) -> str:
        return self.ports.get(name) or (name if name == "0" or not self.path else f"{self.path}.{name}")

    def name(self, name: str) -> str:
        return f"{name[0]}.{self.path}.{name}" if self.path else name


def flatten(deck: Deck, kept: Collection[str] = ()) -> Deck:
    """The same circuit with all elements at the top.

    Args:
        deck: A deck that the linter accepted.
        kept: Subcircuits that stay as they are, in lower case.

    Returns:
        A deck of which every value is a number. Element `m1` of instance `x1` is `m.x1.m1`, its node `n` is `x1.n`.
    """
    parts = {part.name: part for part in deck.subcircuits if part.name not in kept}
    result = _Result(parts, kept)
    top = _Place("", {}, deck.numbers(), _models(deck.models, "", deck.numbers(), result))
    _put(deck.elements, top, result)
    libraries = tuple(part for part in deck.subcircuits if part.name in kept)
    return Deck(deck.title, tuple(result.elements), tuple(result.models), libraries, libraries=deck.libraries)


def _put(elements: Collection[Element], place: _Place, result: _Result) -> None:
    for element in elements:
        part = result.parts.get(element.model or "") if element.kind == "x" else None
        if part is None:
            result.elements.append(_element(element, place))
            continue
        path = f"{place.path}.{element.name}" if place.path else element.name
        given = {name: _number(value, place.numbers) for name, value in {**part.defaults, **element.parameters}.items()}
        numbers = resolve_parameters(part.parameters, {**place.numbers, **given})
        ports = dict(zip(part.ports, map(place.node, element.nodes), strict=True))
        models = {**place.models, **_models(part.models, path, numbers, result)}
        _put(part.elements, _Place(path, ports, numbers, models), result)


def _models(models: Collection[Model], path: str, numbers: Mapping[str, float], result: _Result) -> dict[str, str]:
    """Put models at the top; their names there."""
    names = {model.name: f"{path}.{model.name}" if path else model.name for model in models}
    for model in models:
        values = {name: _number(value, numbers) for name, value in model.parameters.items()}
        result.models.append(replace(model, name=names[model.name], parameters=values))
    return names


def _element(element: Element, place: _Place) -> Element:
    numbers = place.numbers
    wave = element.wave
    flat = replace(
        element,
        name=place.name(element.name),
        nodes=tuple(map(place.node, element.nodes)),
        value=None if element.value is None else _number(element.value, numbers),
        model=place.models.get(element.model or "", element.model),
        parameters={name: _number(value, numbers) for name, value in element.parameters.items()},
        references=tuple(map(place.name, element.references)),
        wave=None if wave is None else replace(wave, values=tuple(_number(value, numbers) for value in wave.values)),
    )
    return _as_one_part(flat) if element.kind in PASSIVE else flat


def _as_one_part(element: Element) -> Element:
    """`m` equal resistors, capacitors or inductors in parallel as one; an `m` that there cannot be stays."""
    rest = dict(element.parameters)
    count = float(rest.pop("m", 1.0))  # type: ignore[arg-type]
    if element.value is None or not 0 < count < math.inf:
        return element
    value = float(element.value)  # type: ignore[arg-type]
    return replace(element, value=value * count if element.kind == "c" else value / count, parameters=rest)


def _number(value: Value, numbers: Mapping[str, float]) -> float:
    return value.evaluate(numbers) if isinstance(value, Expression) else value
