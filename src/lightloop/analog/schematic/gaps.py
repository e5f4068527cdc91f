"""The lying parts: which gap between two items each one takes, and which of its ends is at the left."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lightloop.analog.schematic.netlist import Netlist, Part
from lightloop.analog.schematic.symbols import TWO_PINS

WRAP = 1.5  # how much worse it is, per place, if a wire must come from the far side
HELD = 0.6  # reach of an end that is joined by a flag
CUT = 1.1  # reach of an end where the loop is cut


@dataclass(frozen=True)
class Row:
    """Lying parts in series: each with its pin at the left, and the nets at the two ends.

    Args:
        parts: Part and left pin, from left to right.
        left: Net at the left end.
        right: Net at the right end.
        gap: The gap: `n` is left of item `n`.
    """

    parts: tuple[tuple[Part, str], ...]
    left: str
    right: str
    gap: int


def rows_in_gaps(lying: list[Part], netlist: Netlist, touching: Mapping[str, list[float]], count: int,
                 depth: Mapping[str, float]) -> list[Row]:  # fmt: skip
    """A gap for each series of lying parts.

    Args:
        lying: Parts of two pins that lie, but for feedback.
        netlist: The circuit.
        touching: Inner net -> places of items that touch it.
        count: How many items there are.
        depth: Net -> steps from the inputs.
    """
    places = {net: list(found) for net, found in touching.items()}
    found, waiting = [], _series([part for part in lying if part.kind in TWO_PINS], netlist)
    while waiting:
        chain = min(waiting, key=lambda item: (_unknown(item, places, netlist), depth.get(item[1], 1e9)))
        waiting.remove(chain)
        row = _best(chain, places, netlist, count, depth)
        found.append(row)
        for net, at in ((row.left, row.gap - 0.5), (row.right, row.gap - 0.5)):
            if netlist.is_inner(net) and net not in places:
                places[net] = [at]
    return found


Chain = tuple[list[tuple[Part, str]], str, str]


def _series(parts: list[Part], netlist: Netlist) -> list[Chain]:
    """Parts that follow one another with nothing else between them."""
    chains: list[Chain] = [([(part, "1")], part.pins["1"], part.pins["2"]) for part in parts]
    merged = True
    while merged:
        merged = False
        for first in chains:
            for second in chains:
                joined = None if first is second else _joined(first, second, netlist)
                if joined is not None:
                    chains = [chain for chain in chains if chain is not first and chain is not second] + [joined]
                    merged = True
                    break
            if merged:
                break
    return chains


def _joined(first: Chain, second: Chain, netlist: Netlist) -> Chain | None:
    for turned in (second, _turned(second)):
        net = first[2]
        if net == turned[1] and netlist.is_inner(net) and net not in netlist.outputs and len(netlist.at(net)) == 2:
            return (first[0] + turned[0], first[1], turned[2])
    return None


def _turned(chain: Chain) -> Chain:
    swapped = [(part, "2" if pin == "1" else "1") for part, pin in reversed(chain[0])]
    return (swapped, chain[2], chain[1])


def _unknown(chain: Chain, places: Mapping[str, list[float]], netlist: Netlist) -> int:
    return sum(netlist.is_inner(net) and net not in places for net in chain[1:])


def _best(
    chain: Chain, places: Mapping[str, list[float]], netlist: Netlist, count: int, depth: Mapping[str, float]
) -> Row:
    best: tuple[float, float, int, Row] | None = None
    for turn, (parts, left, right) in enumerate((chain, _turned(chain))):
        backward = 0.3 if depth.get(left, 0.0) > depth.get(right, 0.0) else 0.0
        for gap in range(count + 1):
            at = gap - 0.5
            cost = _reach(left, at, -1, places, netlist) + _reach(right, at, 1, places, netlist)
            key = (round(cost + backward, 6), float(gap), turn)
            if best is None or key < best[:3]:
                best = (*key, Row(tuple(parts), left, right, gap))
    assert best is not None
    return best[3]


def _reach(net: str, at: float, side: int, places: Mapping[str, list[float]], netlist: Netlist) -> float:
    """How far a wire runs from a gap to the nearest place of a net that should lie on one side of it."""
    if not netlist.is_inner(net):
        return HELD
    if net not in places:
        return HELD
    distances = [(place - at) * side for place in places[net]]
    wire = min(distance if distance >= 0 else 1.0 - WRAP * distance for distance in distances)
    return min(wire, CUT) if net in netlist.cut else wire
