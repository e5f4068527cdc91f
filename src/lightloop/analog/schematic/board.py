"""The grid that wires run on: what blocks them, which net has which point, where rooms are taken."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field

from lightloop.analog.schematic.drawing import Point
from lightloop.analog.schematic.symbols import Rect

Segment = tuple[Point, Point]
HORIZONTAL, VERTICAL, KNOT = 1, 2, 4


@dataclass
class Board:
    """Obstacles and wires.

    Args:
        blocked: Points inside bodies and texts.
        pins: Point of each pin -> its net.
        used: Point -> net -> how its wire passes: HORIZONTAL, VERTICAL, or with KNOT, where it ends, turns or joins.
        rooms: Rectangles that bodies, texts and labels take.
    """

    blocked: set[Point] = field(default_factory=set)
    pins: dict[Point, str] = field(default_factory=dict)
    used: dict[Point, dict[str, int]] = field(default_factory=dict)
    rooms: list[Rect] = field(default_factory=list)

    def take(self, rect: Rect) -> None:
        """Reserve a rectangle: no wire through it, no text on it."""
        self.rooms.append(rect)
        left, top, right, bottom = rect
        for x in range(math.ceil(left - 0.05), math.floor(right + 0.05) + 1):
            for y in range(math.ceil(top - 0.05), math.floor(bottom + 0.05) + 1):
                if (x, y) not in self.pins:
                    self.blocked.add((x, y))

    def may_pass(self, point: Point, net: str, direction: int) -> bool:
        """Whether a wire of a net may run straight through a point, crossing others at right angles."""
        if point in self.blocked or self.pins.get(point, net) != net:
            return False
        return all(other == net or way == 3 - direction for other, way in self.used.get(point, {}).items())

    def may_turn(self, point: Point, net: str) -> bool:
        """Whether a wire of a net may end, turn or join at a point: nothing else runs there."""
        if point in self.blocked or self.pins.get(point, net) != net:
            return False
        return all(other == net for other in self.used.get(point, {}))

    def crosses(self, point: Point, net: str) -> bool:
        """Whether other wires run through a point."""
        return any(other != net for other in self.used.get(point, {}))

    def draw(self, path: list[Point], net: str) -> list[Segment]:
        """Enter a wire given by its corners; the segments."""
        segments = []
        for start, end in itertools.pairwise(path):
            way = HORIZONTAL if start[1] == end[1] else VERTICAL
            for point in points_between(start, end):
                entry = self.used.setdefault(point, {})
                entry[net] = entry.get(net, 0) | way
            segments.append((start, end))
        for point in path:
            self.used.setdefault(point, {}).setdefault(net, 0)
            self.used[point][net] |= KNOT
        return segments

    def is_room(self, rect: Rect) -> bool:
        """Whether a rectangle is free of bodies, texts, labels, wires and pins."""
        if any(rect[0] < b[2] and b[0] < rect[2] and rect[1] < b[3] and b[1] < rect[3] for b in self.rooms):
            return False
        columns, rows = _inside(rect[0], rect[2]), _inside(rect[1], rect[3])
        return not any((x, y) in self.used or (x, y) in self.pins for x in columns for y in rows)


def _inside(low: float, high: float) -> list[int]:
    """Grid lines that cross a stretch or come near its ends; the two beside it where none does."""
    found = list(range(math.ceil(low - 0.2), math.floor(high + 0.2) + 1))
    return found or [math.floor(low), math.ceil(high)]


def points_between(start: Point, end: Point) -> list[Point]:
    """All grid points of a straight segment, ends included."""
    (x, y), (u, v) = start, end
    dx, dy = (u > x) - (u < x), (v > y) - (v < y)
    return [(x + dx * step, y + dy * step) for step in range(max(abs(u - x), abs(v - y)) + 1)]
