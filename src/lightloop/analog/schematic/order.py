"""The order of columns, op-amps and boxes from left to right: along the signal, with short nets, pairs side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import combinations

from lightloop.analog.schematic.flow import FAR, Loop, drives, first_depth, senses
from lightloop.analog.schematic.netlist import Netlist, Part
from lightloop.analog.schematic.stands import Column

# Weights of what makes an order bad, per place: a net's reach, a lying part's reach, a pair apart, a signal that runs
# backwards, an input away from the left, an output away from the right, two wires in each other's way.
NET, LYING, PAIR, BACKWARD, INPUT, OUTPUT, TANGLE = 1.0, 0.6, 6.0, 1.5, 0.2, 0.9, 1.5
MOST_ROUNDS = 40
LONGEST_MOVE, MANY = 4, 14


# Items whose middle is meant, all their nets, their parts.
Group = tuple[tuple[int, ...], frozenset[str], list[Part]]


@dataclass
class Item:
    """A column, an op-amp with its feedback, or a box."""

    column: Column | None = None
    part: Part | None = None
    loops: list[Loop] = field(default_factory=list)

    @property
    def parts(self) -> list[Part]:
        """All parts of the item, but for the feedback."""
        return [self.part] if self.part else [stand.part for stand in self.column.stands]  # type: ignore[union-attr]

    @property
    def nets(self) -> frozenset[str]:
        """All nets that it touches."""
        return frozenset(net for part in self.parts for net in part.pins.values())


def ordered(items: list[Item], centred: list[Column], lying: list[Part], netlist: Netlist, found: Mapping[str, float]
            ) -> list[Item]:  # fmt: skip
    """Items from left to right.

    Args:
        items: Columns with a place of their own, op-amps, boxes.
        centred: Columns that stand in the middle of others.
        lying: Parts that lie in the gaps.
        netlist: The circuit.
        found: Depth of nets.
    """
    judge = _Judge(items, centred, lying, netlist, found)
    start = sorted(range(len(items)), key=lambda place: (judge.depth[place], place))
    return [items[place] for place in _improved(start, judge)]


def _improved(order: list[int], judge: _Judge) -> list[int]:
    """The order after the best move of a few neighbours, again and again until none helps."""
    best = judge.cost(order)
    longest = LONGEST_MOVE if len(order) <= MANY else 1
    for _ in range(MOST_ROUNDS):
        found = None
        for tried in _moves(order, longest):
            cost = judge.cost(tried)
            if cost < best - 1e-9:
                best, found = cost, tried
        if found is None:
            return order
        order = found
    return order


def _moves(order: list[int], longest: int) -> Iterator[list[int]]:
    """Orders with up to `longest` neighbours at another place, as they are or turned round."""
    for length in range(1, min(longest, len(order)) + 1):
        for place in range(len(order) - length + 1):
            moved, rest = order[place : place + length], order[:place] + order[place + length :]
            for target in range(len(rest) + 1):
                yield rest[:target] + moved + rest[target:]
                if length > 1:
                    yield rest[:target] + moved[::-1] + rest[target:]


class _Judge:
    """How bad an order is."""

    def __init__(self, items: list[Item], centred: list[Column], lying: list[Part], netlist: Netlist,
                 found: Mapping[str, float]) -> None:  # fmt: skip
        owner = {id(item.column): place for place, item in enumerate(items) if item.column}
        groups: list[Group] = [((place,), item.nets, item.parts) for place, item in enumerate(items)]
        groups += [
            (_members(column, owner), column.nets, [stand.part for stand in column.stands]) for column in centred
        ]
        groups = [group for group in groups if group[0]]
        self.spots = [members for members, _, _ in groups]
        touching: dict[str, list[int]] = {}
        for spot, (_, nets, _) in enumerate(groups):
            for net in nets:
                if netlist.is_inner(net):
                    touching.setdefault(net, []).append(spot)
        self.reach = [tuple(found) for found in touching.values() if len(found) > 1]
        self.depth = [self._depth(item, found) for item in items]
        self._late(items, netlist)
        self.pairs = [pair for column in centred for pair in combinations(_members(column, owner), 2)]
        ends = [
            tuple(touching.get(net, []) for net in part.pins.values()) for part in lying
            if part.kind not in ("box", "opamp") and not netlist.cut & set(part.pins.values())
        ]  # fmt: skip
        self.bridges = [(first, second) for first, second in ends if first and second]
        self.tangles = list(_tangles(items, netlist))
        last = set(netlist.outputs[-1:])
        self.inputs = [
            spot for spot, (_, _, parts) in enumerate(groups) for p in parts if set(senses(p)) & set(netlist.inputs)
        ]
        self.outputs = [spot for spot, (_, _, parts) in enumerate(groups) for p in parts if last & set(drives(p))]
        self.arcs = self._arcs(groups, netlist)

    @staticmethod
    def _depth(item: Item, found: Mapping[str, float]) -> float:
        sensed = first_depth((net for part in item.parts for net in senses(part)), found)
        return sensed + 0.5 if sensed < FAR else first_depth(item.nets, found)

    def _late(self, items: list[Item], netlist: Netlist) -> None:
        """What no signal reaches, such as a bias column, stands just left of what it serves."""
        for place, item in enumerate(items):
            if self.depth[place] >= FAR:
                shared = [
                    self.depth[other] for other, one in enumerate(items)
                    if any(netlist.is_inner(net) for net in one.nets & item.nets) and self.depth[other] < FAR
                ]  # fmt: skip
                self.depth[place] = min(shared, default=0.0) - 0.25

    def _arcs(self, groups: list[Group], netlist: Netlist) -> list[tuple[int, int]]:
        """Pairs of groups of which the first drives the second."""
        found = []
        for first, (source, _, upstream) in enumerate(groups):
            for second, (target, _, downstream) in enumerate(groups):
                if source == target:
                    continue
                passive = not any(True for part in upstream for _ in senses(part))
                if min(self.depth[i] for i in source) >= min(self.depth[i] for i in target) and not passive:
                    continue
                ends = (net for part in upstream for net in (part.pins.values() if passive else drives(part)))
                driven = {net for net in ends if netlist.is_inner(net)}
                if driven & {net for part in downstream for net in senses(part)}:
                    found.append((first, second))
        return found

    def cost(self, order: list[int]) -> float:
        """The weighted sum of all faults."""
        place = [0] * len(order)
        for at, item in enumerate(order):
            place[item] = at
        spots = [
            place[members[0]] if len(members) == 1 else sum(place[item] for item in members) / len(members)
            for members in self.spots
        ]
        total = 0.0
        for found in self.reach:
            values = [spots[spot] for spot in found]
            total += NET * (max(values) - min(values))
        for first, second in self.bridges:
            nearest = min(abs(spots[a] - spots[b]) for a in first for b in second)
            total += LYING * (nearest if nearest else 0.5)
        total += PAIR * sum(abs(place[a] - place[b]) - 1 for a, b in self.pairs)
        total += BACKWARD * sum(max(0.0, spots[source] - spots[target]) for source, target in self.arcs)
        total += INPUT * sum(spots[spot] for spot in self.inputs)
        total += OUTPUT * sum(len(order) - 1 - spots[spot] for spot in self.outputs)
        total += TANGLE * sum(place[far] < place[near] < place[amp] for amp, near, far in self.tangles)
        return total


def _tangles(items: list[Item], netlist: Netlist) -> Iterator[tuple[int, int, int]]:
    """An op-amp, a column at its upper input, one at its lower input: the upper one's must not stand between."""
    for amp, item in enumerate(items):
        if item.part is None or item.part.kind != "opamp":
            continue
        upper, lower = (item.part.pins[pin] for pin in ("inn", "inp"))
        near = [place for place, other in enumerate(items) if other.column and upper in other.nets]
        far = [place for place, other in enumerate(items) if other.column and lower in other.nets]
        if netlist.is_inner(upper) and netlist.is_inner(lower):
            yield from ((amp, a, b) for a in near for b in far if a != b)


def _members(column: Column, owner: Mapping[int, int]) -> tuple[int, ...]:
    """The items whose middle a centred column takes."""
    if id(column) in owner:
        return (owner[id(column)],)
    return tuple(dict.fromkeys(place for other in column.centred for place in _members(other, owner)))
