"""Geometry of the symbols: where pins are, what room a body takes, where its name and its value stand."""

from __future__ import annotations

from dataclasses import dataclass, replace

from lightloop.analog.schematic.drawing import Point, Side, Symbol, Text
from lightloop.analog.schematic.netlist import Part

HALF = 3  # from the centre of a symbol to its pins
AMP_HALF, AMP_INPUT = 4, 2
NAME_EM, VALUE_EM = 0.64, 0.58  # width of a letter, in grid steps
LINE = 1.3  # height of a line of text
TRANSISTORS = ("nmos", "pmos", "npn", "pnp")
TWO_PINS = ("r", "c", "l", "v", "i", "d")
BOTTOM = {"nmos": "s", "pmos": "d", "npn": "e", "pnp": "c"}
TOP = {"nmos": "d", "pmos": "s", "npn": "c", "pnp": "e"}
ROUND = ("v", "i")
Rect = tuple[float, float, float, float]


@dataclass(frozen=True)
class Placed:
    """A symbol with its part, its texts and the room that it takes."""

    part: Part
    symbol: Symbol
    texts: tuple[Text, ...]
    body: Rect

    def moved(self, dx: int, dy: int) -> Placed:
        """The same at another place."""
        symbol, body = self.symbol, self.body
        pins = {pin: (x + dx, y + dy) for pin, (x, y) in symbol.pins.items()}
        return Placed(
            self.part,
            replace(symbol, x=symbol.x + dx, y=symbol.y + dy, pins=pins),
            tuple(replace(text, x=text.x + dx, y=text.y + dy) for text in self.texts),
            (body[0] + dx, body[1] + dy, body[2] + dx, body[3] + dy),
        )

    def outward(self, pin: str) -> Side:
        """The side to which a pin points."""
        x, y = self.symbol.pins[pin]
        left, top, right, bottom = self.body
        distances: dict[Side, float] = {"up": top - y, "down": y - bottom, "left": left - x, "right": x - right}
        return max(distances, key=lambda side: distances[side])


def transistor(part: Part, x: int, y: int, gate_right: bool) -> Placed:
    """A transistor whose channel stands upright at `x`; drain above the source for n, below it for p."""
    sign = -1 if gate_right else 1
    control = part.control or "g"
    pins: dict[str, Point] = {
        TOP[part.kind]: (x, y - HALF), BOTTOM[part.kind]: (x, y + HALF), control: (x - sign * HALF, y)
    }  # fmt: skip
    if "b" in part.pins:
        pins["b"] = pins["s"] if part.tied else (x + sign, y)
    if "substrate" in part.pins:
        pins["substrate"] = (x + sign, y)
    symbol = Symbol(part.kind, part.name, x, y, 0, gate_right, pins, part.tied)
    anchor = "end" if gate_right else "start"
    side = x + sign * 0.9
    texts = (
        Text(_title(part.name), side, y - 1.4, anchor, "name"), Text(part.value, side, y + 2.1, anchor, "value")
    )  # fmt: skip
    body = (x - 2.0, y - 2.0, x, y + 2.0) if not gate_right else (x, y - 2.0, x + 2.0, y + 2.0)
    return Placed(part, symbol, _kept(texts), body)


def upright(part: Part, x: int, y: int, top_pin: str) -> Placed:
    """A part of two pins that stands, `top_pin` above."""
    pins: dict[str, Point] = {top_pin: (x, y - HALF), _other(top_pin): (x, y + HALF)}
    symbol = Symbol(part.kind, part.name, x, y, 0 if top_pin == "1" else 180, False, pins)
    half = 1.7 if part.kind in ROUND else 1.2
    texts = (
        Text(_title(part.name), x + half + 0.3, y - 0.35, "start", "name"),
        Text(part.value, x + half + 0.3, y + 1.15, "start", "value"),
    )
    return Placed(part, symbol, _kept(texts), (x - half, y - 2.0, x + half, y + 2.0))


def lying(part: Part, x: int, y: int, left_pin: str) -> Placed:
    """A part of two pins that lies, `left_pin` at the left; name and value stand in one line above it."""
    pins: dict[str, Point] = {left_pin: (x - HALF, y), _other(left_pin): (x + HALF, y)}
    symbol = Symbol(part.kind, part.name, x, y, 270 if left_pin == "1" else 90, False, pins)
    half = 1.7 if part.kind in ROUND else 1.2
    texts = (
        Text(_title(part.name), x - 0.25, y - half - 0.3, "end", "name"),
        Text(part.value, x + 0.25, y - half - 0.3, "start", "value"),
    )
    if not part.value:
        texts = (Text(_title(part.name), x, y - half - 0.3, "middle", "name"), texts[1])
    return Placed(part, symbol, _kept(texts), (x - 2.0, y - half, x + 2.0, y + half))


def amplifier(part: Part, x: int, y: int, plus_above: bool) -> Placed:
    """An op-amp that looks to the right."""
    sign = -1 if plus_above else 1
    left, step = x - AMP_HALF, sign * AMP_INPUT
    pins: dict[str, Point] = {"inn": (left, y - step), "inp": (left, y + step), "out": (x + AMP_HALF, y)}
    symbol = Symbol("opamp", part.name, x, y, 0, plus_above, pins)
    return Placed(
        part, symbol, (Text(_title(part.name), x - 0.4, y + 0.4, "middle", "name"),), (x - 3, y - 4, x + 3, y + 4)
    )


def box(part: Part, x: int, y: int, sides: dict[str, Side]) -> Placed:
    """A rectangle with its pins at the sides given; names of the pins inside."""
    rows = {side: [pin for pin in part.pins if sides[pin] == side] for side in ("left", "right", "up", "down")}
    tall = max(len(rows["left"]), len(rows["right"]), 1)
    inside = max([len(pin) for pin in part.pins] + [len(part.value) / 2])
    half_w = max(3, round(inside * VALUE_EM + 1.2), 2 * max(len(rows["up"]), len(rows["down"])))
    half_h = tall + 1
    pins: dict[str, Point] = {}
    for side, dx in (("left", -half_w - 1), ("right", half_w + 1)):
        for place, pin in enumerate(rows[side]):
            pins[pin] = (x + dx, y + 2 * place - len(rows[side]) + 1)
    for side, dy in (("up", -half_h - 1), ("down", half_h + 1)):
        for place, pin in enumerate(rows[side]):
            pins[pin] = (x + 3 * place - 3 * (len(rows[side]) - 1) // 2, y + dy)
    symbol = Symbol("box", part.name, x, y, 0, False, pins, False, 2 * half_w, 2 * half_h)
    texts = [Text(f"{_title(part.name)} {part.value}".strip(), x - half_w, y - half_h - 0.3, "start", "name")]
    if rows["up"]:
        texts = [Text(f"{_title(part.name)} {part.value}".strip(), x - half_w, y + half_h + 1.2, "start", "name")]
    texts += [Text(pin, *_inside(pins[pin], sides[pin]), "pin") for pin in part.pins]
    return Placed(part, symbol, tuple(texts), (x - half_w, y - half_h, x + half_w, y + half_h))


def text_rect(text: Text) -> Rect:
    """The room that a line of text takes."""
    width = len(text.text) * (NAME_EM if text.role == "name" else VALUE_EM)
    shift = {"start": 0.0, "middle": width / 2, "end": width}[text.anchor]
    return (text.x - shift, text.y - 0.8 * LINE, text.x - shift + width, text.y + 0.2 * LINE)


def _inside(at: Point, side: Side) -> tuple[float, float, str]:
    x, y = at
    table: dict[Side, tuple[float, float, str]] = {
        "left": (x + 1.3, y + 0.35, "start"), "right": (x - 1.3, y + 0.35, "end"),
        "up": (x, y + 2.0, "middle"), "down": (x, y - 1.4, "middle"),
    }  # fmt: skip
    return table[side]


def _title(name: str) -> str:
    return name[:1].upper() + name[1:]


def _other(pin: str) -> str:
    return "2" if pin == "1" else "1"


def _kept(texts: tuple[Text, ...]) -> tuple[Text, ...]:
    return tuple(text for text in texts if text.text)
