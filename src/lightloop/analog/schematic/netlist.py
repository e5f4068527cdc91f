"""What a schematic shows of a deck: parts with named pins, and what each net is (ground, supply, reference, input)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from lightloop.analog.check.flat import flatten
from lightloop.errors import InputError
from lightloop.spice.deck import Deck, Element
from lightloop.units import engineering

GROUND = "0"
LEAST_BESIDE, MOST_FLAT = 3, 60  # elements beside subcircuits, and of all, from which on those stay boxes
OPAMP_PORTS = 3
POSITIVE, NEGATIVE = ("vdd", "vcc", "avdd", "dvdd"), ("vss", "vee", "avss")
# Letter of an element of two pins -> unit of its value.
UNITS = {"r": "Ω", "c": "F", "l": "H", "v": "V", "i": "A", "d": ""}


@dataclass(frozen=True)
class Part:
    """An element to draw: its kind of symbol, its pins with their nets, what is written beside it."""

    name: str
    kind: str
    pins: Mapping[str, str]
    value: str = ""

    @property
    def tied(self) -> bool:
        """Whether the bulk joins the source, so that the symbol shows both as one."""
        return self.kind in ("nmos", "pmos") and self.pins["b"] == self.pins["s"]

    @property
    def control(self) -> str | None:
        """Pin of the gate or base; None for others."""
        return {"nmos": "g", "pmos": "g", "npn": "base", "pnp": "base"}.get(self.kind)


@dataclass(frozen=True)
class Netlist:
    """The parts of a circuit and the nets that stand out.

    Args:
        parts: All elements, in the order of the deck.
        held: Nets that a source holds against ground.
        supplies: Those of them that feed the circuit from above.
        negatives: Those that feed it from below.
        inputs: Nets where signals come in.
        outputs: Nets where they leave.
        shown: Net -> how it is written.
    """

    parts: tuple[Part, ...]
    held: frozenset[str]
    supplies: frozenset[str]
    negatives: frozenset[str]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    shown: Mapping[str, str]

    @cached_property
    def references(self) -> frozenset[str]:
        """Held nets that are neither supplies nor inputs."""
        return self.held - self.supplies - self.negatives - set(self.inputs)

    @cached_property
    def floor(self) -> frozenset[str]:
        """Nets toward which branches hang down."""
        return self.references | self.negatives | {GROUND}

    @cached_property
    def rails(self) -> frozenset[str]:
        """Ground and supplies: drawn as symbols at each pin, never as wires."""
        return self.supplies | self.negatives | {GROUND}

    @cached_property
    def sources(self) -> frozenset[str]:
        """Parts that hold a net against ground; they stand in a row of their own."""
        return frozenset(p.name for p in self.parts if p.kind == "v" and GROUND in p.pins.values())

    @cached_property
    def cut(self) -> frozenset[str]:
        """Where the loop of a circuit without inputs is cut, so that it has a left and a right end."""
        return frozenset() if any(self.at(net) for net in self.inputs) else frozenset(self.outputs)

    def is_inner(self, net: str) -> bool:
        """Whether a net is neither a rail nor held by a source."""
        return net not in self.rails and net not in self.held

    def at(self, net: str) -> list[tuple[Part, str]]:
        """Parts and pins on a net."""
        return [(part, pin) for part in self.parts for pin, other in part.pins.items() if other == net]

    def name(self, net: str) -> str:
        """How a net is written."""
        return self.shown.get(net, net)


def netlist_of(deck: Deck, inputs: Collection[str] = (), outputs: Collection[str] = ()) -> Netlist:
    """The netlist of a deck that the linter accepted.

    Args:
        deck: The deck.
        inputs: Nets where signals come in, as they are to be written; found by their names where none are given.
        outputs: Nets where they leave.
    """
    flat = _small_enough(deck)
    models = {model.name: model.type for model in flat.models}
    ports = {part.name: part.ports for part in flat.subcircuits}
    parts = tuple(_part(element, models, ports) for element in flat.elements if element.kind != "k")
    held = frozenset(
        next(iter(set(p.pins.values()) - {GROUND}), GROUND)
        for p in parts
        if p.kind == "v" and GROUND in p.pins.values()
    ) - {GROUND}
    supplies = frozenset(net for net in held if net.startswith(POSITIVE))
    negatives = frozenset(net for net in held if net.startswith(NEGATIVE))
    given = [net.lower() for net in inputs]
    entered = given or [net for net in sorted(held) if net.startswith(("vin", "in", "vrf", "vlo"))]
    shown = {net.lower(): net for net in (*inputs, *outputs)}
    shown |= {net: net.capitalize() for net in (*supplies, *negatives) if net not in shown}
    left = tuple(net.lower() for net in outputs) or _named_outputs(parts)
    return Netlist(parts, held, supplies, negatives, tuple(n for n in entered if n not in supplies), left, shown)


def _small_enough(deck: Deck) -> Deck:
    """The deck with its subcircuits as boxes; without them where next to nothing stands beside them."""
    beside = [element for element in deck.elements if element.kind not in "xv"]
    missing = {element.model for element in deck.elements if element.kind == "x"} - {p.name for p in deck.subcircuits}
    kept = {part.name for part in deck.subcircuits if len(beside) >= LEAST_BESIDE or _is_opamp(part.name)}
    flat = flatten(deck, kept=kept | {name for name in missing if name})
    if len(flat.elements) <= MOST_FLAT:
        return flat
    return flatten(deck, kept={part.name for part in deck.subcircuits} | {name for name in missing if name})


def _is_opamp(name: str | None) -> bool:
    return "opamp" in (name or "")


def _named_outputs(parts: tuple[Part, ...]) -> tuple[str, ...]:
    nets = {net for part in parts for net in part.pins.values()}
    return tuple(sorted(net for net in nets if net.startswith(("vout", "out"))))


def _part(element: Element, models: Mapping[str, str], ports: Mapping[str, tuple[str, ...]]) -> Part:
    if element.kind == "x":
        return _instance(element, ports)
    pins, kind = _pins(element, models)
    return Part(element.name, kind, pins, _value(element))


def _instance(element: Element, ports: Mapping[str, tuple[str, ...]]) -> Part:
    if _is_opamp(element.model) and len(element.nodes) == OPAMP_PORTS:
        return Part(element.name, "opamp", dict(zip(("inp", "inn", "out"), element.nodes, strict=True)))
    names = ports.get(element.model or "") or tuple(str(place + 1) for place in range(len(element.nodes)))
    return Part(element.name, "box", dict(zip(names, element.nodes, strict=True)), element.model or "")


def _pins(element: Element, models: Mapping[str, str]) -> tuple[dict[str, str], str]:
    if element.kind == "m":
        kind = "pmos" if models.get(element.model or "", element.model or "").startswith("p") else "nmos"
        return dict(zip("dgsb", element.nodes, strict=True)), kind
    if element.kind == "q":
        kind = models.get(element.model or "", "npn")
        return dict(zip(("c", "base", "e", "substrate"), element.nodes, strict=False)), kind
    if element.kind in UNITS and len(element.nodes) == 2:
        return dict(zip("12", element.nodes, strict=True)), element.kind
    return {str(place + 1): node for place, node in enumerate(element.nodes)}, "box"


def _value(element: Element) -> str:
    return "/".join(_written(element))


def _written(element: Element) -> Iterator[str]:
    if element.kind == "m":
        for name in ("w", "l"):
            if name in element.parameters:
                yield f"{_number(element.parameters[name]) * 1e6:.3g}"
        if _number(element.parameters.get("m", 1.0)) != 1.0:
            yield f"×{_number(element.parameters['m']):g}"
    elif element.kind in UNITS and element.value is not None:
        text = engineering(_number(element.value), UNITS[element.kind], 3).replace(" ", "")
        yield text.removesuffix("Ω") if element.kind == "r" and not text[-2].isdigit() else text
    elif element.model and element.kind not in "dq":
        yield element.model


def _number(value: object) -> float:
    if isinstance(value, int | float):
        return float(value)
    raise InputError(f"{value} is no number; flatten the deck first")
