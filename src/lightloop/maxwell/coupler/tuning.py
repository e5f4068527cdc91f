"""A coupler's lengths, found so that it divides the light as wanted on an infinitely fine grid.

The adjoint gives the mean κ of the channels on a coarse grid with its gradient (needs torch). Newton's steps along it,
the shortest that do, find parameters for a target. The coarse grid is some per cent off, but by nearly the same for
couplers that are nearly the same. So the target is moved by what `response` finds between this grid and the
extrapolated κ, and the search goes on until the latter is right:

    κ_coarse(p) = target + (κ_coarse − κ_extrapolated)(last p)

Vertices need not be drawn in torch. At given parameters p0 they are V + (∂V/∂p)(p − p0), ∂V/∂p from the difference of
two drawings: of the geometry, not of the fields.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

from lightloop.errors import InputError
from lightloop.maxwell.coupler.channels import channels_of, response
from lightloop.maxwell.coupler.response import CROSS, PORTS, THROUGH, CouplerResponse
from lightloop.maxwell.geometry.device import Device
from lightloop.maxwell.geometry.shapes import Shape
from lightloop.maxwell.gradients.adjoint import Scattering

Array = np.ndarray[Any, np.dtype[Any]]
# Between two drawings; the curves of a drawing have as many chords on both sides almost always.
STEP_UM = 1e-6
# Of κ: where a search on one grid ends, as a part of the tolerance, and the longest step that a slope is trusted for.
SETTLED, LONGEST = 0.1, 0.2
STEPS, ROUNDS = 25, 5

DeviceOf = Callable[..., Device]


class Coupling(NamedTuple):
    """Mean κ over some wavelengths.

    Attributes:
        kappa: The mean.
        gradient: With respect to each parameter, 1/um.
    """

    kappa: float
    gradient: dict[str, float]


@dataclass(frozen=True, slots=True)
class TunedCoupler:
    """A coupler that divides the light as wanted.

    Attributes:
        parameters: In um, by name.
        target: κ that was asked for, as the mean over the wavelengths.
        response: Over all wavelengths.
        steps: How many times the gradient was computed.
        rounds: Parameters and extrapolated mean `kappa` after each search.
    """

    parameters: dict[str, float]
    target: float
    response: CouplerResponse
    steps: int
    rounds: tuple[dict[str, float], ...]

    @property
    def error(self) -> float:
        """Mean extrapolated κ over the wavelengths, less the target."""
        return float(self.response.kappa.value.mean()) - self.target

    def to_dict(self) -> dict[str, Any]:
        """Numbers and lists only."""
        return {
            "parameters": self.parameters,
            "target": self.target,
            "error": self.error,
            "steps": self.steps,
            "rounds": list(self.rounds),
            "response": self.response.to_dict(),
        }


def tune(
    device: DeviceOf,
    bounds_um: Mapping[str, tuple[float, float]],
    start_um: Mapping[str, float] | None = None,
    *,
    target: float = 0.5,
    tolerance: float = 1e-3,
    wavelengths_um: Sequence[float] | Array | None = None,
    dl_um: Sequence[float] = (0.05, 0.025),
    polarization: Literal["Ez", "Hz"] = "Hz",
    workers: int | None = 1,
    on_round: Callable[[dict[str, float]], Any] | None = None,
) -> TunedCoupler:
    """Find the parameters of a coupler for a power coupling, near those of the start.

    Args:
        device: Of a vacuum wavelength in um and the parameters by name, such as `InFilm(DEVICES["coupler"])`.
        bounds_um: Least and largest value of each parameter that is free. Their differences are the lengths that count
            as equally far.
        start_um: Where to begin; the middles of the bounds if None.
        target: κ, of the mean over the wavelengths.
        tolerance: Of the extrapolated mean.
        wavelengths_um: `comb_um()` if None. The search looks at the first and the last.
        dl_um, polarization, workers: As of `response`. The search is on the coarsest grid.
        on_round: Called with the parameters and `kappa` after each search.

    Raises:
        InputError: A value cannot be used, or the target is not reached within the bounds.
    """
    channels = np.unique(channels_of(wavelengths_um))
    if not (0 < target < 1 and 0 < tolerance < 1):
        raise InputError(f"target={target}, tolerance={tolerance} cannot be used", allowed=["numbers between 0 and 1"])
    ends = np.unique(channels[[0, -1]])
    box = _Box.of(bounds_um)
    parameters, moved = box.start(start_um), target
    steps, rounds = 0, []
    for _ in range(ROUNDS):
        find = partial(coupling, device, wavelengths_um=ends, dl_um=max(dl_um), polarization=polarization)
        parameters, coarse, taken = _newton(find, box, parameters, moved, SETTLED * tolerance)
        steps += taken
        built = partial(device, **parameters)
        extrapolated = float(response(built, ends, dl_um, polarization, workers=workers).kappa.value.mean())
        rounds.append(parameters | {"kappa": extrapolated})
        if on_round:
            on_round(rounds[-1])
        if abs(extrapolated - target) <= tolerance:
            whole = response(built, channels, dl_um, polarization, workers=workers)
            return TunedCoupler(parameters, target, whole, steps, tuple(rounds))
        moved = target + coarse - extrapolated
    raise InputError(f"kappa = {target:g} is not reached: {rounds[-1]}", hint="give wider bounds or a larger tolerance")


def coupling(
    device: DeviceOf,
    parameters_um: Mapping[str, float],
    *,
    wavelengths_um: Sequence[float] | Array,
    dl_um: float,
    polarization: Literal["Ez", "Hz"] = "Hz",
) -> Coupling:
    """Mean κ on a grid, and its gradient with respect to the parameters."""
    found = [_at(device, float(one), parameters_um, dl_um, polarization) for one in wavelengths_um]
    mean = np.mean([[kappa, *slopes] for kappa, slopes in found], axis=0)
    return Coupling(float(mean[0]), dict(zip(parameters_um, mean[1:].tolist(), strict=True)))


def with_gradient(device: Callable[..., Device], parameters_um: Mapping[str, float]) -> tuple[Device, Tensor]:
    """A device whose vertices carry the gradient with respect to its parameters, and the tensor of these.

    Grid and ports are those of the parameters' values. Powers do not depend on where along its guide a port is.

    Raises:
        InputError: A small change of a parameter gives the drawing other vertices.
    """
    p = torch.tensor(list(parameters_um.values()), dtype=torch.float64, requires_grad=True)
    there = device(**parameters_um)
    slopes = [_slopes(device, parameters_um, name) for name in parameters_um]
    shapes = []
    for number, shape in enumerate(there.shapes):
        jacobian = torch.from_numpy(np.stack([of[number] for of in slopes], axis=-1))
        shapes.append(Shape(torch.from_numpy(shape.vertices_um) + jacobian @ (p - p.detach()), shape.material))
    return replace(there, shapes=tuple(shapes)), p


def _at(
    device: DeviceOf,
    wavelength_um: float,
    parameters_um: Mapping[str, float],
    dl_um: float,
    polarization: Literal["Ez", "Hz"],
) -> tuple[float, list[float]]:
    """κ at a wavelength, and its gradient."""
    fixed = device(wavelength_um, **parameters_um)
    by_name = {port.name: port for port in fixed.ports}
    scattering = Scattering(fixed.simulation(dl_um, wavelength_um, polarization), [by_name[name] for name in PORTS])
    moving, p = with_gradient(partial(device, wavelength_um), parameters_um)
    s = scattering(moving.permittivity(dl_um, wavelength_um))
    straight, across = (torch.sum(s[place].abs() ** 2) for place in (THROUGH, CROSS))
    kappa = across / (straight + across)
    (slopes,) = torch.autograd.grad(kappa, p)
    return float(kappa.detach()), slopes.tolist()


def _slopes(device: Callable[..., Device], at: Mapping[str, float], name: str) -> list[Array]:
    """∂V/∂p of each shape, shape (n, 2); from one side where the other has another number of chords."""
    below, here, above = (
        [shape.vertices_um for shape in device(**{**at, name: at[name] + side * STEP_UM}).shapes] for side in (-1, 0, 1)
    )
    for low, high, step in ((below, above, 2.0 * STEP_UM), (below, here, STEP_UM), (here, above, STEP_UM)):
        if [len(one) for one in low] == [len(one) for one in high] == [len(one) for one in here]:
            return [(one - other) / step for one, other in zip(high, low, strict=True)]
    raise InputError(
        f"the drawing changes its number of vertices with {name} at {at[name]:g} um",
        hint="choose bounds that leave out where a shape appears or ends",
    )


class _Box(NamedTuple):
    """Bounds of the parameters."""

    names: tuple[str, ...]
    low: Array
    high: Array

    @classmethod
    def of(cls, bounds_um: Mapping[str, tuple[float, float]]) -> _Box:
        if not bounds_um or not all(math.isfinite(high - low) and low < high for low, high in bounds_um.values()):
            raise InputError(
                f"bounds_um={dict(bounds_um)} cannot be used", allowed=["a least and a larger value for each parameter"]
            )
        low, high = np.array(list(bounds_um.values()), dtype=float).T
        return cls(tuple(bounds_um), low, high)

    def start(self, given: Mapping[str, float] | None) -> dict[str, float]:
        """Where to begin, refused outside the bounds."""
        at = dict(zip(self.names, (0.5 * (self.low + self.high)).tolist(), strict=True)) | dict(given or {})
        x = np.array([at[name] for name in self.names], dtype=float)
        if len(at) > len(self.names) or not np.all((self.low <= x) & (x <= self.high)):
            allowed = [f"{n} from {a:g} to {b:g} um" for n, a, b in zip(self.names, self.low, self.high, strict=True)]
            raise InputError(f"start_um={dict(given or {})} is not within the bounds", allowed=allowed)
        return dict(zip(self.names, x.tolist(), strict=True))

    def step(self, at: Mapping[str, float], gradient: Mapping[str, float], wanted: float) -> dict[str, float]:
        """The shortest step that changes the value by `wanted`, to first order and as far as the bounds let it."""
        x, scale = np.array([at[name] for name in self.names]), self.high - self.low
        slope = np.array([gradient[name] for name in self.names]) * scale
        stuck = np.where(slope * wanted > 0, x >= self.high, x <= self.low)
        slope = np.where(stuck, 0.0, slope)
        square = float(slope @ slope)
        x = x + scale * slope * wanted / square if square else x
        return dict(zip(self.names, np.clip(x, self.low, self.high).tolist(), strict=True))


def _newton(
    find: Callable[[Mapping[str, float]], Coupling], box: _Box, start: dict[str, float], target: float, settled: float
) -> tuple[dict[str, float], float, int]:
    """Parameters, κ there, and how many times it was computed; the last ones if it does not settle."""
    at, taken = start, 0
    while True:
        found = find(at)
        taken += 1
        wanted = target - found.kappa
        after = box.step(at, found.gradient, min(max(wanted, -LONGEST), LONGEST))
        if abs(wanted) <= settled or after == at or taken == STEPS:
            return at, found.kappa, taken
        at = after
