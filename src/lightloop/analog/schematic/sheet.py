"""What goes where, before coordinates: rows by potential, the order from left to right, gaps, directions of gates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lightloop.analog.schematic.facing import gates_at_right
from lightloop.analog.schematic.flow import depths, loops_of
from lightloop.analog.schematic.gaps import Row, rows_in_gaps
from lightloop.analog.schematic.netlist import Netlist
from lightloop.analog.schematic.order import Item, ordered
from lightloop.analog.schematic.stands import Column, columns_of, rows_of, stands_of
from lightloop.analog.schematic.symbols import HALF, Placed

PITCH = 10  # from row to row


@dataclass
class Sheet:
    """What has been placed, and where rows begin: the frame of one circuit."""

    netlist: Netlist
    rows: Mapping[str, int]
    count: int
    items: list[Item]
    centred: list[Column]
    gaps: list[Row]
    right: Mapping[str, bool]
    placed: dict[str, Placed] = field(default_factory=dict)

    @property
    def line(self) -> int:
        """Height of the signal line: pins of what stands in the last row."""
        return PITCH * (self.count - 1) - HALF


def sheet_of(netlist: Netlist) -> Sheet:
    """Order, rows and directions of all parts; no coordinates yet."""
    stands = stands_of(netlist)
    columns = columns_of(netlist, stands)
    rows = rows_of(netlist, stands, columns)
    upright_names = {stand.part.name for stand in stands}
    rest = [p for p in netlist.parts if p.name not in upright_names and p.name not in netlist.sources]
    amplifiers = [Item(part=part, loops=loops_of(part, rest, netlist)) for part in rest if part.kind == "opamp"]
    _share(amplifiers)
    feedback = {part.name for item in amplifiers for loop in item.loops for group in loop.groups for part in group}
    depth = depths(netlist, rest, feedback)
    own = [Item(column=column) for column in columns if not column.centred]
    boxes = [Item(part=part) for part in rest if part.kind == "box"]
    centred = [column for column in columns if column.centred]
    free = [part for part in rest if part.name not in feedback]
    items = ordered([*own, *amplifiers, *boxes], centred, free, netlist, depth)
    places = _column_places(items, centred)
    touching = _touching(items, places, netlist)
    gaps = rows_in_gaps(free, netlist, touching, len(items), depth)
    count = max((rows[name] + 1 for name in rows), default=1)
    return Sheet(netlist, rows, count, items, centred, gaps, gates_at_right(netlist, places, rows, touching))


def _share(items: list[Item]) -> None:
    """A part in the feedback of two op-amps stays with the first."""
    taken: set[str] = set()
    for item in items:
        kept = []
        for loop in item.loops:
            names = {part.name for group in loop.groups for part in group}
            if not names & taken:
                kept.append(loop)
                taken |= names
        item.loops = kept


def _column_places(items: list[Item], centred: list[Column]) -> dict[int, tuple[Column, float]]:
    found = {id(item.column): (item.column, float(at)) for at, item in enumerate(items) if item.column}

    def place(column: Column) -> float:
        if id(column) not in found:
            found[id(column)] = (column, sum(map(place, column.centred)) / len(column.centred))
        return found[id(column)][1]

    for column in centred:
        place(column)
    return found  # type: ignore[return-value]


def _touching(
    items: list[Item], places: Mapping[int, tuple[Column, float]], netlist: Netlist
) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    spots = [(column.nets, at) for column, at in places.values()]
    spots += [(item.nets, float(at)) for at, item in enumerate(items) if item.part]
    for nets, at in spots:
        for net in sorted(nets):
            if netlist.is_inner(net):
                found.setdefault(net, []).append(at)
    return found
