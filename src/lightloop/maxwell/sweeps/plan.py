"""The points of a sweep, each one device at one wavelength, and what is known at once to be wrong with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from inspect import signature
from itertools import product
from math import prod
from typing import Any, Protocol

import numpy as np

from lightloop.errors import InputError
from lightloop.maxwell.checks import checked_length
from lightloop.maxwell.convergence import ratio_of
from lightloop.maxwell.memory import grid_bytes
from lightloop.maxwell.ports import Port, refuse_ports
from lightloop.maxwell.scattering import SMatrix
from lightloop.maxwell.simulation import Simulation
from lightloop.maxwell.sweeps.result import WAVELENGTH, refuse_other_ports

MAX_POINTS = 1_000_000


class Scatterer(Protocol):
    """What a sweep needs of a device: its ports, and itself on a grid."""

    @property
    def ports(self) -> tuple[Port, ...]:
        """Between which it scatters."""

    def simulation(self, **settings: Any) -> Simulation:
        """The device on a grid, at one wavelength."""


Build = Callable[..., Scatterer]


@dataclass(frozen=True)
class Constant:
    """A build that gives the same device always."""

    device: Scatterer

    def __call__(self) -> Scatterer:
        """The device."""
        return self.device


@dataclass(frozen=True)
class Point:
    """One device at one wavelength, with all that a worker needs."""

    build: Build
    parameters: Mapping[str, float]
    dl_um: tuple[float, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)

    def device(self) -> Scatterer:
        """The device."""
        return self.build(**{name: value for name, value in self.parameters.items() if name != WAVELENGTH})

    def on_grid(self, dl_um: float) -> tuple[Scatterer, Simulation]:
        """The device, and itself on a grid."""
        device = self.device()
        return device, device.simulation(dl_um=dl_um, wavelength_um=self.parameters[WAVELENGTH], **self.settings)

    def smatrix(self, dl_um: float) -> SMatrix:
        """Scattering on a grid."""
        device, simulation = self.on_grid(dl_um)
        return simulation.smatrix(device.ports)


@dataclass(frozen=True)
class Plan:
    """All points of a sweep, found to be possible as far as that is known without solving.

    Attributes:
        axes: Values of each parameter, and last of `wavelength_um`.
        points: One for each combination, the last axis fastest.
        needed_bytes: Memory for one of them.
    """

    axes: dict[str, list[float]]
    points: tuple[Point, ...]
    needed_bytes: int


def planned(
    device: Scatterer | Build,
    wavelength_um: float | Sequence[float] = 1.55,
    vary: Mapping[str, Sequence[float]] | None = None,
    *,
    dl_um: float | Sequence[float] = 0.05,
    polarization: str = "Ez",
    solver: str = "auto",
) -> Plan:
    """The points of a sweep. Arguments and errors as of `sweeps.sweep`."""
    axes = _axes(vary or {}, wavelength_um)
    build = _build(device, list(vary or {}))
    steps = tuple(checked_length("dl_um", one, example=0.05) for one in np.ravel(dl_um))
    if len(steps) > 1:
        ratio_of(steps)
    settings = {"polarization": polarization, "solver": solver}
    points = tuple(
        Point(build, dict(zip(axes, values, strict=True)), steps, settings) for values in product(*axes.values())
    )
    ends = (points[0], points[-1]) if len(points) > 1 else points
    needed_bytes = max(map(refuse_early, ends))
    refuse_other_ports([[port.name for port in one.device().ports] for one in ends])
    return Plan(axes, points, needed_bytes)


def refuse_early(point: Point) -> int:
    """Build a device on its finest grid and look for its ports' modes, before any long work.

    Returns:
        Bytes that its solution takes.

    Raises:
        InputError: What cannot be simulated.
    """
    device, simulation = point.on_grid(min(point.dl_um))
    refuse_ports(device.ports)
    for port in device.ports:
        simulation.line(port)
    nx, ny = simulation.eps_r.shape
    return grid_bytes(nx, ny, len(device.ports), simulation.solver)


def _build(device: Scatterer | Build, varied: list[str]) -> Build:
    if not hasattr(device, "simulation") or isinstance(device, type):
        _refuse_parameters(device, varied)
        return device  # type: ignore[return-value]
    if varied:
        raise InputError(
            f"{', '.join(varied)} cannot be varied: the device is one of fixed shape",
            hint="give a function of these parameters that returns a device",
        )
    return Constant(device)  # type: ignore[arg-type]


def _refuse_parameters(build: Any, varied: list[str]) -> None:
    if not callable(build):
        raise InputError(f"{build!r} is no device", allowed=["a device", "a function of parameters that returns one"])
    try:
        signature(build).bind(**dict.fromkeys(varied))
    except TypeError as error:
        raise InputError(f"the device cannot be built of {', '.join(varied) or 'no parameters'}: {error}") from None


def _axes(vary: Mapping[str, Sequence[float]], wavelength_um: float | Sequence[float]) -> dict[str, list[float]]:
    if WAVELENGTH in vary:
        raise InputError(f"{WAVELENGTH} is no parameter of a device", hint=f"give {WAVELENGTH} its values itself")
    axes = {name: [float(value) for value in np.ravel(values)] for name, values in vary.items()}
    axes[WAVELENGTH] = [checked_length(WAVELENGTH, value, example=1.55) for value in np.ravel(wavelength_um)]
    for name, values in axes.items():
        if not values or not np.isfinite(values).all() or len(set(values)) < len(values):
            raise InputError(f"{name} over {values} cannot be swept", allowed=["finite numbers, each once"])
    count = prod(map(len, axes.values()))
    if count > MAX_POINTS:
        raise InputError(f"a sweep of {count:,} points", allowed=[f"up to {MAX_POINTS:,}"], hint="take fewer values")
    return axes
