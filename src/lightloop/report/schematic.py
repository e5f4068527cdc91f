"""A schematic as SVG, from plain data: one picture that fits light and dark pages, paper and screens."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any

from lightloop.errors import unknown_name
from lightloop.report.schematic_symbols import SYMBOLS, path
from lightloop.report.theme import FONT

Values = Mapping[str, Any]
STEP_PX = 10  # of the drawing grid
NAME_PX, VALUE_PX = 10.5, 9.5
SIZES = {"name": 1.05, "value": 0.95, "node": 0.9, "note": 0.9, "pin": 0.85}
LABEL_EM = 0.64
# Colours follow the page: ink of the text around the picture, accents that hold on light and dark ground.
STYLE = (
    ".sch{color:var(--ink,#1d2733)}"
    ".sch .s{fill:none;stroke:currentColor;stroke-width:.16;stroke-linecap:round;stroke-linejoin:round}"
    ".sch .thick{stroke-width:.26}.sch .f{fill:currentColor;stroke:none}"
    ".sch .body{fill:var(--wash,#f5f7fa)}"
    ".sch .w{fill:none;stroke:var(--wire,#0b6aa8);stroke-width:.16;stroke-linecap:round}"
    ".sch .dot{fill:var(--wire,#0b6aa8)}"
    ".sch .flag{fill:var(--flag,#e8f1f8);stroke:var(--wire,#0b6aa8);stroke-width:.12;stroke-linejoin:round}"
    ".sch .rail{fill:none;stroke:var(--wire,#0b6aa8);stroke-width:.2;stroke-linecap:round}"
    f".sch text{{font-family:{FONT.replace(chr(39), '')};fill:currentColor}}"
    ".sch .t-value,.sch .t-note,.sch .t-pin{fill:var(--quiet,#66717e)}"
    ".sch .t-node{fill:var(--wire,#0b6aa8)}.sch .t-name{font-weight:600}"
)


def schematic_svg(drawing: Values, title: str, *, standalone: bool = False) -> str:
    """A drawing as an SVG element.

    Args:
        drawing: As `lightloop.analog.schematic.Drawing.to_dict()`.
        title: What a reader who cannot see the picture is told. All text is escaped.
        standalone: Whether it is a file of its own: with a white ground.

    Raises:
        InputError: A kind of symbol is not known.
    """
    left, top, right, bottom = drawing["box"]
    width, height = right - left, bottom - top
    parts = (
        [f'<rect x="{left:g}" y="{top:g}" width="{width:g}" height="{height:g}" fill="#fff"/>'] if standalone else []
    )
    parts += [path(f"M{a[0]} {a[1]}L{b[0]} {b[1]}", "w") for a, b in drawing["wires"]]
    parts += [_symbol(item) for item in drawing["symbols"]]
    parts += [f'<circle class="dot" cx="{x}" cy="{y}" r=".32"/>' for x, y in drawing["dots"]]
    parts += [LABELS[item["kind"]](item) for item in drawing["labels"]]
    parts += [_text(item) for item in drawing["texts"]]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="sch" role="img" aria-label="{html.escape(title)}" '
        f'viewBox="{left:g} {top:g} {width:g} {height:g}" width="{width * STEP_PX:g}" height="{height * STEP_PX:g}">'
        f"<title>{html.escape(title)}</title><style>{STYLE}</style>{''.join(parts)}</svg>"
    )


def _symbol(item: Values) -> str:
    if item["kind"] not in SYMBOLS:
        raise unknown_name("symbol", item["kind"], SYMBOLS)
    strokes = "".join(SYMBOLS[item["kind"]](item))
    moves = f"translate({item['x']} {item['y']})"
    moves += f" rotate({item['turn']})" if item["turn"] else ""
    moves += " scale(-1 1)" if item["mirror"] and item["kind"] != "opamp" else ""
    return f'<g transform="{moves}">{strokes}</g>'


def _text(item: Values) -> str:
    size = SIZES[item["role"]]
    return (
        f'<text class="t-{item["role"]}" x="{item["x"]:g}" y="{item["y"]:g}" font-size="{size:g}" '
        f'text-anchor="{item["anchor"]}">{html.escape(item["text"])}</text>'
    )


def _ground(item: Values) -> str:
    turn = {"down": 0, "left": 90, "up": 180, "right": 270}[item["side"]]
    bars = path("M0 0V.9M-1 .9H1M-.62 1.35H.62M-.25 1.8H.25", "rail")
    return f'<g transform="translate({item["x"]} {item["y"]}) rotate({turn})">{bars}</g>'


def _supply(item: Values) -> str:
    turn = {"up": 0, "right": 90, "down": 180, "left": 270}[item["side"]]
    bar = f'<g transform="translate({item["x"]} {item["y"]}) rotate({turn})">{path("M0 0V-.9M-1-.9H1", "rail")}</g>'
    dx, dy, anchor = {
        "up": (0, -1.3, "middle"),
        "down": (0, 2.1, "middle"),
        "left": (-1.2, 0.35, "end"),
        "right": (1.2, 0.35, "start"),
    }[item["side"]]
    text = _text({"role": "name", "x": item["x"] + dx, "y": item["y"] + dy, "anchor": anchor, "text": item["text"]})
    return bar + text


def _flag(item: Values) -> str:
    """A tag whose point touches the wire; above and below a wire it is a plain tag on a short line."""
    x, y, length = item["x"], item["y"], LABEL_EM * len(item["text"]) + 0.7
    if item["side"] in ("left", "right"):
        sign = -1 if item["side"] == "left" else 1
        shape = f"M{x} {y}l{0.6 * sign:g}-.8h{sign * length:g}v1.6h{-sign * length:g}z"
        text_x, text_y = x + sign * (0.6 + length / 2 - 0.1), y + 0.37
    else:
        sign = -1 if item["side"] == "up" else 1
        tag = f"H{x + length / 2:g}v{1.5 * sign:g}H{x - length / 2:g}v{-1.5 * sign:g}H{x - 0.5:g}z"
        shape = f"M{x} {y}l.5 {0.4 * sign:g}{tag}"
        text_x, text_y = x, y + sign * 1.15 + 0.37
    text = _text({"role": "name", "x": text_x, "y": text_y, "anchor": "middle", "text": item["text"]})
    return f'<path class="flag" d="{shape}"/>{text}'


LABELS = {"ground": _ground, "supply": _supply, "flag": _flag}
