"""How each dot-card is read. One function for each card; `CARDS` is the table of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from lightloop.errors import InputError
from lightloop.spice.deck import Card, Element, Model, Subcircuit, Value
from lightloop.spice.findings import quoted
from lightloop.spice.tokens import as_name, as_node, split_assignments, words_of

_TRUSTED_WORD = re.compile(r"[a-z0-9_+\-.=()]+", re.ASCII)


@dataclass(slots=True)
class Block:
    """What has been read of the deck, or of one subcircuit."""

    name: str = ""
    ports: tuple[str, ...] = ()
    defaults: dict[str, Value] = field(default_factory=dict)
    line: int = 0
    elements: list[Element] = field(default_factory=list)
    models: list[Model] = field(default_factory=list)
    subcircuits: list[Subcircuit] = field(default_factory=list)
    parameters: dict[str, Value] = field(default_factory=dict)
    cards: list[Card] = field(default_factory=list)
    outer: Block | None = None

    def closed(self) -> Subcircuit:
        """The block as a subcircuit."""
        return Subcircuit(
            self.name,
            self.ports,
            self.defaults,
            tuple(self.elements),
            tuple(self.models),
            self.parameters,
            self.line,
        )


def read_model(text: str, line: int, block: Block, models: Mapping[str, frozenset[str]]) -> Block:
    """`.model name type (name=value ...)`."""
    plain, values = split_assignments(words_of(text)[1:])
    if len(plain) != 2:
        raise InputError("a model is '.model name type (name=value ...)'")
    name, kind = as_name(plain[0], "a model"), plain[1]
    if kind not in models:
        raise InputError(f"model type {quoted(kind)} is not allowed; allowed: {', '.join(sorted(models))}")
    level = values.get("level", 1.0)
    if level != 1.0:
        raise InputError(f"model {name}: only level 1 is allowed")
    unknown = sorted(values.keys() - models[kind])
    if unknown:
        raise InputError(f"model {name}: {quoted(unknown[0])} is not a parameter of {kind} at level 1")
    block.models.append(Model(name, kind, values, line))
    return block


def read_parameters(text: str, line: int, block: Block, models: Mapping[str, frozenset[str]]) -> Block:
    """`.param name=value ...`."""
    plain, values = split_assignments(words_of(text)[1:])
    if plain or not values:
        raise InputError("parameters are '.param name=value ...'")
    twice = sorted(values.keys() & block.parameters.keys())
    if twice:
        raise InputError(f"parameter {quoted(twice[0])} is set twice")
    block.parameters.update(values)
    return block


def read_subcircuit(text: str, line: int, block: Block, models: Mapping[str, frozenset[str]]) -> Block:
    """`.subckt name port ... [name=value ...]` opens a block."""
    if block.outer is not None:
        raise InputError("a subcircuit inside another: define them one after the other")
    words = [word for word in words_of(text)[1:] if word != "params:"]
    plain, values = split_assignments(words)
    if len(plain) < 2:
        raise InputError("a subcircuit is '.subckt name port port ...'")
    name, ports = as_name(plain[0], "a subcircuit"), tuple(as_node(word) for word in plain[1:])
    if len(set(ports)) < len(ports) or "0" in ports:
        raise InputError(f"subcircuit {name}: its ports must be different nodes, none of them ground")
    return Block(name, ports, values, line, outer=block)


def read_ends(text: str, line: int, block: Block, models: Mapping[str, frozenset[str]]) -> Block:
    """`.ends [name]` closes a block."""
    words = words_of(text)[1:]
    if block.outer is None or len(words) > 1 or (words and words[0] != block.name):
        raise InputError("'.ends' does not close a subcircuit of that name")
    block.outer.subcircuits.append(block.closed())
    return block.outer


def read_trusted(text: str, line: int, block: Block, models: Mapping[str, frozenset[str]]) -> Block:
    """A card of a trusted deck, kept word by word."""
    words = text.split()
    for word in words[1:]:
        if not _TRUSTED_WORD.fullmatch(word):
            raise InputError(f"{quoted(word)} is not allowed in {words[0]}")
    if block.outer is not None:
        raise InputError(f"{words[0]} inside a subcircuit")
    block.cards.append(Card(words[0], tuple(words[1:]), line))
    return block


CardReader = Callable[[str, int, Block, Mapping[str, frozenset[str]]], Block]

CARDS: dict[str, CardReader] = {
    ".model": read_model,
    ".param": read_parameters,
    ".subckt": read_subcircuit,
    ".ends": read_ends,
    **dict.fromkeys((".ic", ".nodeset", ".temp", ".options", ".global"), read_trusted),
}
