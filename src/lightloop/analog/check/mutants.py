"""Broken circuits, made from a good one by rule: how well a checker rejects them is how much its pass is worth.

A kind of mutation is one function that yields a place and a changed deck for every place of a deck where it applies;
`MUTATIONS` names them. Nothing is picked by hand, so some mutants still work.

Example:
    >>> from lightloop.analog import load_task, reference_deck
    >>> found = mutants(load_task(1), reference_deck(load_task(1)))
    >>> [mutant.name for mutant in found if mutant.kind == "resistor-x100"]
    ['resistor-x100 r1']
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from lightloop.analog.check.circuit import GROUND, SUPPLY
from lightloop.analog.check.lint import deck_policy
from lightloop.analog.task import Task
from lightloop.spice.deck import Deck, Element, Wave
from lightloop.spice.linter import parse_deck

BIAS_SHIFT_V = 0.7
TOO_LARGE = 100.0
MIDDLE_V = 2.5
WIRE_OHM = 1.0
DIVIDER_OHM = 10e3
SINE = Wave("sin", (MIDDLE_V, 1.0, 1e3))
OTHER_TYPE = {"nmos": "pmos", "pmos": "nmos", "npn": "pnp", "pnp": "npn"}
CONTROLLED = "mq"  # letters of the three- and four-terminal devices, whose second node controls them

Change = tuple[str, Deck]


@dataclass(frozen=True)
class Mutant:
    """A changed deck.

    Args:
        kind: The mutation, a key of `MUTATIONS`.
        place: Where it was made: the element or node, and the direction where there are two.
        text: The deck.
    """

    kind: str
    place: str
    text: str

    @property
    def name(self) -> str:
        """Kind and place."""
        return f"{self.kind} {self.place}"


def mutants(task: Task, text: str, *, most: int = 12, seed: int = 0) -> tuple[Mutant, ...]:
    """All mutants of a deck, or of each kind some drawn by seed.

    Args:
        task: What the deck is meant to be.
        text: The deck.
        most: Largest number of each kind.
        seed: Of the draw where a kind applies at more places.

    Raises:
        InputError: The linter does not accept the deck.
    """
    deck = parse_deck(text, deck_policy(task))
    found: list[Mutant] = []
    for kind, mutate in MUTATIONS.items():
        changes = list(mutate(deck, task))
        if len(changes) > most:
            kept = sorted(random.Random(f"{seed} {task.key} {kind}").sample(range(len(changes)), most))
            changes = [changes[place] for place in kept]
        found += [Mutant(kind, place, changed.text()) for place, changed in changes]
    return tuple(found)


def drain_source_swapped(deck: Deck, task: Task) -> Iterator[Change]:
    """Drain and source (collector and emitter) of one device exchanged."""
    for item in deck.of_kind(*CONTROLLED):
        first, gate, second, *bulk = item.nodes
        yield item.name, deck.with_elements(replace(item, nodes=(second, gate, first, *bulk)))


def device_flipped(deck: Deck, task: Task) -> Iterator[Change]:
    """One device of the other polarity, with the threshold of the other sign."""
    for item in deck.of_kind(*CONTROLLED):
        model = next(model for model in deck.models if model.name == item.model)
        numbers = {name: -deck.number(value) if name == "vto" else value for name, value in model.parameters.items()}
        other = replace(model, name=f"{model.name}_flipped", type=OTHER_TYPE[model.type], parameters=numbers)
        changed = deck.with_elements(replace(item, model=other.name))
        yield item.name, replace(changed, models=(*deck.models, other))


def device_removed(deck: Deck, task: Task) -> Iterator[Change]:
    """One transistor or diode left out."""
    yield from _removed(deck, f"{CONTROLLED}d")


def gate_misplaced(deck: Deck, task: Task) -> Iterator[Change]:
    """The gate of one device at the next other gate's node, or at its own source where there is none."""
    gates = list(dict.fromkeys(item.nodes[1] for item in deck.of_kind(*CONTROLLED)))
    for item in deck.of_kind(*CONTROLLED):
        place = gates.index(item.nodes[1])
        node = gates[(place + 1) % len(gates)] if len(gates) > 1 else item.nodes[2]
        yield f"{item.name} at {node}", deck.with_elements(_moved(item, 1, node))


def opamp_inputs_swapped(deck: Deck, task: Task) -> Iterator[Change]:
    """The inputs of one library op-amp exchanged, or the two of a differential circuit."""
    for item in deck.of_kind("x"):
        if item.model == "opamp":
            positive, negative, out = item.nodes
            yield item.name, deck.with_elements(replace(item, nodes=(negative, positive, out)))
    pair = [port.name.lower() for port in task.inputs if port.role == "signal"]
    if task.kind in ("opamp", "comparator"):
        exchanged = dict(zip(pair, reversed(pair), strict=True))
        yield " and ".join(pair), deck.map_elements(lambda item: _renamed(item, exchanged))


def resistor_x100(deck: Deck, task: Task) -> Iterator[Change]:
    """One resistor a hundred times as large."""
    for item in deck.of_kind("r"):
        yield item.name, deck.with_elements(replace(item, value=TOO_LARGE * deck.number(item.value)))


def resistor_removed(deck: Deck, task: Task) -> Iterator[Change]:
    """One resistor left out: a load, a bias or the feedback is cut."""
    yield from _removed(deck, "r")


def reactance_removed(deck: Deck, task: Task) -> Iterator[Change]:
    """One capacitor or inductor left out."""
    yield from _removed(deck, "cl")


def bias_shifted(deck: Deck, task: Task) -> Iterator[Change]:
    """One DC voltage source, but for the supply, higher or lower."""
    for item in deck.of_kind("v"):
        if SUPPLY in item.nodes or item.wave is not None:
            continue
        for shift_v in (BIAS_SHIFT_V, -BIAS_SHIFT_V):
            changed = replace(item, value=deck.number(item.value, 0.0) + shift_v)
            yield f"{item.name} {shift_v:+g} V", deck.with_elements(changed)


def current_reversed(deck: Deck, task: Task) -> Iterator[Change]:
    """One current source turned round."""
    for item in deck.of_kind("i"):
        yield item.name, deck.with_elements(replace(item, nodes=item.nodes[::-1]))


def output_wired(deck: Deck, task: Task) -> Iterator[Change]:
    """The output wired to the supply, to ground, or to an input."""
    output = task.outputs[-1].lower()
    ends = [SUPPLY if SUPPLY in deck.nodes else "", GROUND, *(port.name.lower() for port in task.inputs)]
    for end in filter(None, ends):
        yield f"{output} to {end}", deck.with_elements(Element("r_wire", (output, end), value=WIRE_OHM))


def output_from_source(deck: Deck, task: Task) -> Iterator[Change]:
    """A constant source or a hidden sine plays the output."""
    output = task.outputs[-1].lower()
    source = Element("v_player", (output, GROUND), value=MIDDLE_V)
    yield "constant", deck.with_elements(source)
    yield "sine", deck.with_elements(replace(source, wave=SINE))
    behind = Element("r_player", ("player", output), value=WIRE_OHM)
    yield "constant behind 1 ohm", deck.with_elements(replace(source, nodes=("player", GROUND)), behind)


def output_elsewhere(deck: Deck, task: Task) -> Iterator[Change]:
    """The circuit drives another node; the output has a divider of the supply, or of the input where there is none."""
    output = task.outputs[-1].lower()
    top = SUPPLY if SUPPLY in deck.nodes else task.inputs[0].name.lower()
    moved = deck.map_elements(lambda item: _renamed(item, {output: "elsewhere"}))
    upper = Element("r_upper", (top, output), value=DIVIDER_OHM)
    yield output, moved.with_elements(upper, Element("r_lower", (output, GROUND), value=DIVIDER_OHM))


def _removed(deck: Deck, kinds: str) -> Iterator[Change]:
    for item in deck.of_kind(*kinds):
        yield item.name, deck.without(item.name)


def _moved(item: Element, place: int, node: str) -> Element:
    return replace(item, nodes=(*item.nodes[:place], node, *item.nodes[place + 1 :]))


def _renamed(item: Element, names: dict[str, str]) -> Element:
    """The element at other nodes; sources stay where they are."""
    if item.kind in "vi":
        return item
    return replace(item, nodes=tuple(names.get(node, node) for node in item.nodes))


MUTATIONS: dict[str, Callable[[Deck, Task], Iterator[Change]]] = {
    "drain-source-swapped": drain_source_swapped,
    "device-flipped": device_flipped,
    "device-removed": device_removed,
    "gate-misplaced": gate_misplaced,
    "op-amp-inputs-swapped": opamp_inputs_swapped,
    "resistor-x100": resistor_x100,
    "resistor-removed": resistor_removed,
    "reactance-removed": reactance_removed,
    "bias-shifted": bias_shifted,
    "current-reversed": current_reversed,
    "output-wired": output_wired,
    "output-from-source": output_from_source,
    "output-elsewhere": output_elsewhere,
}
