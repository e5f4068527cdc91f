"""What must fit together in a deck: names used once, models and subcircuits that exist, no recursion."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from lightloop.errors import InputError
from lightloop.spice.deck import Deck, Element, Model, Value, resolve_parameters
from lightloop.spice.expression import Expression
from lightloop.spice.findings import Finding
from lightloop.spice.policy import Policy

# Letter of an element -> types of the models that it takes.
MODEL_TYPES = {"m": {"nmos", "pmos"}, "q": {"npn", "pnp"}, "d": {"d"}, "s": {"sw"}, "w": {"csw"}}


def structure_findings(deck: Deck, policy: Policy) -> list[Finding]:
    """Every mistake in how the parts of a deck fit together."""
    found = [*_twice(deck), *_expansion(deck, policy), *_parameters(deck)]
    shared = {model.name: model for model in deck.models}
    found += _block(deck.elements, shared, deck, policy)
    for part in deck.subcircuits:
        found += _block(part.elements, shared | {model.name: model for model in part.models}, deck, policy)
    if not deck.elements and not policy.only_parts:
        found.append(Finding(1, "empty", "the deck has no elements"))
    return found


def _twice(deck: Deck) -> Iterator[Finding]:
    groups: list[tuple[str, tuple]] = [("model", deck.models), ("subcircuit", deck.subcircuits)]
    groups += [("element", deck.elements)]
    for part in deck.subcircuits:
        groups += [("element", part.elements), ("model", part.models)]
    for what, items in groups:
        seen: dict[str, int] = {}
        for item in items:
            if item.name in seen:
                yield Finding(item.line, "duplicate", f"{what} {item.name} stands already in line {seen[item.name]}")
            seen.setdefault(item.name, item.line)


def _block(elements: tuple[Element, ...], models: Mapping[str, Model], deck: Deck, policy: Policy) -> Iterator[Finding]:
    names = {element.name for element in elements}
    ports = dict(policy.supplied_subcircuits)
    ports |= {part.name: len(part.ports) for part in deck.subcircuits}
    for element in elements:
        for reference in element.references:
            if reference not in names:
                yield Finding(element.line, "reference", f"{element.name} names {reference}, which is not there")
        if element.kind == "x":
            yield from _instance(element, ports)
        elif element.model is not None and element.model not in policy.supplied_models:
            yield from _model(element, models)


def _instance(element: Element, ports: Mapping[str, int]) -> Iterator[Finding]:
    wanted = ports.get(element.model or "")
    if wanted is None:
        known = f"; known: {', '.join(sorted(ports)[:8])}" if ports else ""
        yield Finding(element.line, "subcircuit", f"{element.name}: subcircuit {element.model} is not defined{known}")
    elif wanted != len(element.nodes):
        message = f"{element.name}: {element.model} has {wanted} ports, got {len(element.nodes)} nodes"
        yield Finding(element.line, "subcircuit", message)


def _model(element: Element, models: Mapping[str, Model]) -> Iterator[Finding]:
    model = models.get(element.model or "")
    if model is None:
        yield Finding(element.line, "model", f"{element.name}: model {element.model} is not defined")
    elif model.type not in MODEL_TYPES[element.kind]:
        yield Finding(element.line, "model", f"{element.name} cannot use model {model.name} of type {model.type}")


def _expansion(deck: Deck, policy: Policy) -> Iterator[Finding]:
    """Recursion, depth and size of the hierarchy, by one walk that visits each subcircuit once."""
    parts = {part.name: part for part in deck.subcircuits}
    sizes: dict[str, tuple[int, int]] = {}

    def measure(name: str, trail: tuple[str, ...]) -> tuple[int, int]:
        """Elements and depth of a subcircuit."""
        if name in trail:
            raise InputError(f"subcircuit {name} contains itself")
        if len(trail) > policy.max_depth:
            raise InputError(f"subcircuits are nested more than {policy.max_depth} deep")
        if name not in parts:
            return 1, 0
        if name not in sizes:
            sizes[name] = _sum(measure, parts[name].elements, (*trail, name))
        return sizes[name]

    for part in deck.subcircuits:
        try:
            count, depth = measure(part.name, ())
        except InputError as error:
            yield Finding(part.line, "recursion", error.message)
            return
        if depth > policy.max_depth:
            yield Finding(part.line, "recursion", f"subcircuits are nested more than {policy.max_depth} deep")
            return
    count, _ = _sum(measure, deck.elements, ())
    if count > policy.max_expanded:
        line = deck.elements[0].line if deck.elements else 1
        message = f"{count} elements with all subcircuits in place; at most {policy.max_expanded}"
        yield Finding(line, "size", message)


def _sum(measure, elements: tuple[Element, ...], trail: tuple[str, ...]) -> tuple[int, int]:  # type: ignore[no-untyped-def]
    inner = [measure(element.model, trail) for element in elements if element.kind == "x"]
    count = sum(element.kind != "x" for element in elements) + sum(count for count, _ in inner)
    return count, 1 + max((depth for _, depth in inner), default=0) if trail else 0


def _parameters(deck: Deck) -> Iterator[Finding]:
    """Names that no expression can resolve, and values that are no finite number."""
    try:
        top = deck.numbers()
    except InputError as error:
        yield Finding(1, "parameter", error.message)
        return
    yield from _values((*deck.models, *deck.elements), top)
    for part in deck.subcircuits:
        try:
            inner = resolve_parameters(part.parameters, resolve_parameters(part.defaults, top))
        except InputError as error:
            yield Finding(part.line, "parameter", error.message)
            continue
        yield from _values((*part.models, *part.elements), inner)


def _values(items: tuple[Model | Element, ...], numbers: Mapping[str, float]) -> Iterator[Finding]:
    for item in items:
        values: list[Value | None] = [*item.parameters.values()]
        if isinstance(item, Element):
            values += [item.value, *(item.ac or ()), *(item.wave.values if item.wave else ())]
        for value in values:
            if isinstance(value, Expression):
                try:
                    value.evaluate(numbers)
                except InputError as error:
                    yield Finding(item.line, "parameter", f"{item.name}: {error.message}")
