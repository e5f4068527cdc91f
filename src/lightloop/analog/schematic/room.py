"""The room that things take before they have a place: bands around a middle, reach of flags, heights of nets."""

from __future__ import annotations

import math
from collections.abc import Mapping

from lightloop.analog.schematic.drawing import Side
from lightloop.analog.schematic.flow import Loop, is_output
from lightloop.analog.schematic.netlist import GROUND, Netlist, Part
from lightloop.analog.schematic.sheet import PITCH
from lightloop.analog.schematic.stands import Column
from lightloop.analog.schematic.symbols import HALF, NAME_EM, VALUE_EM, Placed, Rect, text_rect

LEVEL = 5  # from the middle of a row to the wires between it and the next
SPACE = 2  # between the room of neighbours
FLAG = 1.6  # of a flag besides its text
NARROW = 1.0
Band = tuple[float, float, float, float]  # top, bottom, room at the left, room at the right


def extent(drawn: Placed) -> Rect:
    """Body and pins of a symbol."""
    xs, ys = [x for x, _ in drawn.symbol.pins.values()], [y for _, y in drawn.symbol.pins.values()]
    left, top, right, bottom = drawn.body
    return (min(left, *xs), min(top, *ys), max(right, *xs), max(bottom, *ys))


def reserved(drawn: Placed, netlist: Netlist) -> list[Rect]:
    """Body and pins, texts, and the room of the flags at the left and at the right."""
    x, y = drawn.symbol.x, drawn.symbol.y
    left, right = flag_reach(drawn, netlist, "left"), flag_reach(drawn, netlist, "right")
    return [extent(drawn), *map(text_rect, drawn.texts), (x - left, y - 1.0, x + right, y + 1.0)]


def lying_width(part: Part) -> int:
    """Width of a lying part with its texts, an even number."""
    half = max(NAME_EM * len(part.name), VALUE_EM * len(part.value)) + 0.4
    return 2 * max(HALF, math.ceil(half))


def overlap(a: Rect, b: Rect) -> bool:
    """Whether two rectangles share area."""
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def clear(left: list[Band], right: list[Band]) -> float:
    """Distance of two middles at which no bands of theirs meet."""
    return max(
        (a[3] + b[2] for a in left for b in right if a[0] < b[1] and b[0] < a[1]),
        default=NARROW,
    )


def room_at(room: list[Band], y: float) -> tuple[float, float]:
    """Room at the left and at the right at a height."""
    found = [(left, right) for top, bottom, left, right in room if top < y < bottom]
    return max((left for left, _ in found), default=NARROW), max((right for _, right in found), default=NARROW)


def flag_reach(drawn: Placed, netlist: Netlist, side: Side) -> float:
    """Room from the middle to the far end of the flags on one side."""
    reach = 0.0
    for pin, net in drawn.part.pins.items():
        x, _ = drawn.symbol.pins[pin]
        if drawn.outward(pin) == side and not (drawn.part.tied and pin == "b"):
            text = FLAG + NAME_EM * len(netlist.name(net)) if not netlist.is_inner(net) and net != GROUND else 2.0
            extra = text if pin != "b" or net in netlist.rails else 1.0
            reach = max(reach, abs(x - drawn.symbol.x) + (extra if not netlist.is_inner(net) else 0.0))
    return reach


def group_width(group: tuple[Part, ...]) -> int:
    """Width of lying parts in parallel."""
    return max(map(lying_width, group))


def loop_width(loop: Loop) -> int:
    """Width of a feedback."""
    return sum(map(group_width, loop.groups)) + SPACE * (len(loop.groups) - 1)


def column_height(column: Column, net: str, rows: Mapping[str, int]) -> int | None:
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


def box_sides(part: Part, netlist: Netlist) -> dict[str, Side]:
    """Side of each pin of a box: supplies above, grounds below, outputs at the right."""

    def side(pin: str, net: str) -> Side:
        if net in netlist.supplies:
            return "up"
        if net in netlist.negatives or net == GROUND:
            return "down"
        return "right" if is_output(pin) else "left"

    return {pin: side(pin, net) for pin, net in part.pins.items()}
