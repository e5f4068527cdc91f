"""Parts that stand upright between two nets, the columns that they form, and the row of each by its potential."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from lightloop.analog.schematic.netlist import GROUND, Netlist, Part
from lightloop.analog.schematic.symbols import BOTTOM, TOP, TRANSISTORS, TWO_PINS

# Which of several parts at one net continues its column: transistors before resistors before capacitors.
PRIORITY = {"nmos": 0, "pmos": 0, "npn": 0, "pnp": 0, "i": 1, "r": 2, "l": 2, "d": 2, "v": 3, "c": 4}


@dataclass(frozen=True)
class Stand:
    """An upright part: its pins and nets above and below."""

    part: Part
    top_pin: str
    bottom_pin: str

    @property
    def top(self) -> str:
        """Net above."""
        return self.part.pins[self.top_pin]

    @property
    def bottom(self) -> str:
        """Net below."""
        return self.part.pins[self.bottom_pin]

    @property
    def priority(self) -> int:
        """Rank among parts that could continue a column."""
        return PRIORITY[self.part.kind]


@dataclass
class Column:
    """Upright parts one above the other, from the top down; centred ones stand below or above the middle of others."""

    stands: list[Stand]
    centred: list[Column] = field(default_factory=list)

    @property
    def nets(self) -> frozenset[str]:
        """All nets of its parts."""
        return frozenset(net for stand in self.stands for net in stand.part.pins.values())


def stands_of(netlist: Netlist) -> list[Stand]:
    """All parts that stand: transistors, current sources, what hangs on a rail, and what is in series with that."""
    found = {part.name: _rooted(part, netlist) for part in netlist.parts if part.name not in netlist.sources}
    growing = True
    while growing:
        growing = False
        for part in netlist.parts:
            stand = found.get(part.name)
            if stand is None and part.kind in TWO_PINS and part.name in found:
                found[part.name] = _in_series(part, found, netlist)
                growing = growing or found[part.name] is not None
    for part in netlist.parts:
        if part.name in found and found[part.name] is None and part.kind in ("r", "l"):
            found[part.name] = _load(part, [stand for stand in found.values() if stand], netlist)
    return [stand for stand in found.values() if stand is not None]


def _rooted(part: Part, netlist: Netlist) -> Stand | None:
    if part.kind in TRANSISTORS:
        return Stand(part, TOP[part.kind], BOTTOM[part.kind])
    if part.kind not in TWO_PINS:
        return None
    for first, second in (("1", "2"), ("2", "1")):
        if part.pins[first] in netlist.supplies or part.pins[second] in netlist.floor:
            return Stand(part, first, second)
    return Stand(part, "1", "2") if part.kind == "i" else None


def _in_series(part: Part, found: Mapping[str, Stand | None], netlist: Netlist) -> Stand | None:
    """A part that shares a net with one standing part of two pins and with nothing else."""
    for near, far in (("1", "2"), ("2", "1")):
        net = part.pins[near]
        others = [other for other, _ in netlist.at(net) if other is not part]
        if len(others) != 1 or net in netlist.outputs or not netlist.is_inner(net):
            continue
        stand = found.get(others[0].name)
        if stand is None or others[0].kind not in TWO_PINS:
            continue
        return Stand(part, far, near) if stand.top == net else Stand(part, near, far)
    return None


def _load(part: Part, stands: list[Stand], netlist: Netlist) -> Stand | None:
    """A part above a transistor that has nothing else there, and below something that hangs on the supply."""
    for near, far in (("1", "2"), ("2", "1")):
        net, above = part.pins[near], part.pins[far]
        if not netlist.is_inner(net) or not netlist.is_inner(above):
            continue
        open_top = any(s.top == net and s.part.kind in ("nmos", "npn") for s in stands)
        covered = any(s.bottom == net for s in stands)
        fed = any(netlist.supplies & set(other.pins.values()) for other, _ in netlist.at(above))
        sensed = any(pin in ("g", "base", "inn", "inp") for _, pin in netlist.at(above))
        if open_top and not covered and fed and not sensed:
            return Stand(part, far, near)
    return None


def columns_of(netlist: Netlist, stands: list[Stand]) -> list[Column]:
    """Columns of the standing parts: at each net one part above goes on in one part below."""
    below, centred = _joints(netlist, stands)
    heads = [stand for stand in stands if id(stand) not in {id(item) for item in below.values()}]
    columns: dict[int, Column] = {}
    made: list[Column] = []
    for head in (*heads, *stands):  # the second time those that follow one another in a ring
        if id(head) in columns:
            continue
        column = Column([head])
        while (after := below.get(id(column.stands[-1]))) and after not in column.stands and id(after) not in columns:
            column.stands.append(after)
        columns |= {id(stand): column for stand in column.stands}
        made.append(column)
    for stand, others in centred:
        own = columns.get(id(stand))
        parents = _unique(columns[id(other)] for other in others if id(other) in columns)
        if own is not None and own not in parents and not own.centred and len(parents) > 1:
            own.centred = parents
    return made


def _unique(columns: Iterable[Column]) -> list[Column]:
    return list({id(column): column for column in columns}.values())


def _joints(netlist: Netlist, stands: list[Stand]) -> tuple[dict[int, Stand], list[tuple[Stand, list[Stand]]]]:
    """Upper part -> the part that continues its column; and parts with the several that they stand in the middle of."""
    below: dict[int, Stand] = {}
    centred: list[tuple[Stand, list[Stand]]] = []
    nets = list(dict.fromkeys(net for stand in stands for net in (stand.top, stand.bottom) if netlist.is_inner(net)))
    for net in nets:
        upper = _foremost([stand for stand in stands if stand.bottom == net and stand.top != net])
        lower = _foremost([stand for stand in stands if stand.top == net and stand.bottom != net])
        if not upper or not lower:
            continue
        if len(upper) > 1 and len(lower) == 1 and _fork(upper, net, netlist):
            centred.append((lower[0], upper))
        elif len(lower) > 1 and len(upper) == 1 and _fork(lower, net, netlist):
            centred.append((upper[0], lower))
        else:
            below |= {id(a): b for a, b in zip(upper, _matched(upper, lower, below, stands), strict=False)}
    return below, centred


def _foremost(stands: list[Stand]) -> list[Stand]:
    best = min((stand.priority for stand in stands), default=0)
    best = 2 if best in (1, 2) else best
    return [stand for stand in stands if stand.priority <= best]


def _fork(stands: list[Stand], net: str, netlist: Netlist) -> bool:
    """Whether parts meet at a net as the two sides of a pair do."""
    return all(
        stand.part.pins.get("s", stand.part.pins.get("e")) == net
        if stand.part.kind in TRANSISTORS
        else netlist.is_inner(stand.top) and netlist.is_inner(stand.bottom)
        for stand in stands
    )


def _matched(upper: list[Stand], lower: list[Stand], below: Mapping[int, Stand], stands: list[Stand]) -> list[Stand]:
    """The lower parts in the order in which they continue the upper ones; first those whose twin has nothing above."""
    if len(upper) != 1 or len(lower) == 1:
        return lower
    covered = {id(stand) for stand in below.values()}

    def twin_is_covered(stand: Stand) -> bool:
        return any(
            other is not stand and id(other) in covered and other.bottom == stand.bottom and other.bottom != GROUND
            for other in stands
        )

    return sorted(lower, key=twin_is_covered)


def rows_of(netlist: Netlist, stands: list[Stand], columns: list[Column]) -> dict[str, int]:
    """Row of each standing part, 0 at the top: above what hangs on a supply, below what stands on ground."""
    up = {id(stand): _depth(stand, stands, netlist, "top", "bottom") for stand in stands}
    down = {id(stand): _depth(stand, stands, netlist, "bottom", "top") for stand in stands}
    count = max((up[id(stand)] + down[id(stand)] + 1 for stand in stands), default=1)
    rows: dict[str, int] = {}
    for stand in stands:
        from_top = _hangs(stand, stands, netlist)
        rows[stand.part.name] = up[id(stand)] if from_top else count - 1 - down[id(stand)]
    for column in columns:
        _straighten(column, rows, count)
    return rows


def _straighten(column: Column, rows: dict[str, int], count: int) -> None:
    """Rows that rise within a column, and stay inside the frame."""
    names = [stand.part.name for stand in column.stands]
    for upper, lower in pairwise(names):
        rows[lower] = max(rows[lower], rows[upper] + 1)
    ceiling = max(count, len(names))
    for name in reversed(names):
        ceiling = min(ceiling - 1, rows[name])
        rows[name] = ceiling


def _depth(stand: Stand, stands: list[Stand], netlist: Netlist, near: str, far: str) -> int:
    """How many parts follow one another from a part to the end of its branch on one side."""
    depth, seen, edge = 0, {id(stand)}, [stand]
    while True:
        nets = {getattr(item, near) for item in edge} - netlist.held - netlist.rails
        edge = [item for item in stands if getattr(item, far) in nets and id(item) not in seen]
        if not edge:
            return depth
        seen |= {id(item) for item in edge}
        depth += 1


def _hangs(stand: Stand, stands: list[Stand], netlist: Netlist) -> bool:
    """Whether a part belongs to the upper end of its branch."""
    reaches_top = _reaches(stand, stands, netlist, "top", "bottom", netlist.supplies)
    reaches_floor = _reaches(stand, stands, netlist, "bottom", "top", netlist.floor | set(netlist.inputs))
    if reaches_top != reaches_floor:
        return reaches_top
    if stand.top in netlist.supplies:
        return True
    if stand.bottom in netlist.floor:
        return False
    return stand.part.kind in ("pmos", "pnp")


def _reaches(
    stand: Stand, stands: list[Stand], netlist: Netlist, near: str, far: str, goal: frozenset[str] | set[str]
) -> bool:
    seen, edge = {id(stand)}, [stand]
    while edge:
        nets = {getattr(item, near) for item in edge}
        if nets & goal:
            return True
        edge = [
            item
            for item in stands
            if getattr(item, far) in nets - netlist.held - netlist.rails and id(item) not in seen
        ]
        seen |= {id(item) for item in edge}
    return False
