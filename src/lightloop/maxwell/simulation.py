"""Fields and scattering of a device in two dimensions, for one polarization and wavelength."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np

from lightloop.errors import InputError, unknown_name
from lightloop.maxwell.fields import Fields
from lightloop.maxwell.permittivity import Permittivity
from lightloop.maxwell.polarization import POLARIZATIONS, operator
from lightloop.maxwell.ports import Line, Port, line_of
from lightloop.maxwell.power import power_balance
from lightloop.maxwell.solvers.nested import factorize
from lightloop.maxwell.stencil import Stencil
from lightloop.maxwell.stretch import Stretch, angular_frequency, stretched, wave_number_per_um
from lightloop.maxwell.waves import enter, leave, unit_amplitude

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True, slots=True)
class SMatrix:
    """Scattering between ports.

    Attributes:
        ports: Names.
        values: Shape (ports, ports): [i, j] is into port j, out of port i; waves of 1 W/m are 1.
        n_eff: Effective index of each port's mode.
    """

    ports: tuple[str, ...]
    values: Array
    n_eff: Array

    @property
    def reciprocity_error(self) -> float:
        """Largest |S − Sᵀ| / largest |S|."""
        return float(np.abs(self.values - self.values.T).max() / np.abs(self.values).max())


class Simulation:
    """A device on a grid.

    Args:
        eps_r: Relative permittivity of the cells, shape (nx, ny), real or complex (losses have a negative imaginary
            part), or one for each component of the field.
        dl_um: Side of a cell.
        wavelength_um: In vacuum.
        polarization: "Ez" (the electric field out of the plane) or "Hz".
        pml_cells: Thickness of the absorbing layers, which lie inside the grid; of both axes, or of x and of y.
        bloch_rad: For each axis None for walls behind the layers, or the phase that the field gains over the grid,
            which repeats itself along that axis.

    Raises:
        InputError: A value cannot be used.
    """

    def __init__(
        self,
        eps_r: Array | Permittivity,
        dl_um: float = 0.05,
        wavelength_um: float = 1.55,
        polarization: Literal["Ez", "Hz"] = "Ez",
        pml_cells: int | tuple[int, int] = 15,
        bloch_rad: tuple[float | None, float | None] = (None, None),
    ) -> None:
        if polarization not in POLARIZATIONS:
            raise unknown_name("polarization", polarization, POLARIZATIONS)
        periodic = (bloch_rad[0] is not None, bloch_rad[1] is not None)
        self.permittivity = (
            eps_r if isinstance(eps_r, Permittivity) else Permittivity.of_cells(np.asarray(eps_r), periodic)
        )
        self.dl_um, self.wavelength_um = dl_um, wavelength_um
        self.polarization = POLARIZATIONS[polarization]
        self.pml_cells = (pml_cells, pml_cells) if isinstance(pml_cells, int) else pml_cells
        self.bloch = (_factor(bloch_rad[0]), _factor(bloch_rad[1]))

    @property
    def k0_dl(self) -> float:
        """Vacuum wave number times the side of a cell."""
        return wave_number_per_um(self.wavelength_um) * self.dl_um

    @cached_property
    def stretch(self) -> tuple[Stretch, Stretch]:
        """Of x and of y."""
        nx, ny = self.permittivity.zz.shape
        return stretched(nx, self.pml_cells[0], self.k0_dl), stretched(ny, self.pml_cells[1], self.k0_dl)

    @cached_property
    def stencil(self) -> Stencil:
        """The operator."""
        return operator(self.polarization, self.permittivity, self.k0_dl, self.stretch, self.bloch)

    @cached_property
    def factor(self) -> Any:
        """M, factorised."""
        return factorize(self.stencil)

    @property
    def _power_factor(self) -> float:
        """1/(2ω · constant)."""
        return 0.5 / (angular_frequency(self.wavelength_um) * self.polarization.constant)

    def line(self, port: Port) -> Line:
        """A port on the grid."""
        return line_of(port, self.stencil, self.dl_um, self.k0_dl, self.pml_cells)

    def solve(self, current: Array) -> Fields:
        """The fields of a current density out of the plane.

        Args:
            current: Electric in A/m² for Ez, magnetic in V/m² for Hz, complex amplitudes at the points, shape (nx, ny).

        Raises:
            InputError: The current has another shape, is zero, or is not finite.
        """
        current = np.asarray(current)
        if current.shape != self.stencil.shape:
            raise InputError(f"a current of shape {current.shape}", allowed=[f"shape {self.stencil.shape}, the grid's"])
        if not np.isfinite(current).all() or not current.any():
            raise InputError("the current is zero everywhere or not finite", hint="set it at one point at least")
        (x, _), (y, _) = self.stretch
        dl_m, k0 = self.dl_um * 1e-6, wave_number_per_um(self.wavelength_um) * 1e6
        f = self.polarization.right_hand_side(current, self.k0_dl, dl_m, x[:, None] * y)
        u = self.factor.solve(f[..., None])[..., 0]
        return Fields(
            components=self.polarization.fields(u, self.stencil, self.stretch, k0, dl_m),
            residual=float(np.linalg.norm(self.stencil.apply(u) - f) / np.linalg.norm(f)),
            power_balance=power_balance(self.stencil, f, u, self.pml_cells, self._power_factor),
        )

    def smatrix(self, ports: Sequence[Port]) -> SMatrix:
        """Scattering between ports, by one factorisation."""
        lines = [self.line(port) for port in ports]
        units = np.array([unit_amplitude(self.stencil, line, self._power_factor) for line in lines])
        f = np.zeros((*self.stencil.shape, len(lines)), dtype=complex)
        for number, (line, unit) in enumerate(zip(lines, units, strict=True)):
            enter(self.stencil, line, unit, f[..., number])
        u = self.factor.solve(f)
        values = np.array([leave(self.stencil, line, u) for line in lines]) / units[:, None]
        return SMatrix(tuple(port.name for port in ports), values, np.array([line.mode.n_eff for line in lines]))


def _factor(phase_rad: float | None) -> complex | None:
    return None if phase_rad is None else complex(np.exp(-1j * phase_rad))
