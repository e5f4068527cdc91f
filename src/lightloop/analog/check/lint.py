"""First stage: the deck is read by the allow-list, and has the supply, the ports and possible values."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from importlib.resources import files

from lightloop.analog.check.bench import Bench
from lightloop.analog.check.circuit import SUPPLY, Circuit, source_value
from lightloop.analog.check.flat import flatten
from lightloop.analog.check.subject import StageResult, Subject
from lightloop.analog.check.values import value_faults
from lightloop.analog.task import Task
from lightloop.errors import InputError
from lightloop.spice.deck import Deck, Element
from lightloop.spice.linter import lint, parse_deck
from lightloop.spice.policy import STRANGER, TRUSTED, Policy

LIBRARY = "opamp"
RESERVED = "checker_"
LEAST_SUPPLY_V = 0.1  # about four times the thermal voltage: below it no transistor amplifies
LIBRARY_PORTS = 3


def lint_stage(subject: Subject) -> StageResult:
    """Read the deck; on success the subject gets its bench."""
    found = lint(subject.text, deck_policy(subject.task))
    if found.deck is None:
        return StageResult(faults=tuple(map(str, found.errors)))
    deck = flatten(with_library(found.deck), kept={LIBRARY})
    circuit = Circuit(subject.task, deck.map_elements(_without_wave(subject.task)))
    faults = (*_port_faults(circuit), *value_faults(deck))
    if not faults:
        subject.bench = Bench(circuit, subject.session)
    return StageResult(faults=faults)


def deck_policy(task: Task) -> Policy:
    """What a deck for a task may hold.

    The task's types of models only; time functions only on inputs and the supply, where they are not used.
    """
    models: dict[str, frozenset[str]] = {kind: STRANGER.models[kind] for kind in task.models}
    policy = replace(STRANGER, models=models).with_inputs(SUPPLY, *(port.name for port in task.inputs))
    return policy.with_library({LIBRARY: LIBRARY_PORTS}) if task.library else policy


def with_library(deck: Deck) -> Deck:
    """The deck with the library op-amp, where it calls it."""
    called = any(item.kind == "x" and item.model == LIBRARY for item in _all_elements(deck))
    return deck.with_parts_of(_library()) if called else deck


@cache
def _library() -> Deck:
    text = (files("lightloop.analog") / "library" / "opamp.cir").read_text(encoding="utf-8")
    return parse_deck(text, TRUSTED)


def _all_elements(deck: Deck) -> Iterator[Element]:
    yield from deck.elements
    for part in deck.subcircuits:
        yield from part.elements


def _without_wave(task: Task) -> Callable[[Element], Element]:
    """Sources keep their DC value only, but for a clock."""
    clocks = {port.name.lower() for port in task.inputs if port.role == "clock"}

    def change(element: Element) -> Element:
        return element if element.wave is None or clocks & set(element.nodes) else replace(element, wave=None)

    return change


def _port_faults(circuit: Circuit) -> Iterator[str]:
    nodes = circuit.deck.nodes
    taken = sorted(name for name in nodes | circuit.deck.by_name.keys() if RESERVED in name)
    if taken:
        yield f"{taken[0]} has a name of the checker's own; no name may hold {RESERVED!r}"
    missing = [port for port in circuit.task.ports if port.lower() not in nodes]
    if missing:
        yield f"no element joins node {', '.join(missing)}; the ports are {', '.join(circuit.task.ports)}"
        return
    try:
        if circuit.supply is not None and source_value(circuit.supply, SUPPLY) < LEAST_SUPPLY_V:
            yield f"the supply Vdd has no DC value of {LEAST_SUPPLY_V:g} V or more"
        for port in circuit.task.inputs:
            circuit.source(port.name)
    except InputError as error:
        yield error.message
