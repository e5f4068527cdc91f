"""Scattering between ports, and what a scattering matrix says of itself: residual, powers, reciprocity."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from lightloop.errors import InputError
from lightloop.maxwell.ports import Line
from lightloop.maxwell.power import Powers

Array = np.ndarray[Any, np.dtype[Any]]


class PortPowers(NamedTuple):
    """Where the power of a wave of 1 W/m into each port goes, in W/m, each of shape (ports,).

    Attributes:
        through_ports: Out of all ports in their modes, Σ_i |S_ij|².
        radiated: Out between the ports, or through them in other modes.
        absorbed: In the medium.
    """

    through_ports: Array
    radiated: Array
    absorbed: Array

    @property
    def missing(self) -> Array:
        """What is not found again of each 1 W/m; fields and entering waves are computed apart from one another."""
        return 1.0 - self.through_ports - self.radiated - self.absorbed

    @property
    def error(self) -> float:
        """The largest part that is missing."""
        return float(np.abs(self.missing).max())


@dataclass(frozen=True, slots=True)
class SMatrix:
    """Scattering between ports.

    Attributes:
        ports: Names.
        values: Shape (ports, ports): [i, j] is into port j, out of port i; waves of 1 W/m at the ports' lines are 1.
        n_eff: Effective index of each port's mode.
        wavelength_um: In vacuum.
        residual: Largest ‖M u − f‖ / ‖f‖ of the fields.
        power_balance: Where the power of each input goes.
    """

    ports: tuple[str, ...]
    values: Array
    n_eff: Array
    wavelength_um: float
    residual: float
    power_balance: PortPowers

    @property
    def reciprocity_error(self) -> float:
        """Largest |S − Sᵀ| / largest |S|."""
        return reciprocity_error(self.values)

    def to_dict(self) -> dict[str, Any]:
        """Numbers and lists only."""
        return {
            "ports": list(self.ports),
            "wavelength_um": self.wavelength_um,
            "s_real": self.values.real.tolist(),
            "s_imag": self.values.imag.tolist(),
            "n_eff": self.n_eff.real.tolist(),
            "residual": self.residual,
            "power_w_per_m": {name: part.tolist() for name, part in self.power_balance._asdict().items()},
            "power_error": self.power_balance.error,
            "reciprocity_error": self.reciprocity_error,
        }


@dataclass(frozen=True, slots=True)
class Spectrum:
    """Scattering over wavelengths.

    Attributes:
        ports: Names.
        wavelengths_um: In vacuum, shape (wavelengths,).
        values: Shape (wavelengths, ports, ports), as of `SMatrix`.
        n_eff: Shape (wavelengths, ports).
        residual, power_error: The largest of each wavelength, shape (wavelengths,).
    """

    ports: tuple[str, ...]
    wavelengths_um: Array
    values: Array
    n_eff: Array
    residual: Array
    power_error: Array

    @classmethod
    def of(cls, each: Sequence[SMatrix]) -> Spectrum:
        """That of the matrices of one device at several wavelengths.

        Raises:
            InputError: There are none, or their ports differ.
        """
        if len({one.ports for one in each}) != 1:
            raise InputError("a spectrum of scattering matrices", allowed=["one at least, all between the same ports"])
        return cls(
            each[0].ports,
            np.array([one.wavelength_um for one in each]),
            np.stack([one.values for one in each]),
            np.stack([one.n_eff for one in each]),
            np.array([one.residual for one in each]),
            np.array([one.power_balance.error for one in each]),
        )

    @property
    def reciprocity_error(self) -> Array:
        """That of each wavelength."""
        return np.array([reciprocity_error(values) for values in self.values])

    def to_dict(self) -> dict[str, Any]:
        """Numbers and lists only."""
        return {
            "ports": list(self.ports),
            "wavelengths_um": self.wavelengths_um.tolist(),
            "s_real": self.values.real.tolist(),
            "s_imag": self.values.imag.tolist(),
            "n_eff": self.n_eff.real.tolist(),
            "residual": self.residual.tolist(),
            "power_error": self.power_error.tolist(),
            "reciprocity_error": self.reciprocity_error.tolist(),
        }


def spectrum(smatrix_at: Callable[[float], SMatrix], wavelengths_um: Sequence[float]) -> Spectrum:
    """Scattering over wavelengths, one factorisation for each.

    Args:
        smatrix_at: The matrix at a wavelength, such as `lambda um: device.simulation(wavelength_um=um).smatrix(ports)`,
            which gives each wavelength the permittivity of its own, or `Simulation.at`, which keeps it.
        wavelengths_um: In vacuum.

    Raises:
        InputError: There are no wavelengths.
    """
    if not len(wavelengths_um):
        raise InputError("there are no wavelengths", hint="a spectrum needs one at least")
    return Spectrum.of([smatrix_at(float(one)) for one in wavelengths_um])


def reciprocity_error(values: Array) -> float:
    """Largest |S − Sᵀ| / largest |S|."""
    largest = float(np.abs(values).max())
    return float(np.abs(values - values.T).max()) / largest if largest else 0.0


def port_powers(values: Array, lines: Sequence[Line], within: Powers, depths: Sequence[float]) -> PortPowers:
    """From the powers within the absorbing layers.

    A wave that has left by a port loses some of its power on its way to the absorbing layer, if the medium has losses;
    that is not of the device.

    Args:
        values: S.
        lines: The ports.
        within: Of the fields of each input.
        depths: From each port's line to the absorbing layer behind it, in cells.
    """
    out = np.abs(values) ** 2
    kept = np.array([abs(line.mode.step) ** (2.0 * depth) for line, depth in zip(lines, depths, strict=True)])
    return PortPowers(out.sum(0), within.radiated - kept @ out, within.absorbed - (1.0 - kept) @ out)
