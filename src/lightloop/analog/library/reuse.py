"""A composite deck with a subcircuit of the library in the place of the op-amp macro."""

from __future__ import annotations

from dataclasses import replace

from lightloop.analog.library.entry import Entry
from lightloop.analog.task import Task
from lightloop.errors import InputError
from lightloop.spice.deck import Deck, Element
from lightloop.spice.linter import parse_deck
from lightloop.spice.policy import STRANGER

MACRO = "opamp"
MACRO_PORTS = 3
SUPPLY = "vdd"


def with_entry(deck_text: str, task: Task, entry: Entry) -> str:
    """The deck with every call of the macro replaced by one of an entry, whose subcircuit becomes part of the deck.

    Args:
        deck_text: A deck that calls `OPAMP`.
        task: The task; its models must be those that the entry needs.
        entry: An op-amp made of transistors.

    Raises:
        InputError: The entry is no op-amp of the library's rules, or needs models that the task does not allow.
    """
    if entry.kind != "opamp" or entry.name == MACRO:
        raise InputError(f"{entry.name} is no op-amp made of transistors")
    part = entry.subcircuit()
    missing = sorted({model.type for model in part.models} - set(task.models))
    if missing:
        raise InputError(f"{entry.name} needs models that task {task.key} does not allow: {', '.join(missing)}")
    deck = parse_deck(deck_text, STRANGER.with_library({MACRO: MACRO_PORTS}))
    deck = replace(deck, elements=tuple(_called(item, entry) for item in deck.elements))
    deck = replace(deck, subcircuits=(*deck.subcircuits, part))
    deck = _supplied(deck, task, entry)
    return "\n".join([f"{deck.title}, op-amp {entry.name} of the library", *deck.lines(), ".end", ""])


def _called(element: Element, entry: Entry) -> Element:
    if element.kind != "x" or element.model != MACRO:
        return element
    inp, inn, out = element.nodes
    roles = {"inp": inp, "inn": inn, "out": out, "vdd": SUPPLY}
    return replace(element, nodes=tuple(roles[role] for role in entry.ports), model=entry.name)


def _supplied(deck: Deck, task: Task, entry: Entry) -> Deck:
    """The deck with a supply source, if it had none."""
    if "vdd" not in entry.ports or any(set(item.nodes) == {SUPPLY, "0"} for item in deck.of_kind("v")):
        return deck
    return deck.with_elements(Element(SUPPLY, (SUPPLY, "0"), value=task.supply_v or entry.supply_v))
