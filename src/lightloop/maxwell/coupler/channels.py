"""The channels of an optical dot product, and what a coupler does to them: one simulation for each, on each grid."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal

import numpy as np

from lightloop.errors import InputError
from lightloop.maxwell.checks import checked_length
from lightloop.maxwell.convergence import ratio_of
from lightloop.maxwell.coupler.response import PORTS, CouplerResponse
from lightloop.maxwell.geometry.device import Device
from lightloop.maxwell.memory import workers_that_fit
from lightloop.maxwell.scattering import SMatrix
from lightloop.maxwell.sweeps.plan import Build, Constant, Point, refuse_early
from lightloop.maxwell.sweeps.result import WAVELENGTH
from lightloop.parallel import cores, run_jobs

Array = np.ndarray[Any, np.dtype[Any]]
CHANNELS, SPACING_NM, CENTER_UM = 12, 0.4, 1.55

DeviceAt = Callable[[float], Device]
Progress = Callable[[int, int], Any]


def response(
    device: Device | DeviceAt,
    wavelengths_um: Sequence[float] | Array | None = None,
    dl_um: Sequence[float] = (0.05, 0.025),
    polarization: Literal["Ez", "Hz"] = "Hz",
    *,
    solver: str = "auto",
    workers: int | None = 1,
    cluster: str | None = None,
    on_progress: Progress | None = None,
) -> CouplerResponse:
    """The response of a coupler, by one factorisation for each wavelength and grid.

    Args:
        device: With the ports `PORTS`; or a function of the vacuum wavelength in um that gives it, such as
            `functools.partial(InFilm(DEVICES["coupler"]), gap_um=0.1)`. It is sent to other processes.
        wavelengths_um: `comb_um()` if None.
        dl_um: Two or three sides of cells, from coarse to fine and of one ratio.
        polarization: "Ez" or "Hz".
        solver: As `Simulation` takes it.
        workers: Processes; as many as there are cores, and memory for, if None.
        cluster: Address of a Dask scheduler, instead.
        on_progress: Called with (simulations done, in all).

    Raises:
        InputError: A value cannot be used, or the device has other ports.
        MissingProgramError: `cluster` is given and Dask is not installed.
    """
    channels = channels_of(wavelengths_um)
    steps = tuple(checked_length("dl_um", one, example=0.05) for one in dl_um)
    ratio_of(steps)
    settings = {"polarization": polarization, "solver": solver}
    points = [Point(_at(device, um), {WAVELENGTH: um}, (step,), settings) for step in steps for um in channels.tolist()]
    needed = max(map(_refuse_early, (points[-len(channels)], points[-1])))
    found = run_jobs(
        _smatrix,
        points,
        workers=workers if cluster else workers_that_fit(workers or cores(), needed),
        cluster=cluster,
        on_done=(lambda done: on_progress(done, len(points))) if on_progress else None,
    )
    grids = [found[start : start + len(channels)] for start in range(0, len(found), len(channels))]
    return CouplerResponse.of(grids, steps)


def comb_um(channels: int = CHANNELS, spacing_nm: float = SPACING_NM, center_um: float = CENTER_UM) -> Array:
    """Vacuum wavelengths of the channels, ascending, shape (channels,); an even comb leaves its centre out."""
    if channels != int(channels) or channels < 1:
        raise InputError(f"channels={channels} cannot be used", allowed=["a whole number >= 1"])
    slot = np.arange(channels) - channels // 2
    slot = slot + (slot >= 0) * (channels % 2 == 0)
    return np.asarray(center_um + 1e-3 * checked_length("spacing_nm", spacing_nm, example=SPACING_NM) * slot)


def channels_of(wavelengths_um: Sequence[float] | Array | None) -> Array:
    """`comb_um()` if None. Raises `InputError` for none at all, or one that is no length."""
    if wavelengths_um is None:
        return comb_um()
    channels = [checked_length("wavelengths_um", one, example=1.55) for one in np.ravel(wavelengths_um)]
    if not channels:
        raise InputError("there are no wavelengths", hint="comb_um() gives the 12 channels of the dot product")
    return np.array(channels)


def _at(device: Device | DeviceAt, wavelength_um: float) -> Build:
    """What builds the device at a wavelength."""
    return Constant(device) if isinstance(device, Device) else partial(device, wavelength_um)


def _smatrix(point: Point) -> SMatrix:
    device, simulation = point.on_grid(*point.dl_um)
    by_name = {port.name: port for port in device.ports}
    return simulation.smatrix([by_name[name] for name in PORTS])


def _refuse_early(point: Point) -> int:
    """Before any long work. Returns the bytes that the simulation takes."""
    names = [port.name for port in point.device().ports]
    if sorted(names) != sorted(PORTS):
        raise InputError(
            f"the device has the ports {', '.join(names)}",
            allowed=[f"{', '.join(PORTS)}: a coupler of two guides, out0 straight behind in0"],
        )
    return refuse_early(point)
