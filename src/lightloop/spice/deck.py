"""A deck as it was understood. Text for the simulator is written from here, never passed on from outside.

Names are in lower case, as SPICE ignores case; values are numbers in SI units or expressions of parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeAlias

from lightloop.errors import InputError, unknown_name
from lightloop.spice.expression import Expression
from lightloop.spice.numbers import format_number

Value: TypeAlias = float | Expression


@dataclass(frozen=True, slots=True)
class Wave:
    """The time function of a source: `pulse`, `sin`, `pwl`, `exp`, `sffm` or `am`, and its numbers."""

    kind: str
    values: tuple[Value, ...]

    def __str__(self) -> str:
        return f"{self.kind}({' '.join(map(write_value, self.values))})"


@dataclass(frozen=True, slots=True)
class Element:
    """One element.

    Args:
        name: Its name; the first letter is its kind.
        nodes: The nodes that it joins, in the order of SPICE.
        value: Resistance, capacitance, inductance, coupling, gain, or the DC value of a source; SI units.
        model: Name of its model or, for `x`, its subcircuit.
        parameters: Named values, such as `w` and `l`.
        references: Elements that it names: coupled inductors, the controlling source of `f` and `h`.
        ac: Magnitude and phase (degrees) of a source in an AC analysis.
        wave: Time function of a source.
        body: The behavioural expression of a trusted `b` or `e` element, with its key: `v=...`.
        line: Line of the deck where it stood; 0 if it was made by a program.
    """

    name: str
    nodes: tuple[str, ...]
    value: Value | None = None
    model: str | None = None
    parameters: Mapping[str, Value] = field(default_factory=dict)
    references: tuple[str, ...] = ()
    ac: tuple[Value, Value] | None = None
    wave: Wave | None = None
    body: str | None = None
    line: int = 0

    @property
    def kind(self) -> str:
        """The letter of its kind, such as `m`."""
        return self.name[0]

    def __str__(self) -> str:
        parts = [self.name, *self.nodes, *self.references]
        parts += [self.model] if self.model is not None else []
        parts += [("dc " if self.kind in "vi" else "") + write_value(self.value)] if self.value is not None else []
        parts += ["ac", *map(write_value, self.ac)] if self.ac is not None else []
        parts += [str(self.wave)] if self.wave is not None else []
        parts += [self.body] if self.body is not None else []
        parts += [f"{name}={write_value(value)}" for name, value in self.parameters.items()]
        return " ".join(parts)


@dataclass(frozen=True, slots=True)
class Model:
    """A `.model` card: name, type such as `nmos`, parameters."""

    name: str
    type: str
    parameters: Mapping[str, Value] = field(default_factory=dict)
    line: int = 0

    def __str__(self) -> str:
        values = " ".join(f"{name}={write_value(value)}" for name, value in self.parameters.items())
        return f".model {self.name} {self.type} ({values})" if values else f".model {self.name} {self.type}"


@dataclass(frozen=True, slots=True)
class Subcircuit:
    """A `.subckt` with its ports, default parameters, elements, models and parameters of its own."""

    name: str
    ports: tuple[str, ...]
    defaults: Mapping[str, Value] = field(default_factory=dict)
    elements: tuple[Element, ...] = ()
    models: tuple[Model, ...] = ()
    parameters: Mapping[str, Value] = field(default_factory=dict)
    line: int = 0

    def __str__(self) -> str:
        defaults = "".join(f" {name}={write_value(value)}" for name, value in self.defaults.items())
        lines = [f".subckt {self.name} {' '.join(self.ports)}{defaults}", *_parameter_lines(self.parameters)]
        return "\n".join([*lines, *map(str, self.models), *map(str, self.elements), f".ends {self.name}"])


@dataclass(frozen=True, slots=True)
class Card:
    """A trusted dot-card: `.ic`, `.nodeset`, `.temp`, `.options`, `.global`."""

    name: str
    words: tuple[str, ...]
    line: int = 0

    def __str__(self) -> str:
        return " ".join((self.name, *self.words))


@dataclass(frozen=True, slots=True)
class Library:
    """A file of models that the user installed and trusts; `section` chooses a `.lib` section of it."""

    path: Path
    section: str | None = None

    def __str__(self) -> str:
        words = f"{self.path}{self.section or ''}"
        if not words.isascii() or not words.isprintable() or set(words) & set("\"'`$;"):
            raise InputError(f"a model file cannot have this path: {words!r}")
        if self.section and " " in words:
            raise InputError(f"ngspice reads no section of a model file whose path has a blank: {words!r}")
        return f'.lib "{self.path}" {self.section}' if self.section else f'.include "{self.path}"'


@dataclass(frozen=True)
class Deck:
    """A circuit: title, elements, models, subcircuits, parameters; cards and libraries only where trusted."""

    title: str = ""
    elements: tuple[Element, ...] = ()
    models: tuple[Model, ...] = ()
    subcircuits: tuple[Subcircuit, ...] = ()
    parameters: Mapping[str, Value] = field(default_factory=dict)
    cards: tuple[Card, ...] = ()
    libraries: tuple[Library, ...] = ()

    def text(self) -> str:
        """The deck as SPICE text, with a title line of our own and `.end`."""
        return "\n".join(["lightloop deck", *self.lines(), ".end", ""])

    def lines(self) -> list[str]:
        """The deck as SPICE text without title and end."""
        parts = (self.libraries, self.models, self.subcircuits, self.elements, self.cards)
        return [*_parameter_lines(self.parameters), *(str(item) for part in parts for item in part)]

    def element(self, name: str) -> Element:
        """The element of that name, whatever its case. Raises `InputError` if there is none."""
        found = self.by_name.get(name.lower())
        if found is None:
            raise unknown_name("element", name, self.by_name)
        return found

    @property
    def by_name(self) -> dict[str, Element]:
        """The elements at the top, by name."""
        return {element.name: element for element in self.elements}

    def of_kind(self, *kinds: str) -> Iterator[Element]:
        """The elements at the top whose letter is one of `kinds`."""
        return (element for element in self.elements if element.kind in kinds)

    def at_node(self, node: str) -> list[Element]:
        """The elements at the top that touch a node."""
        return [element for element in self.elements if node.lower() in element.nodes]

    @property
    def nodes(self) -> frozenset[str]:
        """All nodes at the top, ground `0` included where it occurs."""
        return frozenset(node for element in self.elements for node in element.nodes)

    def numbers(self) -> dict[str, float]:
        """The values of the deck's parameters. Raises `InputError` where one has none or they form a circle."""
        return resolve_parameters(self.parameters)

    def number(self, value: Value | None, default: float | None = None) -> float:
        """A value of the deck as a number; `default` where it is None. Raises `InputError` if it has none."""
        if value is None:
            if default is None:
                raise InputError("a value is missing")
            return default
        return value.evaluate(self.numbers()) if isinstance(value, Expression) else value

    def with_elements(self, *elements: Element) -> Deck:
        """The deck with elements added, or put in the place of those of the same name."""
        table = self.by_name | {element.name: element for element in elements}
        return replace(self, elements=tuple(table.values()))

    def without(self, *names: str) -> Deck:
        """The deck without the elements of these names."""
        gone = {name.lower() for name in names}
        return replace(self, elements=tuple(element for element in self.elements if element.name not in gone))

    def with_parts_of(self, other: Deck) -> Deck:
        """The deck with the models, subcircuits, cards and libraries of another, which win where names agree."""
        return replace(
            self,
            models=_merged(self.models, other.models),
            subcircuits=_merged(self.subcircuits, other.subcircuits),
            parameters={**self.parameters, **other.parameters},
            cards=(*self.cards, *other.cards),
            libraries=(*self.libraries, *other.libraries),
        )

    def with_libraries(self, libraries: Iterable[Library]) -> Deck:
        """The deck with model files that the user trusts."""
        return replace(self, libraries=(*self.libraries, *libraries))

    def map_elements(self, change: Callable[[Element], Element]) -> Deck:
        """The deck with `change` made to each element, in subcircuits too."""
        inner = tuple(replace(part, elements=tuple(map(change, part.elements))) for part in self.subcircuits)
        return replace(self, elements=tuple(map(change, self.elements)), subcircuits=inner)

    def map_models(self, change: Callable[[Model], Model]) -> Deck:
        """The deck with `change` made to each model, in subcircuits too."""
        inner = tuple(replace(part, models=tuple(map(change, part.models))) for part in self.subcircuits)
        return replace(self, models=tuple(map(change, self.models)), subcircuits=inner)


def write_value(value: Value) -> str:
    """A value as SPICE text."""
    return str(value) if isinstance(value, Expression) else format_number(value)


def resolve_parameters(parameters: Mapping[str, Value], outer: Mapping[str, float] | None = None) -> dict[str, float]:
    """The values of parameters that may refer to one another. Raises `InputError` for circles and unknown names."""
    numbers = dict(outer or {})
    waiting = dict(parameters)
    while waiting:
        ready = {
            name: value
            for name, value in waiting.items()
            if not isinstance(value, Expression) or not (value.names & waiting.keys())
        }
        if not ready:
            raise InputError(f"parameters refer to one another in a circle: {', '.join(sorted(waiting)[:8])}")
        for name, value in ready.items():
            numbers[name] = value.evaluate(numbers) if isinstance(value, Expression) else value
            del waiting[name]
    return numbers


def _parameter_lines(parameters: Mapping[str, Value]) -> list[str]:
    return [f".param {name}={write_value(value)}" for name, value in parameters.items()]


def _merged(mine: tuple, others: tuple) -> tuple:
    return tuple(({part.name: part for part in mine} | {part.name: part for part in others}).values())
