"""Scattering and fields as functions of the permittivity that torch differentiates, exactly for the computed numbers.

With f_j the current of a wave of 1 W/m that enters port j, and g_i what the amplitude of the wave leaving port i is
measured with,

    S_ij = g_iᵀ u_j,   M u_j = f_j,   Mᵀ a_i = g_i        ->        dS_ij = −a_iᵀ dM u_j

(Hughes et al., ACS Photonics 5, 4781 (2018)). M is symmetric, so the a_i are solved for along with the u_j by the same
factor; with Bloch phases Mᵀ is factorised too. The a_i would be the u_i up to a factor if a port's mode were one of the
whole cross-section, but the port's span ends somewhere, and these gradients are not to be wrong by that.

The modes of the ports are those of the simulation, and held fixed: a permittivity that differs from the simulation's in
the section of a port is refused. Gradients with respect to it leave out what a change would do to the mode.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from lightloop.errors import InputError
from lightloop.maxwell.gradients.tensors import cells, in_cells, in_components, in_numpy, of_axis, per_number
from lightloop.maxwell.modes import section
from lightloop.maxwell.permittivity import Permittivity
from lightloop.maxwell.ports import Line, Port, refuse_ports
from lightloop.maxwell.solvers.registry import Factor, factorize
from lightloop.maxwell.stencil import Stencil
from lightloop.maxwell.waves import MEASURED, coupling_ahead, entering

if TYPE_CHECKING:
    from lightloop.maxwell.simulation import Simulation

Array = np.ndarray[Any, np.dtype[Any]]
# Relative, of numbers of the operator: torch and NumPy may round differently.
SAME = 1e-13


class Solved(NamedTuple):
    """Scattering of one operator.

    Attributes:
        values: S, shape (ports, ports).
        u: Fields u_j, shape (nx, ny, ports).
        a: Adjoint fields a_i; None if they were not asked for.
    """

    values: Array
    u: Array | None
    a: Array | None


class Ends(NamedTuple):
    """What ports are to the equations: S = gᵀ M⁻¹ f.

    Attributes:
        f: Currents of waves of 1 W/m that enter, shape (nx, ny, ports).
        g: What waves that leave are measured with, in the same unit.
    """

    f: Array
    g: Array


def ends_of(simulation: Simulation, lines: Sequence[Line]) -> Ends:
    """The ports of a simulation as vectors."""
    stencil = simulation.stencil
    f, units = entering(stencil, lines, simulation.power_factor)
    g = np.zeros_like(f)
    for number, (line, unit) in enumerate(zip(lines, units, strict=True)):
        step = line.mode.step
        overlap = coupling_ahead(stencil, line) * line.mode.profile * step**-line.offset / unit
        near, far = (line.at(place) for place in MEASURED)
        g[..., number][near] += overlap / (step**2 * (1.0 - step**2))
        g[..., number][far] -= overlap / (step * (1.0 - step**2))
    return Ends(f, g)


class Scattering:
    """S-matrix as a function of ε_r.

    Args:
        simulation: Grid, wavelength, polarization, and the modes of the ports.
        ports: Where waves enter and leave.

    Raises:
        InputError: A port cannot be used.
    """

    def __init__(self, simulation: Simulation, ports: Sequence[Port]) -> None:
        refuse_ports(ports)
        self.simulation, self.ports = simulation, tuple(ports)
        self._lines = [simulation.line(port) for port in ports]
        self._ends = ends_of(simulation, self._lines)

    def __call__(self, eps_r: Tensor | Array | Permittivity) -> Tensor:
        """S, complex128 of shape (ports, ports): [i, j] is into port j, out of port i; waves of 1 W/m are 1.

        Args:
            eps_r: Of the cells, shape (nx, ny), real or complex, or a `Permittivity` of tensors.

        Raises:
            InputError: It has another shape, is zero or not finite, or differs from the simulation's at a port.
        """
        stencil = operator_on_tensors(self.simulation, eps_r)
        self._refuse_other_modes(in_numpy(stencil))
        return scattering(stencil, self._solve)

    def _solve(self, stencil: Stencil, adjoint: bool) -> Solved:
        f, g = self._ends
        factor, count = factor_of(self.simulation, stencil), f.shape[2]
        together = adjoint and stencil.symmetric
        u = factor.solve(np.concatenate([f, g], axis=2) if together else f)
        u, a = u[..., :count], u[..., count:] if together else None
        if adjoint and not together:
            a = factor_of(self.simulation, stencil.transposed()).solve(g)
        return Solved(np.tensordot(g, u, ((0, 1), (0, 1))), u, a)

    def _refuse_other_modes(self, stencil: Stencil) -> None:
        for port, line in zip(self.ports, self._lines, strict=True):
            now, then = (
                [*section(one, line.axis, line.first, line.span), coupling_ahead(one, line)]
                for one in (stencil, self.simulation.stencil)
            )
            if not all(_same(one, other) for one, other in zip(now, then, strict=True)):
                raise InputError(
                    f"eps_r at port {port.name} is not that of the simulation, whose mode is held fixed",
                    hint="change eps_r between the ports only, or give a Simulation with this eps_r at its ports",
                )


class FieldOf:
    """The field of a current as a function of ε_r.

    Args:
        simulation: Grid, wavelength, and polarization.
        current: As of `Simulation.solve`, shape (nx, ny).
    """

    def __init__(self, simulation: Simulation, current: Array) -> None:
        self.simulation = simulation
        self._f = simulation.right_hand_side(current)

    def __call__(self, eps_r: Tensor | Array | Permittivity) -> Tensor:
        """Ez in V/m or Hz in A/m, complex128 of shape (nx, ny).

        Args:
            eps_r: Of the cells, shape (nx, ny), real or complex, or a `Permittivity` of tensors.
        """
        stencil = operator_on_tensors(self.simulation, eps_r)
        field: Tensor = _Field.apply(*stencil[:3], stencil.bloch, self.simulation, self._f)
        return field


def operator_on_tensors(simulation: Simulation, eps_r: Tensor | Array | Permittivity) -> Stencil:
    """The operator of the simulation for another permittivity, in tensors.

    Raises:
        InputError: The permittivity has another shape, or is zero or not finite somewhere.
    """
    shape, whose = simulation.stencil.shape, "the simulation's"
    if isinstance(eps_r, Permittivity):
        eps = in_components(eps_r, shape, whose)
    else:
        eps = cells(in_cells(eps_r, shape, whose), periodic(simulation))
    along_x, along_y = map(of_axis, simulation.stretch)
    return simulation.stencil_of(eps, (along_x, along_y))


def periodic(simulation: Simulation) -> tuple[bool, bool]:
    """Along which axes the cells repeat themselves."""
    along_x, along_y = (
        phase is not None and not thick for phase, thick in zip(simulation.bloch, simulation.pml_cells, strict=True)
    )
    return along_x, along_y


def factor_of(simulation: Simulation, stencil: Stencil) -> Factor:
    """A factor of M, the simulation's own if it is that of its permittivity."""
    own = simulation.stencil
    if own.bloch == stencil.bloch and all(_same(one, other) for one, other in zip(stencil[:3], own[:3], strict=True)):
        return simulation.factor
    return factorize(stencil, simulation.solver)


def scattering(stencil: Stencil, solve: Callable[[Stencil, bool], Solved]) -> Tensor:
    """S of a stencil of tensors, by a solver that takes one of arrays and whether adjoint fields are wanted."""
    values: Tensor = _Scattering.apply(*stencil[:3], stencil.bloch, solve)
    return values


def _same(one: Array, other: Array) -> bool:
    return bool(np.all(np.abs(one - other) <= SAME * np.abs(other)))


class _Scattering(torch.autograd.Function):
    """dF = Re Σ G*_ij dS_ij = −Re Σ_j v_jᵀ dM u_j with v_j = Σ_i G*_ij a_i."""

    @staticmethod
    def forward(ctx: Any, diagonal: Tensor, across_x: Tensor, across_y: Tensor, bloch: Any, solve: Any) -> Tensor:
        stencil = in_numpy(Stencil(diagonal, across_x, across_y, bloch))  # type: ignore[arg-type]
        ctx.solved, ctx.bloch = solve(stencil, any(ctx.needs_input_grad)), bloch
        return torch.from_numpy(ctx.solved.values)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        v = ctx.solved.a @ _conjugate(gradient)
        return *_gradients(ctx.solved.u, v, ctx.bloch), None, None


class _Field(torch.autograd.Function):
    """dF = Re Σ G* du = −Re vᵀ dM u with Mᵀ v = G*."""

    @staticmethod
    def forward(
        ctx: Any, diagonal: Tensor, across_x: Tensor, across_y: Tensor, bloch: Any, simulation: Simulation, f: Array
    ) -> Tensor:
        ctx.stencil = in_numpy(Stencil(diagonal, across_x, across_y, bloch))  # type: ignore[arg-type]
        ctx.simulation, ctx.factor = simulation, factor_of(simulation, ctx.stencil)
        ctx.u = ctx.factor.solve(f[..., None])
        return torch.from_numpy(ctx.u[..., 0].copy())

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        factor = ctx.factor if ctx.stencil.symmetric else factor_of(ctx.simulation, ctx.stencil.transposed())
        v = factor.solve(_conjugate(gradient)[..., None])
        return *_gradients(ctx.u, v, ctx.stencil.bloch), None, None, None


def _conjugate(gradient: Tensor) -> Array:
    """In NumPy; torch may hold a tensor as the conjugate of its memory."""
    conjugate: Array = gradient.conj().resolve_conj().resolve_neg().numpy()
    return conjugate


def _gradients(u: Array, v: Array, bloch: Any) -> tuple[Tensor, ...]:
    return tuple(torch.from_numpy(-np.conj(part)) for part in per_number(u, v, bloch))
