"""The strokes of schematic symbols, around (0, 0), in grid steps: gate or first pin at the left or above."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Strokes = list[str]  # SVG elements


def path(data: str, kind: str = "") -> str:
    """A stroked path; `fill` for a filled one."""
    return f'<path class="{kind or "s"}" d="{data}"/>'


def _mos(symbol: Mapping[str, Any], p_channel: bool) -> Strokes:
    """Channel at x = -1, gate plate at -1.6; the arrow at the source shows the direction of the current."""
    strokes = [path("M-3 0H-1.6M-1.6-1.5V1.5"), path("M-1-1.9V1.9", "s thick")]
    strokes.append(path("M-1-1.4H0V-3M-1 1.4H0V3"))
    source_y = -1.4 if p_channel else 1.4
    strokes.append(_arrow(-0.25, source_y, -1) if p_channel else _arrow(-0.05, source_y, 1))
    if symbol["tied"]:
        strokes.append(path(f"M-1 0H0V{source_y}"))
    else:
        strokes.append(path("M-1 0H1"))
    if p_channel:
        strokes[-1] += ""
    return strokes


def _arrow(x: float, y: float, sign: int) -> str:
    """A small filled arrow head whose tip is at (x, y), to the right for sign 1."""
    if sign > 0:
        return path(f"M{x} {y}l-.75-.42v.84z", "f")
    return path(f"M{x - 0.7} {y}l.75-.42v.84z", "f")


def _bipolar(symbol: Mapping[str, Any], p_type: bool) -> Strokes:
    strokes = [path("M-3 0H-1.2"), path("M-1.2-1.5V1.5", "s thick"), path("M-1.2-.6L0-1.7V-3M-1.2.6L0 1.7V3")]
    strokes.append(path("M-.95-.83l.85-.25-.42-.72z" if p_type else "M-.1 1.62l-.85-.25.42-.72z", "f"))
    return strokes


def _resistor(symbol: Mapping[str, Any]) -> Strokes:
    return [path("M0-3V-1.8L.8-1.5L-.8-.9L.8-.3L-.8.3L.8.9L-.8 1.5L0 1.8V3")]


def _capacitor(symbol: Mapping[str, Any]) -> Strokes:
    return [path("M0-3V-.35M0 .35V3"), path("M-1.2-.35H1.2M-1.2.35H1.2", "s thick")]


def _inductor(symbol: Mapping[str, Any]) -> Strokes:
    turns = "".join("a.5.5 0 0 1 0 1" for _ in range(4))
    return [path(f"M0-3V-2{turns}V3")]


def _voltage(symbol: Mapping[str, Any]) -> Strokes:
    plus = "M0-1.15V-.35M-.4-.75H.4M-.4.8H.4"
    return ['<circle class="s" r="1.5"/>', path("M0-3V-1.5M0 1.5V3"), path(plus)]


def _current(symbol: Mapping[str, Any]) -> Strokes:
    return ['<circle class="s" r="1.5"/>', path("M0-3V-1.5M0 1.5V3M0-.95V.4"), path("M0 1l-.45-.85h.9z", "f")]


def _diode(symbol: Mapping[str, Any]) -> Strokes:
    return [path("M0-3V-.9M0 .8V3"), path("M-.9-.9H.9L0 .8z", "s body"), path("M-.9.8H.9", "s thick")]


def _opamp(symbol: Mapping[str, Any]) -> Strokes:
    """The sign of the upper input depends on the mirror."""
    plus, minus = (-1, 1) if symbol["mirror"] else (1, -1)
    strokes = [path("M-3-4V4L3 0z", "s body"), path("M-4-2H-3M-4 2H-3M3 0H4")]
    strokes.append(path(f"M-2.6 {2 * plus}H-1.6M-2.1 {2 * plus - 0.5}V{2 * plus + 0.5}"))
    strokes.append(path(f"M-2.6 {2 * minus}H-1.6"))
    return strokes


def _box(symbol: Mapping[str, Any]) -> Strokes:
    half_w, half_h = symbol["width"] / 2, symbol["height"] / 2
    strokes = [f'<rect class="s body" x="{-half_w:g}" y="{-half_h:g}" width="{2 * half_w:g}" height="{2 * half_h:g}"/>']
    for x, y in symbol["pins"].values():
        dx, dy = x - symbol["x"], y - symbol["y"]
        if abs(dx) > half_w:
            strokes.append(path(f"M{dx:g} {dy:g}H{half_w if dx > 0 else -half_w:g}"))
        elif abs(dy) > half_h:
            strokes.append(path(f"M{dx:g} {dy:g}V{half_h if dy > 0 else -half_h:g}"))
    return strokes


SYMBOLS: dict[str, Callable[[Mapping[str, Any]], Strokes]] = {
    "nmos": lambda symbol: _mos(symbol, False),
    "pmos": lambda symbol: _mos(symbol, True),
    "npn": lambda symbol: _bipolar(symbol, False),
    "pnp": lambda symbol: _bipolar(symbol, True),
    "r": _resistor,
    "c": _capacitor,
    "l": _inductor,
    "v": _voltage,
    "i": _current,
    "d": _diode,
    "opamp": _opamp,
    "box": _box,
}
