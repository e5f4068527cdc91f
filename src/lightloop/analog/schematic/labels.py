"""Labels: flags of nets that no wire joins, grounds and supply bars, and where there is room for them."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from lightloop.analog.schematic.board import KNOT, Board
from lightloop.analog.schematic.drawing import Label, LabelKind, Point, Side, Text
from lightloop.analog.schematic.symbols import NAME_EM, VALUE_EM, Rect

FLAG_HALF = 0.85
RANK = 1.5  # cost of a less wanted side, and of a bend
Path = tuple[Point, ...]
FARTHEST = 16
AIR = 1.0  # between a label above or below a wire and what stands beside it
ASIDE = 2.6  # how much worse a label right at a wire is than one at the end of a short line
VECTOR: dict[Side, Point] = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}
OPPOSITE: dict[Side, Side] = {"left": "right", "right": "left", "up": "down", "down": "up"}


def label_rect(label: Label, shown: str) -> Rect:
    """The room of a label, its point excluded."""
    width, reach, gap = SIZES[label.kind](shown, label.side)
    x, y = label.x, label.y
    table: dict[Side, Rect] = {
        "left": (x - reach, y - width / 2, x - gap, y + width / 2),
        "right": (x + gap, y - width / 2, x + reach, y + width / 2),
        "up": (x - width / 2, y - reach, x + width / 2, y - gap),
        "down": (x - width / 2, y + gap, x + width / 2, y + reach),
    }
    return table[label.side]


def _flag_size(shown: str, side: Side) -> tuple[float, float, float]:
    length = NAME_EM * len(shown) + 1.0
    return (2 * FLAG_HALF, length + 0.3, 0.3) if side in ("left", "right") else (length, 2 * FLAG_HALF + 0.3, 0.3)


def _ground_size(shown: str, side: Side) -> tuple[float, float, float]:
    return (2.0, 2.0, 0.3)


def _supply_size(shown: str, side: Side) -> tuple[float, float, float]:
    length = NAME_EM * len(shown)
    return (1.4, length + 1.3, 0.3) if side in ("left", "right") else (max(2.0, length), 2.5, 0.3)


SIZES = {"flag": _flag_size, "ground": _ground_size, "supply": _supply_size}


def placed_label(
    board: Board, kind: LabelKind, net: str, shown: str, starts: Sequence[tuple[Point, Side]], sides: Sequence[Side]
) -> tuple[Label, list[Point]]:
    """The best free place for a label near a wire, and the wire to it.

    Args:
        board: The grid; the label's room is reserved on it and its wire entered.
        kind: What is drawn.
        net: The net.
        shown: Its name as written.
        starts: Points of the net, each with the side to which it is open.
        sides: Sides from the most to the least wanted.
    """
    wanted = _Wanted(board, Label(kind, net, 0, 0, "right"), shown, dict(starts), tuple(sides))
    label, path = wanted.best() or (Label(kind, net, *starts[0][0], starts[0][1]), (starts[0][0],))
    board.take(label_rect(label, shown))
    corners = _simplified(path)
    if len(corners) > 1:
        board.draw(corners, net)
    else:
        board.used.setdefault(path[0], {}).setdefault(net, KNOT)
    return label, corners


@dataclass
class _Wanted:
    """A label that looks for its place: outward from its net, the cheapest way first.

    Args:
        board: The grid.
        label: What is drawn; its place is still to be found.
        shown: Its text.
        opened: Points of the net, each with the side to which it is open.
        sides: Sides from the most to the least wanted.
    """

    board: Board
    label: Label
    shown: str
    opened: dict[Point, Side]
    sides: tuple[Side, ...]

    def best(self) -> tuple[Label, Path] | None:
        """The label at its cheapest free place and the way to it; None where there is no room nearby."""
        queue: list[tuple[float, int, Path]] = [(0.0, place, (start,)) for place, start in enumerate(self.opened)]
        count, seen = len(queue), set()
        found: tuple[float, Label, Path] | None = None
        while queue:
            cost, _, path = heapq.heappop(queue)
            if cost > FARTHEST or (found is not None and cost >= found[0]):
                break
            if path[-1] in seen:
                continue
            seen.add(path[-1])
            for price, label in self._here(path, cost):
                if found is None or price < found[0]:
                    found = (price, label, path)
            for price, target in self._onward(path):
                heapq.heappush(queue, (cost + price, count, (*path, target)))
                count += 1
        return found[1:] if found else None

    def _here(self, path: Path, cost: float) -> Iterator[tuple[float, Label]]:
        """The label on each side of the end of a way where it has room, with what it costs."""
        point = path[-1]
        for rank, side in enumerate(self.sides):
            label = replace(self.label, x=point[0], y=point[1], side=side)
            straight = len(path) > 1 and _side(path[-2], path[-1]) == side
            price = cost + RANK * rank + (0.0 if straight or self.opened.get(point) == side else ASIDE)
            if (
                self.board.may_turn(point, label.net)
                and not _is_back(path, side)
                and _fits(self.board, label, self.shown)
            ):
                yield price, label

    def _onward(self, path: Path) -> Iterator[tuple[float, Point]]:
        """The free points beside the end of a way, with what a step there costs."""
        for side, (dx, dy) in VECTOR.items():
            target = (path[-1][0] + dx, path[-1][1] + dy)
            taken = target in self.board.used or target in self.board.pins
            if not taken and self.board.may_turn(target, self.label.net):
                turned = len(path) > 1 and _side(path[-2], path[-1]) != side
                yield 1.0 + (RANK if turned else 0.0), target


def placed_name(board: Board, shown: str, segments: Sequence[tuple[Point, Point]]) -> Text | None:
    """A small name of a net beside its longest wire with room, or None."""
    width = VALUE_EM * len(shown)
    for (x, y), (u, v) in sorted(segments, key=lambda item: -_length(item)):
        spots = _spots((x, y), (u, v), width)
        for rect, text_x, text_y, anchor in spots:
            if board.is_room(rect):
                board.take(rect)
                return Text(shown, text_x, text_y, anchor, "node")
    return None


def _spots(start: Point, end: Point, width: float) -> list[tuple[Rect, float, float, str]]:
    (x, y), (u, v) = min(start, end), max(start, end)
    if y == v:
        return [
            ((middle - width / 2, base - 0.8, middle + width / 2, base + 0.05), middle, base, "middle")
            for middle in dict.fromkeys(((x + u) / 2, x + 0.5 + width / 2, u - 0.5 - width / 2))
            for base in (y - 0.35, y + 1.15)
        ]
    sides = ((x + 0.35, x + 0.35, "start"), (x - 0.35 - width, x - 0.35, "end"))
    return [
        ((left, height - 0.5, left + width, height + 0.4), text_x, height + 0.35, anchor)
        for height in dict.fromkeys(((y + v) / 2, y + 1.0, v - 1.0))
        for left, text_x, anchor in sides
    ]


def _length(segment: tuple[Point, Point]) -> int:
    (x, y), (u, v) = segment
    return abs(u - x) + abs(v - y)


def _fits(board: Board, label: Label, shown: str) -> bool:
    left, top, right, bottom = label_rect(label, shown)
    beside = AIR if label.side in ("up", "down") else 0.0
    return board.is_room((left - beside, top, right + beside, bottom))


def _side(start: Point, end: Point) -> Side:
    step = (end[0] - start[0], end[1] - start[1])
    return next(side for side, vector in VECTOR.items() if vector == step)


def _is_back(path: tuple[Point, ...], side: Side) -> bool:
    return len(path) > 1 and _side(path[-2], path[-1]) == OPPOSITE[side]


def _simplified(path: tuple[Point, ...]) -> list[Point]:
    kept = [path[0]]
    for place in range(1, len(path)):
        last = place == len(path) - 1
        if last or _side(path[place - 1], path[place]) != _side(path[place], path[place + 1]):
            kept.append(path[place])
    return kept
