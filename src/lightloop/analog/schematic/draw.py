"""From a deck to its drawing: place the symbols, draw the wires, label what no wire joins."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from lightloop.analog.schematic.board import VERTICAL, Board, Segment, points_between
from lightloop.analog.schematic.drawing import Drawing, Label, LabelKind, Point, Side, Text
from lightloop.analog.schematic.labels import label_rect, placed_label, placed_name
from lightloop.analog.schematic.netlist import GROUND, Netlist, netlist_of
from lightloop.analog.schematic.place import Placer
from lightloop.analog.schematic.route import Tree, trees_of
from lightloop.analog.schematic.sheet import sheet_of
from lightloop.analog.schematic.symbols import Placed, text_rect
from lightloop.spice.deck import Deck

LONGEST, LONGEST_HELD = 60.0, 24.0  # what a wire may cost before a label takes its place
MARGIN = 2.0
EVERY: tuple[Side, ...] = ("left", "right", "up", "down")
WANTED: dict[str, tuple[Side, ...]] = {
    "input": ("left", "up", "down", "right"), "output": ("right", "up", "down", "left"), "other": EVERY
}  # fmt: skip


def schematic(
    deck: Deck, inputs: Collection[str] = (), outputs: Collection[str] = (), notes: Mapping[str, str] | None = None
) -> Drawing:
    """The schematic of a deck.

    Supplies are above and ground is below; branches are columns, in the order of the signal from left to right; what
    a wire would reach only by a long or crossing way is joined by name. The same deck gives the same drawing.

    Args:
        deck: A deck that the linter accepted.
        inputs: Nets where signals come in, as they are to be written; by default those that are named so.
        outputs: Nets where they leave.
        notes: Net -> what to write beside its name, such as its voltage at rest.
    """
    return draw(netlist_of(deck, inputs, outputs), notes or {})


def draw(netlist: Netlist, notes: Mapping[str, str]) -> Drawing:
    """The schematic of a netlist."""
    placed = list(Placer(sheet_of(netlist)).run().values())
    pencil = _Pencil(netlist, placed, notes)
    pencil.rails()
    pencil.columns()
    for net in pencil.nets():
        pencil.net(net)
    pencil.names()
    return pencil.drawing()


class _Pencil:
    """Draws the nets of placed symbols."""

    def __init__(self, netlist: Netlist, placed: list[Placed], notes: Mapping[str, str]) -> None:
        self.netlist, self.placed, self.notes = netlist, placed, notes
        self.board = Board()
        self.segments: list[tuple[str, Segment]] = []
        self.labels: list[Label] = []
        self.texts: list[Text] = [text for item in placed for text in item.texts]
        self.spines: dict[str, list[Segment]] = {}
        self.unnamed: list[tuple[str, list[Segment]]] = []
        self.pins: dict[str, list[tuple[Point, Side]]] = {}
        self.apart = {
            point for item in placed if item.part.name in netlist.sources for point in item.symbol.pins.values()
        }
        for item in placed:
            for pin, net in item.part.pins.items():
                point = item.symbol.pins[pin]
                self.board.pins[point] = net
                if not (pin == "b" and item.part.tied):
                    self.pins.setdefault(net, []).append((point, _open_side(item, pin)))
        for item in placed:
            self.board.take(item.body)
            for text in item.texts:
                self.board.take(text_rect(text))

    def nets(self) -> list[str]:
        """Nets to be wired, the shortest first; held ones before the others of their length."""
        free = [net for net in self.pins if net not in self.netlist.rails]
        return sorted(free, key=lambda net: (_extent(self.pins[net]), net))

    def rails(self) -> None:
        """A ground or a supply bar at each pin that needs one."""
        for net, pins in self.pins.items():
            if net in self.netlist.rails:
                kind: LabelKind = "ground" if net == GROUND else "supply"
                for point, side in pins:
                    self._label(kind, net, [(point, side)], (side, *(other for other in EVERY if other != side)))

    def columns(self) -> None:
        """Straight wires within columns, before any other wire can stand in their way."""
        for net in self.nets():
            down = [point for point, side in self.pins[net] if side == "down" and point not in self.apart]
            up = [point for point, side in self.pins[net] if side == "up" and point not in self.apart]
            for x, y in sorted(down):
                below = [point for point in up if point[0] == x and point[1] > y]
                if below and self._is_clear(net, (x, y), min(below)):
                    self.spines.setdefault(net, []).append(((x, y), min(below)))
                    self.board.draw([(x, y), min(below)], net)

    def _is_clear(self, net: str, start: Point, end: Point) -> bool:
        inner = points_between(start, end)[1:-1]
        return all(point not in self.board.pins and self.board.may_pass(point, net, VERTICAL) for point in inner)

    def net(self, net: str) -> None:
        """Wires of a net, and flags where they are needed."""
        held = net in self.netlist.held
        apart = [point for point, _ in self.pins[net] if point in self.apart]
        points = [point for point, _ in self.pins[net] if point not in self.apart]
        trees = trees_of(self.board, net, points, self.spines.get(net, []), LONGEST_HELD if held else LONGEST)
        trees += [Tree([point], {point}) for point in apart]
        port = net in self.netlist.inputs or net in self.netlist.outputs
        sides = dict(self.pins[net])
        for reached, segments in ((tree.pins, tree.segments) for tree in trees):
            self.segments += [(net, segment) for segment in segments]
            if held or port or len(trees) > 1:
                starts = [(point, sides[point]) for point in reached]
                if not held or len(reached) > 1:
                    starts += _joints(segments, starts)
                self._label("flag", net, starts, self._wanted(net, starts))
            else:
                self.unnamed.append((net, segments))

    def _wanted(self, net: str, starts: list[tuple[Point, Side]]) -> tuple[Side, ...]:
        role = "input" if net in self.netlist.inputs else "output" if net in self.netlist.outputs else "other"
        if role == "other" or len(starts) == 1:
            first = starts[0][1]
            return (first, *(side for side in EVERY if side != first))
        return WANTED[role]

    def _label(self, kind: LabelKind, net: str, starts: list[tuple[Point, Side]], sides: Iterable[Side]) -> None:
        plain = kind != "flag" or all(point in self.apart for point, _ in starts)
        shown = self.netlist.name(net) if plain else self._shown(net)
        label, path = placed_label(self.board, kind, net, shown, starts, tuple(sides))
        self.labels.append(replace(label, text=shown))
        self.segments += [(net, (a, b)) for a, b in itertools.pairwise(path)]

    def _shown(self, net: str) -> str:
        """Name and note of a net."""
        note = f" {self.notes[net]}" if net in self.notes else ""
        return self.netlist.name(net) + note

    def names(self) -> None:
        """Small names of nets that need no flag, where there is room."""
        for net, segments in self.unnamed:
            text = placed_name(self.board, self._shown(net), segments)
            if text is not None:
                self.texts.append(text)

    def drawing(self) -> Drawing:
        """All that was drawn."""
        rects = [item.body for item in self.placed] + [text_rect(text) for text in self.texts]
        rects += [label_rect(label, label.text) for label in self.labels]
        points = [point for _, segment in self.segments for point in segment]
        rects += [(x, y, x, y) for x, y in points]
        left, top = min(r[0] for r in rects) - MARGIN, min(r[1] for r in rects) - MARGIN
        right, bottom = max(r[2] for r in rects) + MARGIN, max(r[3] for r in rects) + MARGIN
        return Drawing(
            tuple(item.symbol for item in self.placed),
            tuple(segment for _, segment in self.segments),
            _dots(self.segments, self.board.pins),
            tuple(self.labels),
            tuple(self.texts),
            (left, top, right, bottom),
        )


def _open_side(item: Placed, pin: str) -> Side:
    return item.outward(pin)


def _extent(pins: list[tuple[Point, Side]]) -> int:
    xs, ys = [point[0] for point, _ in pins], [point[1] for point, _ in pins]
    return max(xs) - min(xs) + max(ys) - min(ys)


def _joints(segments: list[Segment], known: list[tuple[Point, Side]]) -> list[tuple[Point, Side]]:
    """Points of wires at which a flag may join, beside the pins."""
    taken = {point for point, _ in known}
    corners = dict.fromkeys(point for segment in segments for point in points_between(*segment))
    return [(point, "right") for point in corners if point not in taken]


def _dots(segments: list[tuple[str, Segment]], pins: Mapping[Point, str]) -> tuple[Point, ...]:
    """Points of a net where three or more ways meet."""
    ways: Counter[tuple[str, Point]] = Counter()
    for net, (start, end) in segments:
        line = points_between(start, end)
        for place, point in enumerate(line):
            ways[net, point] += 1 if place in (0, len(line) - 1) else 2
    for point, net in pins.items():
        if (net, point) in ways:
            ways[net, point] += 1
    return tuple(sorted({point for (_, point), count in ways.items() if count > 2}))
