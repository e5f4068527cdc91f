"""A long circuit is cut into lines, one below the other, where few nets cross the cut."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

from lightloop.analog.schematic.sheet import PITCH, Sheet
from lightloop.analog.schematic.stands import Column
from lightloop.analog.schematic.symbols import Placed

WIDEST, SHORTEST = 105, 0.55  # width of a line, and the share of it that a line must have
BETWEEN = 12  # from the bodies of a line to those of the next


def wrapped(sheet: Sheet, x: Mapping[int, int]) -> dict[str, Placed]:
    """The placed parts in lines no wider than `WIDEST`, where they can be cut at all.

    Args:
        sheet: The sheet with all parts at their places in one line.
        x: Middle of each item, by its place in the order.
    """
    edges = [-1e9, *(_edge(sheet, x, cut) for cut in _cuts(sheet, x)), 1e9]
    placed: dict[str, Placed] = {}
    top = 0.0
    for left, right in itertools.pairwise(edges):
        line = _squeezed([item for item in sheet.placed.values() if left <= item.symbol.x < right])
        if not line:
            continue
        first = min(item.body[0] for item in line)
        highest, lowest = min(item.body[1] for item in line), max(item.body[3] for item in line)
        dx, dy = (0, 0) if left < -1e8 else (-round(first), round(top - highest))
        placed |= {item.part.name: item.moved(dx, dy) for item in line}
        top = lowest + dy + BETWEEN
    return {name: placed[name] for name in sheet.placed}


def _squeezed(line: list[Placed]) -> list[Placed]:
    """A line without the rows in which it has nothing."""
    if not line:
        return line
    last = max(item.body[3] for item in line)
    row = round(min(item.body[1] for item in line) / PITCH) + 1
    while PITCH * row < last:
        top, bottom = PITCH * row - PITCH / 2, PITCH * row + PITCH / 2
        if all(item.body[3] <= top or item.body[1] >= bottom for item in line):
            line = [item.moved(0, PITCH) if item.symbol.y < top else item for item in line]
        row += 1
    return line


def _edge(sheet: Sheet, x: Mapping[int, int], cut: int) -> float:
    """Just right of the item before a cut; what lies in the gap goes to the next line."""
    before = [item for item in sheet.placed.values() if item.symbol.x <= x[cut - 1]]
    near = max(item.body[2] for item in before)
    return min(near + 0.5, x[cut] - 0.5)


def _cuts(sheet: Sheet, x: Mapping[int, int]) -> list[int]:
    """Places before which a line begins."""
    count, cuts, start = len(sheet.items), [], 0
    while start < count and x[count - 1] - x[start] > WIDEST:
        wide = [at for at in range(start + 1, count) if SHORTEST * WIDEST <= x[at] - x[start] <= WIDEST]
        wide = [at for at in wide if not _splits(sheet, at)]
        if not wide:
            break
        start = min(wide, key=lambda at: (_crossing(sheet, at), -at))
        cuts.append(start)
    return cuts


def _crossing(sheet: Sheet, cut: int) -> int:
    sides = [frozenset(n for item in part for n in item.nets) for part in (sheet.items[:cut], sheet.items[cut:])]
    return sum(sheet.netlist.is_inner(net) for net in sides[0] & sides[1])


def _splits(sheet: Sheet, cut: int) -> bool:
    """Whether a cut would part the two sides of a pair."""
    left = {id(item.column) for item in sheet.items[:cut]}

    def sides(column: Column) -> set[bool]:
        return {id(column) in left} if not column.centred else set().union(*map(sides, column.centred))

    return any(len(sides(column)) > 1 for column in sheet.centred)
