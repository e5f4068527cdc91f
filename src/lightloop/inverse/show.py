"""All pictures of a finished design."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lightloop.inverse.animation import FRAME_EVERY, write_animation
from lightloop.inverse.checkpoint import Progress
from lightloop.inverse.corners import Corner
from lightloop.inverse.evaluate import simulations
from lightloop.inverse.pictures import write_field, write_history, write_pattern, write_spectrum
from lightloop.inverse.problem import Problem

Array = np.ndarray[Any, np.dtype[Any]]
# The spectrum: so far beyond the task's wavelengths on both sides, at so many.
BEYOND_UM, SAMPLES = 0.04, 17


def show(
    problem: Problem,
    folder: Path,
    progress: Progress,
    solid: Sequence[Array],
    report: Callable[[str, int, int], None],
) -> None:
    """Write them to the folder."""
    layout, options, wavelengths_um = problem.layout, problem.options, problem.task.wavelengths_um
    write_pattern(folder / "pattern.png", layout, solid)
    write_history(folder / "history.png", progress.history)
    found = simulations(layout, options, solid, options.dl_um)
    for simulation, wavelength_um in zip(found, wavelengths_um, strict=True):
        name = "field.png" if len(found) == 1 else f"field_{1e3 * wavelength_um:.0f}nm.png"
        write_field(folder / name, layout, simulation)
    asked = np.linspace(min(wavelengths_um) - BEYOND_UM, max(wavelengths_um) + BEYOND_UM, SAMPLES)
    powers = []
    for number, wavelength_um in enumerate(asked, 1):
        powers.append(_powers(problem, solid, wavelength_um - wavelengths_um[0]))
        report("spectrum", number, SAMPLES)
    named = {port.name: [float(row[place]) for row in powers] for place, port in enumerate(layout.ports())}
    write_spectrum(folder / "spectrum.png", asked.tolist(), named)
    if not options.still and progress.frames:
        shown = progress.history[FRAME_EVERY - 1 :: FRAME_EVERY]
        captions = [f"step {record.step}   figure {record.figure:.3f}" for record in shown]
        write_animation(folder / "design.gif", progress.frames, captions)


def _powers(problem: Problem, solid: Sequence[Array], shift_um: float) -> Array:
    """|S|² from the first port to each, at the task's first wavelength plus a shift."""
    corner = Corner(wavelength_um=shift_um)
    first, *_ = simulations(problem.layout, problem.options, solid, problem.options.dl_um, corner)
    return np.abs(first.smatrix(problem.layout.ports()).values[:, 0]) ** 2
