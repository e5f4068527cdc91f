"""Fields and scattering of a device in two dimensions, for one polarization and wavelength."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from copy import copy
from functools import cached_property
from typing import Any, Literal

import numpy as np

from lightloop.errors import InputError, unknown_name
from lightloop.maxwell.checks import (
    checked_cells,
    checked_layers,
    checked_length,
    checked_phases,
    refuse_coarse,
    refuse_permittivity,
)
from lightloop.maxwell.compensation import NONE, weights
from lightloop.maxwell.convergence import Convergence, converge
from lightloop.maxwell.cross_section import Modes, modes_across
from lightloop.maxwell.fields import Fields
from lightloop.maxwell.memory import grid_bytes, refuse_too_large
from lightloop.maxwell.modes import section
from lightloop.maxwell.permittivity import Permittivity
from lightloop.maxwell.polarization import POLARIZATIONS, operator
from lightloop.maxwell.ports import AXES, Line, Port, line_of, refuse_ports
from lightloop.maxwell.power import power_balance, powers
from lightloop.maxwell.scattering import SMatrix, Spectrum, port_powers, spectrum
from lightloop.maxwell.solvers.registry import AUTO, Factor, choose, factorize
from lightloop.maxwell.stencil import Stencil
from lightloop.maxwell.stretch import ABSORBERS, Stretch, angular_frequency, wave_number_per_um
from lightloop.maxwell.waves import entering, leave

Array = np.ndarray[Any, np.dtype[Any]]


class Simulation:
    """A device on a grid.

    Args:
        eps_r: Relative permittivity of the cells, shape (nx, ny), real or complex (losses have a negative imaginary
            part), or one for each component of the field.
        dl_um: Side of a cell.
        wavelength_um: In vacuum.
        polarization: "Ez" (the electric field out of the plane) or "Hz".
        pml_cells: Thickness of the absorbing layers, which lie inside the grid; of both axes, or of x and of y.
        solver: "auto" or one of `solvers.registry.SOLVERS`: "nested", "pardiso", "superlu".
        bloch_rad: For each axis None for walls behind the layers, or the phase that the field gains over the grid,
            which repeats itself along that axis.
        absorber: "mirrored", or "ceviche" to compare with that program (see `stretch`).
        compensated_index: Indices of the waves along x and along y that the steps of the grid shall neither slow nor
            hasten; 0 for plain differences (see `compensation`).

    Raises:
        InputError: A value cannot be used.
        MissingProgramError: The solver is not installed.
    """

    def __init__(
        self,
        eps_r: Array | Permittivity,
        dl_um: float = 0.05,
        wavelength_um: float = 1.55,
        polarization: Literal["Ez", "Hz"] = "Ez",
        pml_cells: int | tuple[int, int] = 15,
        solver: str = AUTO,
        bloch_rad: tuple[float | None, float | None] = (None, None),
        absorber: Literal["mirrored", "ceviche"] = "mirrored",
        compensated_index: tuple[float, float] = NONE,
    ) -> None:
        if not isinstance(polarization, str) or polarization not in POLARIZATIONS:
            raise unknown_name("polarization", str(polarization), POLARIZATIONS)
        bloch_rad = checked_phases(bloch_rad)
        periodic = (bloch_rad[0] is not None, bloch_rad[1] is not None)
        self._of_cells = not isinstance(eps_r, Permittivity)
        at_points = checked_cells(eps_r.zz if isinstance(eps_r, Permittivity) else eps_r)
        nx, ny = at_points.shape
        refuse_too_large((nx, ny), grid_bytes(nx, ny, solver=solver))
        self.permittivity = eps_r if isinstance(eps_r, Permittivity) else Permittivity.of_cells(at_points, periodic)
        refuse_permittivity(self.permittivity)
        self.dl_um = checked_length("dl_um", dl_um, example=0.05)
        self.wavelength_um = checked_length("wavelength_um", wavelength_um, example=1.55)
        self.polarization = POLARIZATIONS[polarization]
        self.pml_cells = checked_layers(pml_cells, self.permittivity.zz.shape, periodic)
        refuse_coarse(self.permittivity, self.k0_dl)
        if absorber not in ABSORBERS:
            raise unknown_name("absorber", str(absorber), ABSORBERS)
        self.absorber = ABSORBERS[absorber]
        behind = 1.0 + 0.0j if self.absorber.repeats else None
        self.bloch = (_factor(bloch_rad[0], behind), _factor(bloch_rad[1], behind))
        self.compensated_index = compensated_index
        self.solver = solver
        choose(solver)
        weights(compensated_index, self.k0_dl)

    @property
    def k0_dl(self) -> float:
        """Vacuum wave number times the side of a cell."""
        return wave_number_per_um(self.wavelength_um) * self.dl_um

    @property
    def eps_r(self) -> Array:
        """Relative permittivity of the cells, shape (nx, ny)."""
        return self.permittivity.zz

    @property
    def weights(self) -> tuple[float, float]:
        """Of the differences along x and along y."""
        return weights(self.compensated_index, self.k0_dl)

    @cached_property
    def stretch(self) -> tuple[Stretch, Stretch]:
        """Of x and of y."""
        along_x, along_y = (
            self.absorber.stretched(count, cells, self.k0_dl, self.polarization.components[0])
            for count, cells in zip(self.permittivity.zz.shape, self.pml_cells, strict=True)
        )
        return along_x, along_y

    @cached_property
    def stencil(self) -> Stencil:
        """The operator."""
        return self.stencil_of(self.permittivity, self.stretch)

    def stencil_of(self, eps: Permittivity, stretch: tuple[Stretch, Stretch]) -> Stencil:
        """The operator of a permittivity on the whole grid or a part of it, in arrays or in tensors (`tensors`)."""
        return operator(self.polarization, eps, self.k0_dl, stretch, self.bloch, self.weights)

    @cached_property
    def factor(self) -> Factor:
        """M, factorised."""
        return factorize(self.stencil, self.solver)

    @property
    def power_factor(self) -> float:
        """1/(2ω · constant), by which the sums of `power` and `waves` are powers in W/m."""
        return 0.5 / (angular_frequency(self.wavelength_um) * self.polarization.constant)

    def line(self, port: Port) -> Line:
        """A port on the grid."""
        k0_dl = self.k0_dl / math.sqrt(self.weights[AXES.index(port.axis)])
        return line_of(port, self.stencil, self.dl_um, k0_dl, self.pml_cells)

    def modes(self, port: Port, count: int | None = None) -> Modes:
        """Modes of the cross-section of a port: all guided ones, or `count`.

        Raises:
            InputError: The port lies outside the grid, or its own mode does not propagate.
        """
        line, axis = self.line(port), AXES.index(port.axis)
        whole = self.stencil
        at_points = whole.diagonal + whole.across_x[:-1] + whole.across_x[1:]
        at_points = (at_points + whole.across_y[:, :-1] + whole.across_y[:, 1:])[line.at(0)]
        position_um = (np.arange(whole.shape[1 - axis])[line.span] + 0.5) * self.dl_um
        of = section(whole, axis, line.first, line.span)
        eps_r = self.eps_r[line.at(0)]
        return modes_across(of, at_points, eps_r, position_um, self.wavelength_um, self.weights[axis], count)

    def solve(self, current: Array) -> Fields:
        """The fields of a current density out of the plane.

        Args:
            current: Electric in A/m² for Ez, magnetic in V/m² for Hz, complex amplitudes at the points, shape (nx, ny).

        Raises:
            InputError: The current has another shape, is zero, or is not finite.
        """
        return self._fields(self.right_hand_side(current))

    def excite(self, port: Port) -> Fields:
        """The fields of a wave of 1 W/m that enters through a port.

        Within the device they hold what enters and what is scattered, behind the port what is scattered alone.

        Raises:
            InputError: The port lies outside the grid or in an absorbing layer, or its mode does not propagate.
        """
        f, _ = entering(self.stencil, [self.line(port)], self.power_factor)
        return self._fields(f[..., 0])

    def _fields(self, f: Array) -> Fields:
        """All components of the solution of M u = f, shape (nx, ny)."""
        dl_m, k0 = self.dl_um * 1e-6, wave_number_per_um(self.wavelength_um) * 1e6
        u = self.factor.solve(f[..., None])[..., 0]
        return Fields(
            components=self.polarization.fields(u, self.stencil, self.stretch, k0, dl_m),
            residual=residual(self.stencil, f[..., None], u[..., None]),
            power_balance=power_balance(self.stencil, f, u, self.pml_cells, self.power_factor),
        )

    def right_hand_side(self, current: Array) -> Array:
        """f of M u = f for a current density as `solve` takes it, and with its refusals."""
        current = np.asarray(current)
        if current.shape != self.stencil.shape:
            raise InputError(f"a current of shape {current.shape}", allowed=[f"shape {self.stencil.shape}, the grid's"])
        if not np.isfinite(current).all() or not current.any():
            raise InputError("the current is zero everywhere or not finite", hint="set it at one point at least")
        (x, _), (y, _) = self.stretch
        return self.polarization.right_hand_side(current, self.k0_dl, self.dl_um * 1e-6, x[:, None] * y)

    def smatrix(self, ports: Sequence[Port]) -> SMatrix:
        """Scattering between ports, by one factorisation."""
        refuse_ports(ports)
        lines = [self.line(port) for port in ports]
        f, units = entering(self.stencil, lines, self.power_factor)
        u = self.factor.solve(f)
        values = np.array([leave(self.stencil, line, u) for line in lines]) / units[:, None]
        within = powers(self.stencil, f, u, self.pml_cells, self.power_factor)
        return SMatrix(
            tuple(port.name for port in ports),
            values,
            np.array([line.mode.n_eff for line in lines]),
            self.wavelength_um,
            residual=residual(self.stencil, f, u),
            power_balance=port_powers(values, lines, within, [self._depth(line) for line in lines]),
        )

    def gradient(self, objective: Callable[[Simulation, Permittivity], Any]) -> Array:
        """dF/dε_r of the cells, real, shape (nx, ny), with the factor of this simulation (needs torch).

        The modes of ports are held fixed: what a change in a port's cross-section does to them is left out.

        Args:
            objective: F, one of `lightloop.maxwell.gradients.objectives`.

        Raises:
            InputError: The objective's value is not one real number.
        """
        from lightloop.maxwell.gradients.objectives import gradient

        return gradient(self, objective)

    def spectrum(self, ports: Sequence[Port], wavelengths_um: Sequence[float]) -> Spectrum:
        """Scattering over wavelengths with this permittivity at all of them, one factorisation each."""
        return spectrum(lambda one: self.at(wavelength_um=one).smatrix(ports), wavelengths_um)

    def converge(self, ports: Sequence[Port], halvings: int = 1) -> Convergence:
        """Scattering on this grid and on one (or two) of half the step, extrapolated.

        Raises:
            InputError: The permittivity was not given by cells (see `refined`), or `halvings` is not 1 or 2.
        """
        steps = [self.dl_um / 2**half for half in range(halvings + 1)]
        return converge(lambda one: self.refined(round(self.dl_um / one)).smatrix(ports), steps)

    def at(self, *, wavelength_um: float) -> Simulation:
        """The same permittivity at another wavelength."""
        return self._changed(wavelength_um=checked_length("wavelength_um", wavelength_um, example=1.55))

    def refined(self, times: int = 2) -> Simulation:
        """The same cells, each divided into `times` by `times`; absorbing layers stay as thick as they are.

        Raises:
            InputError: The permittivity was given by components of the field, of which averages cannot be divided.
        """
        if times == 1:
            return self
        if not self._of_cells:
            raise InputError(
                "a permittivity given by components of the field cannot be refined",
                hint="compute it again from the shapes, and use lightloop.maxwell.converge",
            )
        cells = np.repeat(np.repeat(self.eps_r, times, axis=0), times, axis=1)
        return self._changed(
            permittivity=Permittivity.of_cells(cells, (self.bloch[0] is not None, self.bloch[1] is not None)),
            dl_um=self.dl_um / times,
            pml_cells=(self.pml_cells[0] * times, self.pml_cells[1] * times),
        )

    def _changed(self, **values: Any) -> Simulation:
        """A copy with other attributes, and nothing of what was computed from the old ones."""
        new = copy(self)
        for name, of_class in vars(type(self)).items():
            if isinstance(of_class, cached_property):
                vars(new).pop(name, None)
        vars(new).update(values)
        return new

    def _depth(self, line: Line) -> float:
        """From a port's line to the absorbing layer behind it, in cells."""
        first = line.first if line.sense > 0 else self.stencil.shape[line.axis] - 1 - line.first
        return first + 0.5 + line.offset - self.pml_cells[line.axis]


def residual(stencil: Stencil, f: Array, u: Array) -> float:
    """Largest ‖M u − f‖ / ‖f‖ of fields of shape (nx, ny, k)."""
    left = np.linalg.norm(stencil.apply(u) - f, axis=(0, 1))
    return float(np.max(left / np.linalg.norm(f, axis=(0, 1))))


def _factor(phase_rad: float | None, behind: complex | None) -> complex | None:
    return behind if phase_rad is None else complex(np.exp(-1j * phase_rad))
