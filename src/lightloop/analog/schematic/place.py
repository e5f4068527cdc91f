"""Coordinates: rows by potential, columns along the signal, lying parts in the gaps, sources in a row below."""

from __future__ import annotations

from collections.abc import Mapping

from lightloop.analog.schematic.drawing import Side
from lightloop.analog.schematic.flow import Loop, is_output
from lightloop.analog.schematic.gaps import Row
from lightloop.analog.schematic.lines import wrapped
from lightloop.analog.schematic.netlist import GROUND, Netlist, Part
from lightloop.analog.schematic.order import Item
from lightloop.analog.schematic.sheet import PITCH, Sheet
from lightloop.analog.schematic.stands import Column, Stand
from lightloop.analog.schematic.symbols import (
    AMP_INPUT,
    HALF,
    NAME_EM,
    TRANSISTORS,
    Placed,
    amplifier,
    box,
    lying,
    text_rect,
    transistor,
    upright,
)  # fmt: skip

LEVEL = 5  # from the middle of a row to the wires between it and the next
SPACE = 2  # between the room of neighbours
STACK = 4  # from one lying part to the next above it
ABOVE, BELOW = 7, 7  # from the middle of an op-amp to its feedback
SOURCE_PITCH, SOURCE_ROW, LEAST_WIDTH = 9, 14, 50
FLAG = 1.6  # of a flag besides its text
NARROW = 1.0


class Placer:
    """Puts the parts of a sheet at coordinates, from left to right."""

    def __init__(self, sheet: Sheet) -> None:
        self.sheet = sheet
        self.x: dict[int, int] = {}

    def run(self) -> dict[str, Placed]:
        """All parts with coordinates."""
        sheet = self.sheet
        heights = self._heights()
        for place, item in enumerate(sheet.items):
            self.x[place] = self._next_x(place, heights)
            self._put_item(item, self.x[place])
        for column in sheet.centred:
            self._put_centred(column)
        for row, y in heights:
            self._put_row(row, y)
        sheet.placed = wrapped(sheet, self.x)
        self._put_sources()
        return sheet.placed

    def _heights(self) -> list[tuple[Row, int]]:
        """A height for each lying row, near those of its nets and clear of the others in its gap."""
        taken: dict[int, list[int]] = {}
        found = []
        for row in sorted(self.sheet.gaps, key=lambda item: (item.gap, item.parts[0][0].name), reverse=True):
            heights = [self._net_height(net, row.gap, side) for net, side in ((row.left, -1), (row.right, 1))]
            wanted = [y for y in heights if y is not None] or [self.sheet.line]
            span = range(min(wanted) - 40, max(wanted) + 41)
            free = [y for y in span if all(abs(y - other) >= STACK for other in taken.get(row.gap, []))]
            best = min(free, key=lambda y: (sum(abs(y - goal) for goal in wanted), y not in wanted, y))
            taken.setdefault(row.gap, []).append(best)
            found.append((row, best))
        return found

    def _net_height(self, net: str, gap: int, side: int) -> int | None:
        """Height of a net at the nearest item on one side of a gap."""
        if not self.sheet.netlist.is_inner(net):
            return None
        count = len(self.sheet.items)
        near = range(gap - 1, -1, -1) if side < 0 else range(gap, count)
        far = range(gap, count) if side < 0 else range(gap - 1, -1, -1)
        for place in (*near, *far):
            y = self._item_height(self.sheet.items[place], net)
            if y is not None:
                return y
        for column in self.sheet.centred:
            y = self._item_height(Item(column=column), net)
            if y is not None:
                return y
        return None

    def _item_height(self, item: Item, net: str) -> int | None:
        if item.part is not None:
            pins = [pin for pin, other in item.part.pins.items() if other == net]
            if not pins:
                return None
            drawn = self._drawn(item, 0)
            return drawn.symbol.pins[pins[0]][1]
        assert item.column is not None
        return _column_height(item.column, net, self.sheet.rows)

    def _drawn(self, item: Item, x: int) -> Placed:
        """An op-amp or a box at `x`."""
        assert item.part is not None
        if item.part.kind == "box":
            return box(item.part, x, self.sheet.line, _sides(item.part, self.sheet.netlist))
        plus_above = bool(item.loops) and all(loop.pin == "inp" for loop in item.loops)
        low_pin = "inn" if plus_above else "inp"
        low_inner = self.sheet.netlist.is_inner(item.part.pins[low_pin])
        y = self.sheet.line + (-AMP_INPUT if low_inner else AMP_INPUT)
        return amplifier(item.part, x, y, plus_above)

    def _next_x(self, place: int, heights: list[tuple[Row, int]]) -> int:
        """The least place that leaves room to all items before and to the rows in the gap."""
        item = self.sheet.items[place]
        wide = [(sum(HALF * 2 for _ in row.parts), y) for row, y in heights if row.gap == place]
        x = 0
        for before in range(place):
            other = self.sheet.items[before]
            needed = _clear(self._room(other), self._room(item)) + SPACE
            if before == place - 1:
                for width, y in wide:
                    edges = _at(self._room(other), y)[1] + _at(self._room(item), y)[0]
                    needed = max(needed, edges + width + 2 * SPACE)
                needed = max(needed, 2 * HALF)
            x = max(x, self.x[before] + round(needed + 0.49))
        return x

    def _room(self, item: Item) -> list[tuple[float, float, float, float]]:
        """Bands (top, bottom, room at the left, room at the right) around the middle of an item."""
        if item.part is not None:
            drawn = self._drawn(item, 0)
            left = max([-x for x, _ in drawn.symbol.pins.values()] + [_flag(drawn, self.sheet.netlist, "left")])
            right = max([x for x, _ in drawn.symbol.pins.values()] + [_flag(drawn, self.sheet.netlist, "right")])
            half = max([_loop_width(loop) / 2 + 2 for loop in item.loops] + [0.0])
            return [(-1000.0, 1000.0, max(left, half), max(right, half))]
        assert item.column is not None
        bands = []
        for stand in item.column.stands:
            drawn = self._stand(stand, 0)
            edges = [drawn.body, *map(text_rect, drawn.texts)]
            left = max([-rect[0] for rect in edges] + [_flag(drawn, self.sheet.netlist, "left")])
            right = max([rect[2] for rect in edges] + [_flag(drawn, self.sheet.netlist, "right")])
            y = drawn.symbol.y
            bands.append((y - LEVEL + 1, y + LEVEL - 1, left, right))
        ends = [PITCH * self.sheet.rows[stand.part.name] for stand in item.column.stands]
        return [*bands, (min(ends) - LEVEL, max(ends) + LEVEL, NARROW, NARROW)]

    def _stand(self, stand: Stand, x: int) -> Placed:
        y = PITCH * self.sheet.rows[stand.part.name]
        if stand.part.kind in TRANSISTORS:
            return transistor(stand.part, x, y, self.sheet.right[stand.part.name])
        return upright(stand.part, x, y, stand.top_pin)

    def _put(self, drawn: Placed) -> None:
        self.sheet.placed[drawn.part.name] = drawn

    def _put_item(self, item: Item, x: int) -> None:
        if item.column is not None:
            for stand in item.column.stands:
                self._put(self._stand(stand, x))
            return
        drawn = self._drawn(item, x)
        self._put(drawn)
        used = {"up": 0, "down": 0}
        for loop in item.loops:
            self._put_loop(loop, drawn, used)

    def _put_loop(self, loop: Loop, amp: Placed, used: dict[str, int]) -> None:
        above = amp.symbol.pins[loop.pin][1] < amp.symbol.y
        side = "up" if above else "down"
        left = amp.symbol.x - round(_loop_width(loop) / 2) + HALF
        for place, group in enumerate(loop.groups):
            net = loop.nets[place]
            for level, part in enumerate(group):
                offset = STACK * (used[side] + level)
                y = amp.symbol.y - ABOVE - offset if above else amp.symbol.y + BELOW + offset
                pin = next(pin for pin, other in part.pins.items() if other == net)
                self._put(lying(part, left + place * (2 * HALF + SPACE), y, pin))
        used[side] += max(len(group) for group in loop.groups)

    def _put_centred(self, column: Column) -> None:
        if column.stands[0].part.name in self.sheet.placed:
            return
        parents = [self._x_of(parent) for parent in column.centred]
        middle = round(sum(parents) / len(parents))
        room = self._room(Item(column=column))
        for shift in sorted(range(-60, 61), key=lambda value: (abs(value), value)):
            if self._is_free(middle + shift, room):
                break
        for stand in column.stands:
            self._put(self._stand(stand, middle + shift))

    def _x_of(self, column: Column) -> int:
        drawn = self.sheet.placed.get(column.stands[0].part.name)
        if drawn is None:
            self._put_centred(column)
            drawn = self.sheet.placed[column.stands[0].part.name]
        return drawn.symbol.x

    def _is_free(self, x: int, room: list[tuple[float, float, float, float]]) -> bool:
        for top, bottom, left, right in room:
            own = (x - left - 0.5, top + 1.5, x + right + 0.5, bottom - 1.5)
            for drawn in self.sheet.placed.values():
                if any(overlap(own, rect) for rect in (drawn.body, *map(text_rect, drawn.texts))):
                    return False
        return True

    def _put_row(self, row: Row, y: int) -> None:
        width = 2 * HALF * len(row.parts)
        left_edge, right_edge = self._edges(row.gap, y)
        if left_edge is None and right_edge is None:
            start = 0.0
        elif left_edge is None:
            start = right_edge - SPACE - width  # type: ignore[operator]
        elif right_edge is None:
            start = left_edge + SPACE
        else:
            start = (left_edge + right_edge - width) / 2
        for place, (part, pin) in enumerate(row.parts):
            self._put(lying(part, round(start) + HALF + 2 * HALF * place, y, pin))

    def _edges(self, gap: int, y: int) -> tuple[float | None, float | None]:
        items = self.sheet.items
        left = self.x[gap - 1] + _at(self._room(items[gap - 1]), y)[1] if gap > 0 else None
        right = self.x[gap] - _at(self._room(items[gap]), y)[0] if gap < len(items) else None
        return left, right

    def _put_sources(self) -> None:
        placed = self.sheet.placed
        bottom = max((drawn.body[3] for drawn in placed.values()), default=0.0)
        left = min((drawn.body[0] for drawn in placed.values()), default=0.0)
        right = max([drawn.body[2] for drawn in placed.values()] + [left + LEAST_WIDTH])
        x, y = round(left) + 2, round(bottom) + 14
        for part in self.sheet.netlist.parts:
            if part.name in self.sheet.netlist.sources:
                if x > right:
                    x, y = round(left) + 2, y + SOURCE_ROW
                top = next((pin for pin, net in part.pins.items() if net != GROUND), "1")
                drawn = upright(part, x, y, top)
                self._put(drawn)
                x += max(SOURCE_PITCH, round(max(text_rect(text)[2] for text in drawn.texts) - drawn.symbol.x) + 4)


def overlap(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> bool:
    """Whether two rectangles share area."""
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _clear(left: list[tuple[float, float, float, float]], right: list[tuple[float, float, float, float]]) -> float:
    """Distance of two middles at which no bands of theirs meet."""
    return max(
        (a[3] + b[2] for a in left for b in right if a[0] < b[1] and b[0] < a[1]),
        default=NARROW,
    )


def _at(room: list[tuple[float, float, float, float]], y: float) -> tuple[float, float]:
    """Room at the left and at the right at a height."""
    found = [(left, right) for top, bottom, left, right in room if top < y < bottom]
    return max((left for left, _ in found), default=NARROW), max((right for _, right in found), default=NARROW)


def _flag(drawn: Placed, netlist: Netlist, side: Side) -> float:
    """Room from the middle to the far end of the flags on one side."""
    reach = 0.0
    for pin, net in drawn.part.pins.items():
        x, _ = drawn.symbol.pins[pin]
        if drawn.outward(pin) == side and not (drawn.part.tied and pin == "b"):
            text = FLAG + NAME_EM * len(netlist.name(net)) if not netlist.is_inner(net) and net != GROUND else 2.0
            extra = text if pin != "b" or net in netlist.rails else 1.0
            reach = max(reach, abs(x - drawn.symbol.x) + (extra if not netlist.is_inner(net) else 0.0))
    return reach


def _loop_width(loop: Loop) -> int:
    return 2 * HALF * len(loop.groups) + SPACE * (len(loop.groups) - 1)


def _column_height(column: Column, net: str, rows: Mapping[str, int]) -> int | None:
    """Height at which a net is best met at a column."""
    for place, stand in enumerate(column.stands):
        y = PITCH * rows[stand.part.name]
        if stand.bottom == net and place + 1 < len(column.stands):
            return y + LEVEL
        if stand.top == net:
            return y - HALF if place == 0 else y - LEVEL
        if stand.bottom == net:
            return y + HALF
    return next((PITCH * rows[stand.part.name] for stand in column.stands if net in stand.part.pins.values()), None)


def _sides(part: Part, netlist: Netlist) -> dict[str, Side]:
    def side(pin: str, net: str) -> Side:
        if net in netlist.supplies:
            return "up"
        if net in netlist.negatives or net == GROUND:
            return "down"
        return "right" if is_output(pin) else "left"

    return {pin: side(pin, net) for pin, net in part.pins.items()}
