"""The figures of the report as PNG and SVG, drawn without a browser.

The same plain figure that a page shows is read here and drawn with matplotlib: the kinds of trace and the settings
that `report.charts` uses, no more. What would not be drawn is refused by name. The same figure gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from lightloop.errors import InputError
from lightloop.report.drawing.axis import POINT_PER_PX, finish, plane, unclash
from lightloop.report.drawing.bars import draw_bars, drop_what_does_not_fit
from lightloop.report.drawing.decor import legend, notes, shapes
from lightloop.report.drawing.keys import check
from lightloop.report.drawing.rings import draw_rings, height_px
from lightloop.report.drawing.scatter import draw_scatter, spread_texts
from lightloop.report.theme import INK, Figure
from lightloop.runs import write_file

WIDTH_PX, HEIGHT_PX = 1000, 400
PX_PER_INCH = 100
SHARPNESS = 2  # pixels of the PNG for each pixel of the layout
# No date, no version, a fixed salt for the names inside an SVG: the same figure gives the same file.
FORMATS: dict[str, dict[str, Any]] = {
    ".png": {"format": "png", "metadata": {"Software": None}},
    ".svg": {"format": "svg", "metadata": {"Date": None, "Creator": None}},
}
STYLE: Any = {
    "font.family": "DejaVu Sans",  # comes with matplotlib, so that every machine draws the same letters
    "font.size": 12 * POINT_PER_PX,
    "text.parse_math": False,
    "text.color": INK,
    "axes.unicode_minus": True,
    "svg.hashsalt": "lightloop",
    "svg.fonttype": "path",
    "path.simplify": False,
}


def write_image(figure: Figure, path: str | Path, *, width_px: int = WIDTH_PX) -> Path:
    """Draw a figure to a file, whole or not at all.

    Args:
        figure: A plotly figure as a dict, as the functions of `report.charts` return it.
        path: Its suffix chooses the format: `.png` or `.svg`.
        width_px: Width of the layout; a PNG has twice as many pixels. The height is the figure's own.

    Returns:
        The path.

    Raises:
        InputError: The suffix is neither, or something in the figure cannot be drawn.
    """
    path = Path(path)
    if path.suffix.lower() not in FORMATS:
        raise InputError(f"no picture of type {path.suffix!r}: {path}", allowed=FORMATS)
    from matplotlib import rc_context

    options = FORMATS[path.suffix.lower()]
    with rc_context(STYLE):
        drawn = draw(figure, width_px=width_px)
        return write_file(path, lambda temporary: drawn.savefig(temporary, dpi=PX_PER_INCH * SHARPNESS, **options))


def write_images(figures: Mapping[str, Figure], folder: str | Path, suffixes: Iterable[str] = FORMATS) -> list[Path]:
    """Draw each figure to `folder` under its name, once for each suffix. Raises `InputError` as `write_image`."""
    kinds = list(suffixes)
    return [
        write_image(figure, Path(folder) / f"{name}{suffix}") for name, figure in figures.items() for suffix in kinds
    ]


def draw(figure: Figure, *, width_px: int = WIDTH_PX) -> Any:
    """A figure as a `matplotlib.figure.Figure`. Raises `InputError` when something in it cannot be drawn."""
    check(figure)
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Canvas

    traces, layout = list(figure.get("data", [])), figure.get("layout", {})
    rings = next((trace for trace in traces if trace.get("type") == "sunburst"), None)
    height = layout.get("height", HEIGHT_PX)
    if rings:
        height = height_px(rings, height)
    with rc_context(STYLE):
        canvas = Canvas(
            figsize=(width_px / PX_PER_INCH, height / PX_PER_INCH),
            dpi=PX_PER_INCH,
            layout=None if rings else "constrained",
            facecolor="white",
        )
        FigureCanvasAgg(canvas)
        if rings:
            draw_rings(canvas, rings)
        else:
            _plot(canvas, layout, traces)
    return canvas


def _plot(canvas: Any, layout: dict[str, Any], traces: list[dict[str, Any]]) -> None:
    """Everything that has two axes."""
    found = plane(canvas.add_subplot(), layout, traces)
    draw_bars(found, [trace for trace in traces if trace.get("type") == "bar"])
    for trace in traces:
        if trace.get("type", "scatter") != "bar":
            draw_scatter(found, trace)
    shapes(found)
    notes(found)
    finish(found)
    legend(canvas, layout, traces)
    unclash(found, canvas)
    drop_what_does_not_fit(found, canvas)
    spread_texts(found, canvas)
