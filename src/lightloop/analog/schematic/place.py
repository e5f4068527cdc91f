"""Coordinates: rows by potential, columns along the signal, lying parts in the gaps, sources in a row below."""

from __future__ import annotations

from lightloop.analog.schematic.flow import Loop
from lightloop.analog.schematic.gaps import Row
from lightloop.analog.schematic.lines import wrapped
from lightloop.analog.schematic.netlist import GROUND
from lightloop.analog.schematic.order import Item
from lightloop.analog.schematic.room import (
    LEVEL,
    NARROW,
    SPACE,
    Band,
    box_sides,
    clear,
    column_height,
    flag_reach,
    group_width,
    loop_width,
    lying_width,
    overlap,
    reserved,
    room_at,
)
from lightloop.analog.schematic.sheet import PITCH, Sheet
from lightloop.analog.schematic.stands import Column, Stand
from lightloop.analog.schematic.symbols import (
    AMP_INPUT,
    HALF,
    TRANSISTORS,
    Placed,
    Rect,
    amplifier,
    box,
    lying,
    text_rect,
    transistor,
    upright,
)

STACK = 4  # from one lying part to the next above it
ABOVE, BELOW = 7, 7  # from the middle of an op-amp to its feedback
SOURCE_PITCH, SOURCE_ROW, LEAST_WIDTH = 9, 14, 50
FARTHEST = 60  # that a part moves to a free place


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
        return column_height(item.column, net, self.sheet.rows)

    def _drawn(self, item: Item, x: int) -> Placed:
        """An op-amp or a box at `x`."""
        assert item.part is not None
        if item.part.kind == "box":
            return box(item.part, x, self.sheet.line, box_sides(item.part, self.sheet.netlist))
        plus_above = bool(item.loops) and all(loop.pin == "inp" for loop in item.loops)
        low_pin = "inn" if plus_above else "inp"
        low_inner = self.sheet.netlist.is_inner(item.part.pins[low_pin])
        y = self.sheet.line + (-AMP_INPUT if low_inner else AMP_INPUT)
        return amplifier(item.part, x, y, plus_above)

    def _next_x(self, place: int, heights: list[tuple[Row, int]]) -> int:
        """The least place that leaves room to all items before and to the rows in the gap."""
        item = self.sheet.items[place]
        wide = [(sum(lying_width(part) for part, _ in row.parts), y) for row, y in heights if row.gap == place]
        x = 0
        for before in range(place):
            other = self.sheet.items[before]
            needed = clear(self._room(other), self._room(item)) + SPACE
            if before == place - 1:
                for width, y in wide:
                    edges = room_at(self._room(other), y)[1] + room_at(self._room(item), y)[0]
                    needed = max(needed, edges + width + 2 * SPACE)
                needed = max(needed, 2 * HALF)
            x = max(x, self.x[before] + round(needed + 0.49))
        return x

    def _room(self, item: Item) -> list[Band]:
        """Bands (top, bottom, room at the left, room at the right) around the middle of an item."""
        if item.part is not None:
            drawn = self._drawn(item, 0)
            left = max([-x for x, _ in drawn.symbol.pins.values()] + [flag_reach(drawn, self.sheet.netlist, "left")])
            right = max([x for x, _ in drawn.symbol.pins.values()] + [flag_reach(drawn, self.sheet.netlist, "right")])
            half = max([loop_width(loop) / 2 + 2 for loop in item.loops] + [0.0])
            return [(-1000.0, 1000.0, max(left, half), max(right, half))]
        assert item.column is not None
        bands = []
        for stand in item.column.stands:
            drawn = self._stand(stand, 0)
            edges = [drawn.body, *map(text_rect, drawn.texts)]
            left = max([-rect[0] for rect in edges] + [flag_reach(drawn, self.sheet.netlist, "left")])
            right = max([rect[2] for rect in edges] + [flag_reach(drawn, self.sheet.netlist, "right")])
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
        left = amp.symbol.x - loop_width(loop) // 2
        for net, group in zip(loop.nets, loop.groups, strict=False):
            width = group_width(group)
            for level, part in enumerate(group, used[side]):
                y = amp.symbol.y - ABOVE - STACK * level if above else amp.symbol.y + BELOW + STACK * level
                pin = next(pin for pin, other in part.pins.items() if other == net)
                self._put(lying(part, left + width // 2, y, pin))
            left += width + SPACE
        used[side] += max(len(group) for group in loop.groups)

    def _put_centred(self, column: Column) -> None:
        if column.stands[0].part.name in self.sheet.placed:
            return
        parents = [self._x_of(parent) for parent in column.centred]
        middle = round(sum(parents) / len(parents))
        room = self._room(Item(column=column))
        for shift in sorted(range(-FARTHEST, FARTHEST + 1), key=lambda value: (abs(value), value)):
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

    def _is_free(self, x: int, room: list[Band]) -> bool:
        taken = self._taken()
        own = [(x - left - 0.5, top + 1.5, x + right + 0.5, bottom - 1.5) for top, bottom, left, right in room]
        return not any(overlap(band, rect) for band in own for rect in taken)

    def _taken(self) -> list[Rect]:
        """Rooms of all that is placed."""
        return [rect for drawn in self.sheet.placed.values() for rect in reserved(drawn, self.sheet.netlist)]

    def _put_row(self, row: Row, y: int) -> None:
        """Lying parts in their gap, as near to their height as nothing else stands."""
        rooms = self._taken()
        for shift in sorted(range(-FARTHEST, FARTHEST + 1), key=lambda value: (abs(value), value)):
            parts = self._row_at(row, y + shift)
            own = [rect for drawn in parts for rect in reserved(drawn, self.sheet.netlist)]
            if not any(overlap(a, b) for a in own for b in rooms):
                break
        for drawn in parts:
            self._put(drawn)

    def _row_at(self, row: Row, y: int) -> list[Placed]:
        """The parts of a row at a height, in the middle of their gap."""
        widths = [lying_width(part) for part, _ in row.parts]
        left_edge, right_edge = self._edges(row.gap, y)
        if left_edge is not None and right_edge is not None:
            start = (left_edge + right_edge - sum(widths)) / 2
        elif right_edge is not None:
            start = right_edge - SPACE - sum(widths)
        else:
            start = (left_edge or 0.0) + SPACE
        x, parts = round(start), []
        for (part, pin), width in zip(row.parts, widths, strict=True):
            parts.append(lying(part, x + width // 2, y, pin))
            x += width
        return parts

    def _edges(self, gap: int, y: int) -> tuple[float | None, float | None]:
        items = self.sheet.items
        left = self.x[gap - 1] + room_at(self._room(items[gap - 1]), y)[1] if gap > 0 else None
        right = self.x[gap] - room_at(self._room(items[gap]), y)[0] if gap < len(items) else None
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
