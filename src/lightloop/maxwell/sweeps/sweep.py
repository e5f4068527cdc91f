"""Scattering over wavelengths and geometry: independent points, in parallel, each kept as soon as it is there.

In a folder every finished point is a file of its own, so that a killed sweep goes on with the points that are missing
and ends with the same table.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lightloop.errors import InputError
from lightloop.maxwell.checks import GAIN
from lightloop.maxwell.convergence import converge
from lightloop.maxwell.memory import workers_that_fit
from lightloop.maxwell.sweeps.plan import Build, Plan, Point, Scatterer, planned
from lightloop.maxwell.sweeps.points import Points
from lightloop.maxwell.sweeps.result import SweepResult
from lightloop.parallel import cores, run_jobs

Progress = Callable[[int, int], Any]


def sweep(
    device: Scatterer | Build,
    wavelength_um: float | Sequence[float] = 1.55,
    vary: Mapping[str, Sequence[float]] | None = None,
    *,
    dl_um: float | Sequence[float] = 0.05,
    polarization: str = "Ez",
    solver: str = "auto",
    folder: str | Path | None = None,
    workers: int | None = None,
    cluster: str | None = None,
    on_progress: Progress | None = None,
) -> SweepResult:
    """The S-matrix at every combination of parameters and wavelengths.

    Args:
        device: A device; or, to vary its geometry, a function of its parameters that returns one. It is sent to other
            processes.
        wavelength_um: One or several, in vacuum.
        vary: Values of each parameter that `device` is called with.
        dl_um: Side of a cell; or two or three, from coarse to fine and of one ratio: the result is that of the finest
            grid, and what the grids make of an infinitely fine one.
        polarization: "Ez" or "Hz".
        solver: As `Simulation` takes it.
        folder: Where finished points are kept until all are there; what it holds already is not simulated again, so
            that it must be of the same sweep.
        workers: Processes on this machine; as many as there are cores, and memory for, if None.
        cluster: Address of a Dask scheduler, instead.
        on_progress: Called with (points done, points in all).

    Raises:
        InputError: A value cannot be used, or the devices do not have the same ports.
        MissingProgramError: `cluster` is given and Dask is not installed.
    """
    plan = planned(device, wavelength_um, vary, dl_um=dl_um, polarization=polarization, solver=solver)
    return swept(plan, folder=folder, workers=workers, cluster=cluster, on_progress=on_progress)


def swept(
    plan: Plan,
    *,
    folder: str | Path | None = None,
    workers: int | None = None,
    cluster: str | None = None,
    on_progress: Progress | None = None,
) -> SweepResult:
    """The S-matrix at every point of a plan. Arguments and errors as of `sweep`."""
    count = len(plan.points)
    keep = Points(folder, count)
    missing = keep.missing()

    def ended(place: int, found: dict[str, Any]) -> None:
        keep.write(missing[place], found)
        if on_progress:
            on_progress(count - len(missing) + place + 1, count)

    if on_progress:
        on_progress(count - len(missing), count)
    if not cluster:
        workers = workers_that_fit(workers or cores(), plan.needed_bytes)
    jobs = [plan.points[number] for number in missing]
    run_jobs(scattered, jobs, workers=workers, cluster=cluster, on_answer=ended)
    return SweepResult.of_points(plan.axes, keep.read())


def scattered(point: Point) -> dict[str, Any]:
    """One point's S-matrix with all that it says of itself, as JSON takes it.

    Raises:
        InputError: It cannot be simulated; the message says which point it is.
    """
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", re.escape(GAIN))  # told once, before the work
            return _scattered(point)
    except InputError as error:
        place = ", ".join(f"{name}={value:g}" for name, value in point.parameters.items())
        raise InputError(f"at {place}: {error.message}", allowed=error.allowed, hint=error.hint) from None


def _scattered(point: Point) -> dict[str, Any]:
    if len(point.dl_um) == 1:
        return point.smatrix(point.dl_um[0]).to_dict()
    found = converge(point.smatrix, point.dl_um)
    estimate = {"extrapolated": found.power.value.tolist(), "error_bar": found.power.error.tolist()}
    return found.grids[-1].to_dict() | estimate
