"""An order of the transistors that follows from the circuit alone, not from names or from places in the text."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Mapping

from lightloop.analog.check.circuit import GROUND, SUPPLY, Circuit
from lightloop.spice.deck import Deck, Element

TWO_WAY = frozenset("rcl")  # elements whose nodes may be exchanged
# So that a deck made to be slow does not hold up the check for more than seconds.
MOST_ELEMENTS, MOST_ROUNDS, MOST_MARKS = 500, 40, 64

Colours = dict[str, int]


def ordered_transistors(circuit: Circuit) -> list[Element]:
    """The MOSFETs, the same ones first however the deck is written.

    Elements and nodes are coloured by what they are and what they join, from the ports outwards, until no colour says
    more (Weisfeiler and Leman 1968). Where transistors share a colour one of them is marked and the colours are drawn
    anew; which one does not matter, as a symmetry of the circuit exchanges them. Very large circuits keep the order of
    the text.
    """
    deck, found = circuit.skeleton, circuit.transistors()
    if len(deck.elements) > MOST_ELEMENTS:
        return found
    kinds = {item.name: _kind(circuit, item) for item in deck.elements}
    nodes: dict[str, Hashable] = {node: node if node in _anchors(circuit) else "" for node in deck.nodes}
    colours = _refined(deck, kinds, nodes)
    for _ in range(MOST_MARKS):
        tied = _tied(found, colours)
        if tied is None:
            break
        kinds[tied.name] = (*kinds[tied.name], "marked")
        colours = _refined(deck, kinds, nodes)
    return sorted(found, key=lambda item: colours[item.name])


def _anchors(circuit: Circuit) -> frozenset[str]:
    return frozenset({GROUND, SUPPLY, *(port.lower() for port in circuit.task.ports)})


def _kind(circuit: Circuit, item: Element) -> tuple[Hashable, ...]:
    """What an element is, without its name and its nodes."""
    model = next((model for model in circuit.deck.models if model.name == item.model), None)
    made = (model.type, *sorted(model.parameters.items())) if model else (item.model or "",)
    return (item.kind, str(item.value), str(item.wave), *sorted(item.parameters.items()), *made)


def _tied(found: list[Element], colours: Colours) -> Element | None:
    """A transistor of the least colour that several at different nodes have; None where there is none."""
    groups: dict[int, list[Element]] = defaultdict(list)
    for item in found:
        groups[colours[item.name]].append(item)
    places = {colour: {item.nodes for item in group} for colour, group in groups.items()}
    return next((groups[colour][0] for colour in sorted(groups) if len(places[colour]) > 1), None)


def _refined(deck: Deck, kinds: Mapping[str, Hashable], nodes: Mapping[str, Hashable]) -> Colours:
    """Colours of the elements, refined until their number stays."""
    near, items = _ranked(nodes), _ranked(kinds)
    for _ in range(MOST_ROUNDS):
        joined: dict[str, list[tuple[int, int]]] = defaultdict(list)
        finer: dict[str, Hashable] = {}
        for item in deck.elements:
            seen = [near[node] for node in item.nodes]
            finer[item.name] = (items[item.name], *(sorted(seen) if item.kind in TWO_WAY else seen))
        counted = _ranked(finer)
        for item in deck.elements:
            for place, node in enumerate(item.nodes):
                joined[node].append((counted[item.name], 0 if item.kind in TWO_WAY else place))
        near = _ranked({node: (near[node], *sorted(joined[node])) for node in near})
        if len(set(counted.values())) == len(set(items.values())):
            break
        items = counted
    return counted


def _ranked(values: Mapping[str, Hashable]) -> Colours:
    """Each value's place among the different ones."""
    places = {value: place for place, value in enumerate(sorted(set(values.values()), key=repr))}
    return {name: places[value] for name, value in values.items()}
