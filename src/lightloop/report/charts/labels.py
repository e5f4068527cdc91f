"""Which points of a crowd get their name written beside them, and on which side.

A browser lays text where it is told, so the choice is made here, on a plot of assumed size. The assumed size is on
the small side: on a wider page the names only move apart.
"""

from __future__ import annotations

from collections.abc import Sequence

PLOT_PX = (620.0, 300.0)
LETTER_PX, LINE_PX, GAP_PX = 6.4, 14.0, 7.0
Box = tuple[float, float, float, float]
SIDES = {
    "top center": (-0.5, 0.0, 1),
    "bottom center": (-0.5, 0.0, -1),
    "middle right": (0.0, 1.0, 0),
    "middle left": (-1.0, -1.0, 0),
    "top right": (0.0, 0.5, 1),
    "bottom right": (0.0, 0.5, -1),
}


def place(
    points: Sequence[tuple[float, float]],
    texts: Sequence[str],
    radii_px: Sequence[float],
    *,
    order: Sequence[str] = tuple(SIDES),
) -> list[str | None]:
    """A side for the text of each point, or None where it would lie on another text.

    Args:
        points: Places as fractions of the plot's width and height, the most important point first.
        texts: One text for each.
        radii_px: Radius of each point's marker.
        order: The sides to try, the most wanted first.
    """
    markers = [_around(point, radius) for point, radius in zip(points, radii_px, strict=True)]
    written: list[Box] = []
    sides: list[str | None] = []
    for i, (point, text) in enumerate(zip(points, texts, strict=True)):
        boxes = {side: _box(point, text, side, radii_px[i]) for side in order}
        others = written + markers[:i] + markers[i + 1 :]
        free = next((side for side, box in boxes.items() if _inside(box) and not _hits(box, others)), None)
        sides.append(free)
        if free is not None:
            written.append(boxes[free])
    return sides


def _box(point: tuple[float, float], text: str, side: str, radius: float) -> Box:
    shift, gap, up = SIDES[side]
    width = LETTER_PX * len(text)
    left = point[0] * PLOT_PX[0] + shift * width + gap * (GAP_PX + radius)
    low = point[1] * PLOT_PX[1] - LINE_PX / 2 + up * (LINE_PX / 2 + GAP_PX + radius)
    return left, low, left + width, low + LINE_PX


def _around(point: tuple[float, float], radius: float) -> Box:
    x, y = point[0] * PLOT_PX[0], point[1] * PLOT_PX[1]
    return x - radius, y - radius, x + radius, y + radius


def _inside(box: Box) -> bool:
    return box[0] >= 0 and box[1] >= 0 and box[2] <= PLOT_PX[0] and box[3] <= PLOT_PX[1]


def _hits(box: Box, others: Sequence[Box]) -> bool:
    return any(box[0] < other[2] and other[0] < box[2] and box[1] < other[3] and other[1] < box[3] for other in others)
