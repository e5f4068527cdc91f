"""A schematic as plain data: symbols with their pins, wires, dots, labels, texts. Lengths in grid steps, y downward."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Point = tuple[int, int]
Side = Literal["left", "right", "up", "down"]
LabelKind = Literal["flag", "ground", "supply"]


@dataclass(frozen=True)
class Symbol:
    """A symbol in its place.

    Args:
        kind: What is drawn: `nmos`, `pmos`, `npn`, `pnp`, `r`, `c`, `l`, `v`, `i`, `d`, `opamp`, or `box`.
        name: Name of the element.
        x: Centre.
        y: Centre.
        turn: Degrees clockwise, from first pin above second (or gate at the left).
        mirror: Whether left and right are exchanged before the turn; of an op-amp, whether + is above.
        pins: Where each pin is.
        tied: Whether the bulk is drawn joined to the source.
        width: Of a box.
        height: Of a box.
    """

    kind: str
    name: str
    x: int
    y: int
    turn: int = 0
    mirror: bool = False
    pins: Mapping[str, Point] = field(default_factory=dict)
    tied: bool = False
    width: int = 0
    height: int = 0


@dataclass(frozen=True)
class Label:
    """What joins a point to a net by name: a flag, a ground, or a supply bar; it stands on `side` of the point."""

    kind: LabelKind
    net: str
    x: int
    y: int
    side: Side
    text: str = ""


@dataclass(frozen=True)
class Text:
    """A line of text without electrical meaning; `anchor` is "start", "middle" or "end"."""

    text: str
    x: float
    y: float
    anchor: str = "start"
    role: Literal["name", "value", "node", "note", "pin"] = "name"


@dataclass(frozen=True)
class Drawing:
    """A schematic.

    Args:
        symbols: One for each element.
        wires: Straight segments between two points; a point where a segment ends on another joins them, while mere
            crossings do not.
        dots: Points where three or more segments meet.
        labels: Flags, grounds and supply bars.
        texts: Names, values, names of nodes.
        box: Left, top, right, bottom.
    """

    symbols: tuple[Symbol, ...]
    wires: tuple[tuple[Point, Point], ...]
    dots: tuple[Point, ...]
    labels: tuple[Label, ...]
    texts: tuple[Text, ...]
    box: tuple[float, float, float, float]

    def to_dict(self) -> dict[str, Any]:
        """The drawing as plain values for JSON and for `lightloop.report`."""
        return asdict(self)
