"""A design from its task to a folder: found, drawn, written, read back, and simulated again.

The folder holds `run.toml`, `result.json`, `history.json`, `checkpoint.npz`, `design.npz` (the field whose level of one
half is the border, on its raster), `design.gds`, `pattern.png`, `field*.png`, `history.png`, `spectrum.png`, and
`design.gif`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lightloop.inverse.animation import FRAME_EVERY
from lightloop.inverse.checkpoint import Progress, read_progress, write_progress
from lightloop.inverse.corners import CORNERS
from lightloop.inverse.evaluate import Score, evaluated, score_of
from lightloop.inverse.export import read_solid, write_solid
from lightloop.inverse.measure import features_of_polygons
from lightloop.inverse.optimize import Record, optimized, steps_of
from lightloop.inverse.options import DesignOptions
from lightloop.inverse.outline import Outline
from lightloop.inverse.parametrization import REFINEMENT, cells, raster, sharp_cells
from lightloop.inverse.problem import Problem, problem_of
from lightloop.inverse.projection import binarisation
from lightloop.inverse.result import DesignResult
from lightloop.inverse.schedule import STAGES
from lightloop.inverse.show import show
from lightloop.inverse.tasks import task_named
from lightloop.runs import RunFolder, write_arrays, write_json

if TYPE_CHECKING:
    from torch import Tensor

    from lightloop.inverse.adam import State

Array = np.ndarray[Any, np.dtype[Any]]
Report = Callable[[str, int, int], None]
# Steps between two states on disk.
SAVED_EVERY = 10


def design(
    task_name: str,
    out: str | Path,
    options: DesignOptions | None = None,
    *,
    resume: bool = False,
    report: Report = lambda stage, done, total: None,
) -> DesignResult:
    """Find a device and check it.

    Args:
        task_name: One of `lightloop.inverse.tasks.TASKS`.
        out: Folder of the run.
        options: What is asked for.
        resume: Go on in a folder that holds a part of this run.
        report: Told of each stage how many of its steps are done.

    Raises:
        InputError: The task or an option cannot be used, or the folder holds another run.
    """
    options = options or DesignOptions()
    problem = problem_of(task_named(task_name), options)
    folder = RunFolder.open(out, {"task": task_name, **asdict(options)}, resume=resume)
    progress = _optimized(problem, folder, report)
    began = time.process_time()
    drawn = _drawn(problem, folder, progress.state)
    result = _checked(problem, folder, progress, drawn, report)
    show(problem, folder.path, progress, read_solid(folder / "design.gds"), report)
    seconds = progress.seconds + time.process_time() - began
    result = DesignResult(**{**vars(result), "seconds": seconds})
    write_json(folder / "result.json", result.to_dict())
    return result


def _optimized(problem: Problem, folder: RunFolder, report: Report) -> Progress:
    """The state at the end, kept on disk on the way."""
    held = read_progress(folder.path)
    history, frames = (held.history, held.frames) if held else ([], [])
    began, before = time.process_time(), held.seconds if held else 0.0

    def progress(state: State) -> Progress:
        return Progress(state, history, frames, before + time.process_time() - began)

    def on_step(state: State, record: Record) -> None:
        history.append(record)
        if record.step % FRAME_EVERY == 0:
            frames.append(_frame(problem, state, record.beta))
        if record.step % SAVED_EVERY == 0:
            write_progress(folder.path, progress(state))
        report("design", record.step, max(record.step, steps_of(problem)))

    state = optimized(problem, held.state if held else None, on_step)
    write_progress(folder.path, progress(state))
    write_json(folder / "history.json", [record._asdict() for record in history])
    return progress(state)


def _frame(problem: Problem, state: State, beta: float) -> Array:
    rho = cells(raster(problem.way, state.parameters, beta)).numpy()
    return np.round(255.0 * rho).astype(np.uint8)


def _drawn(problem: Problem, folder: RunFolder, state: State) -> Outline:
    """The pattern as polygons, in the files of the folder."""
    found = problem.finished(state.parameters)
    write_solid(folder / "design.gds", problem.layout, found.solid, problem.options)
    field, step_um = problem.way.border(state.parameters).numpy(), problem.options.dl_um / REFINEMENT
    arrays = {"field": field, "parameters": state.parameters.numpy(), "step_um": np.array(step_um)}
    write_arrays(folder / "design.npz", arrays)
    return found


def _checked(problem: Problem, folder: RunFolder, progress: Progress, drawn: Outline, report: Report) -> DesignResult:
    """Everything that is said of the design, from the file on."""
    layout, options, parameters = problem.layout, problem.options, progress.state.parameters
    solid = read_solid(folder / "design.gds")
    last = raster(problem.way, parameters, STAGES[-1].beta)
    corners: dict[str, Score] = {}
    for number, (name, corner) in enumerate(CORNERS.items(), 1):
        corners[name] = evaluated(layout, options, solid, options.dl_um, corner)
        report("corners", number, len(CORNERS))
    return DesignResult(
        task=layout.task.name,
        options=options,
        steps=progress.state.step,
        projected=_score(problem, cells(last)),
        binarisation=binarisation(last),
        binarised=_score(problem, sharp_cells(problem.way, parameters)),
        reimported=evaluated(layout, options, solid, options.dl_um),
        finer=evaluated(layout, options, solid, 0.5 * options.dl_um),
        corners=corners,
        features=features_of_polygons(layout, solid),
        polygons=len(drawn.solid),
        dropped=drawn.dropped,
        seconds=0.0,
    )


def _score(problem: Problem, rho: Tensor) -> Score:
    return score_of(problem.layout, problem.scatterings(rho).numpy())
