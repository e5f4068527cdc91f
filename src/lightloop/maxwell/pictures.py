"""Pictures of fields: their magnitude, the outline of the device, its ports and absorbing layers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lightloop.maxwell.ports import Port
from lightloop.runs import write_file

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = np.ndarray[Any, np.dtype[Any]]
WIDTH_INCH, TALLEST = 9.0, 1.2
# Of the width: the picture without its labels and colours; of the height: what the labels take.
PICTURE, LABELS_INCH = 0.85, 0.7
DPI = 150
# No version in the file: the same field gives the same bytes.
METADATA = {"Software": None}
STYLE: Any = {"font.family": "DejaVu Sans", "font.size": 9, "axes.titlesize": 10}
LINE = "#ffffff"


def draw_field(
    u: Array,
    dl_um: float,
    *,
    eps_r: Array | None = None,
    ports: Sequence[Port] = (),
    pml_cells: tuple[int, int] = (0, 0),
    title: str = "",
    label: str = "|field|",
) -> Figure:
    """The magnitude of a field.

    Args:
        u: Shape (nx, ny).
        dl_um: Side of a cell.
        eps_r: Relative permittivity of the cells, whose outline is drawn, shape (nx, ny).
        ports: Drawn as lines with their names.
        pml_cells: Thickness of the absorbing layers of x and of y, which are marked.
        title: Above the picture.
        label: Of the colours.
    """
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    nx, ny = u.shape
    extent = (0.0, nx * dl_um, 0.0, ny * dl_um)
    with rc_context(STYLE):
        size = (WIDTH_INCH, min(ny / nx, TALLEST) * PICTURE * WIDTH_INCH + LABELS_INCH)
        figure = Figure(size, layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.add_subplot()
        image = axes.imshow(np.abs(u).T, origin="lower", extent=extent, cmap="magma", interpolation="bilinear", vmin=0)
        _outline(axes, eps_r, extent)
        _layers(axes, pml_cells, dl_um, extent)
        for port in ports:
            _port(axes, port)
        axes.set(xlabel="x (µm)", ylabel="y (µm)", title=title)
        figure.colorbar(image, cax=axes.inset_axes((1.015, 0.0, 0.02, 1.0)), label=label)
    return figure


def write_picture(figure: Figure, path: str | Path) -> Path:
    """A picture as PNG, whole or not at all."""
    from matplotlib import rc_context

    with rc_context(STYLE):
        return write_file(path, lambda temporary: figure.savefig(temporary, format="png", dpi=DPI, metadata=METADATA))


def _outline(axes: Any, eps_r: Array | None, extent: tuple[float, float, float, float]) -> None:
    if eps_r is None or np.ptp(np.real(eps_r)) == 0:
        return
    values = np.real(eps_r)
    middle = 0.5 * (values.min() + values.max())
    axes.contour(values.T, levels=[middle], extent=extent, colors=LINE, linewidths=0.6, alpha=0.8)


def _layers(axes: Any, pml_cells: tuple[int, int], dl_um: float, extent: tuple[float, float, float, float]) -> None:
    """A dotted frame where the absorbing layers begin."""
    from matplotlib.patches import Rectangle

    x, y = (cells * dl_um for cells in pml_cells)
    if x or y:
        frame = Rectangle((x, y), extent[1] - 2 * x, extent[3] - 2 * y, fill=False, ls=":", lw=0.7, ec=LINE, alpha=0.6)
        axes.add_patch(frame)


def _port(axes: Any, port: Port) -> None:
    """A line across the guide, with the port's name."""
    low, high = port.center_um - 0.5 * port.span_um, port.center_um + 0.5 * port.span_um
    along, across = [port.position_um] * 2, [low, high]
    x, y = (along, across) if port.axis == "x" else (across, along)
    axes.plot(x, y, color="#56B4E9", linewidth=1.0)
    corner = (x[1], y[1])
    axes.annotate(
        port.name, corner, color="#56B4E9", fontsize=8, textcoords="offset points", xytext=(2, 2), annotation_clip=True
    )
