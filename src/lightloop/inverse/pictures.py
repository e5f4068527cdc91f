"""Pictures of a design: its pattern, its fields, its figure over the steps, and its spectrum."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lightloop.inverse.layout import PML_UM, Layout
from lightloop.inverse.optimize import Record
from lightloop.maxwell.pictures import STYLE, draw_field, write_picture
from lightloop.maxwell.simulation import Simulation
from lightloop.maxwell.waves import enter

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = np.ndarray[Any, np.dtype[Any]]
SILICON, REGION, FIGURE_INK, ALARM = "#33415c", "#D55E00", "#0072B2", "#999999"


def write_pattern(path: Path, layout: Layout, polygons: Sequence[Array]) -> Path:
    """The polygons, with the region and the ports."""
    from matplotlib.patches import Polygon, Rectangle

    width, height = layout.size_um
    figure, axes = _axes((5.0, 5.0 * height / width))
    for polygon in polygons:
        axes.add_patch(Polygon(polygon, closed=True, fc=SILICON, ec=SILICON, lw=0.2))
    corner = (layout.margin_um, layout.margin_um)
    axes.add_patch(Rectangle(corner, *layout.task.region_um, fill=False, ec=REGION, lw=1.0, ls="--"))
    axes.set(xlim=(PML_UM, width - PML_UM), ylim=(PML_UM, height - PML_UM), xlabel="x (µm)", ylabel="y (µm)")
    axes.set_aspect("equal")
    return write_picture(figure, path)


def write_field(path: Path, layout: Layout, simulation: Simulation) -> Path:
    """|Ez| of a wave that enters the first port."""
    ports = layout.ports()
    f = np.zeros((*simulation.stencil.shape, 1), dtype=complex)
    enter(simulation.stencil, simulation.line(ports[0]), 1.0, f[..., 0])
    u = simulation.factor.solve(f)[..., 0]
    title = f"{layout.task.name}, {simulation.wavelength_um:g} µm, into {ports[0].name}"
    figure = draw_field(
        u / np.abs(u).max(),
        simulation.dl_um,
        eps_r=simulation.eps_r,
        ports=ports,
        pml_cells=simulation.pml_cells,
        title=title,
        label="|Ez|",
    )
    return write_picture(figure, path)


def write_history(path: Path, history: Sequence[Record]) -> Path:
    """The figure and the violated smallest feature over the steps."""
    figure, axes = _axes((6.0, 3.4))
    steps = [record.step for record in history]
    axes.plot(steps, [max(1.0 - record.figure, 1e-6) for record in history], color=FIGURE_INK, label="1 − figure")
    axes.plot(
        steps, [max(record.violation, 1e-9) for record in history], color=ALARM, label="violated smallest feature"
    )
    axes.set(xlabel="step", yscale="log")
    axes.legend(frameon=False)
    return write_picture(figure, path)


def write_spectrum(path: Path, wavelengths_um: Sequence[float], powers: Mapping[str, Sequence[float]]) -> Path:
    """Powers out of the ports over wavelength."""
    figure, axes = _axes((6.0, 3.4))
    for name, values in powers.items():
        axes.plot(wavelengths_um, values, label=name)
    axes.set(xlabel="wavelength (µm)", ylabel="power out of the port", ylim=(-0.02, 1.02))
    axes.legend(frameon=False)
    return write_picture(figure, path)


def _axes(size: tuple[float, float]) -> tuple[Figure, Any]:
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with rc_context(STYLE):
        figure = Figure(size, layout="constrained")
        FigureCanvasAgg(figure)
        return figure, figure.add_subplot()
