"""What a 2 x 2 coupler does to the channels of an optical dot product, with what the grid may have done to it.

    in1  ‾‾‾\\______/‾‾‾  out1        t = S(out, in) of the same guide, c = S(out, in) of the other
    in0  ___/‾‾‾‾‾‾\\___  out0

    κ         = Σ|c|² / (Σ|t|² + Σ|c|²)             the part of the power that crosses, of what leaves at the outputs
    phase     = mean of arg t − arg c, less 90°      0 if nothing is lost or reflected, whatever the geometry
    loss      = −10 log10((Σ|t|² + Σ|c|²)/2)        radiated, reflected, or in other modes
    reflection                                       power that comes back out of both inputs, of 1 W/m into one

Sums and means are over the two inputs, which mirror symmetry makes equal. κ is the power coupling of the published
closed form (z0 = t x + j k y, κ = k², Zhu et al., HPCA 2024), where t² + k² = 1. Fields here go as exp(+jωt), so that
c lags behind t where that formula, with the other sign of time, has it ahead; detectors do not see the difference.

Every figure is extrapolated from two or three grids (`convergence`); `channels.response` computes them. A gap
is few cells wide, and where its edges lie between the lines of a grid makes κ swing from grid to grid rather than fall
with an order. So no bar is less than the whole last step, nor than the correction that an earlier step of order 2 would
have left for the last, nor than the mean of the channels, which are too near to one another to differ in this.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lightloop.errors import InputError
from lightloop.maxwell.convergence import Estimate, extrapolate, ratio_of
from lightloop.maxwell.scattering import SMatrix, Spectrum
from lightloop.runs import read_json, write_json

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = np.ndarray[Any, np.dtype[Any]]
PORTS = ("in0", "in1", "out0", "out1")
# Outputs by the two inputs: straight on, and across.
THROUGH, CROSS = ((2, 3), (0, 1)), ((3, 2), (0, 1))
FIGURES = ("kappa", "phase_deg", "loss_db", "reflection", "n_eff")


@dataclass(frozen=True, slots=True)
class CouplerResponse:
    """A 2 x 2 coupler over wavelengths.

    Attributes:
        dl_um: Sides of the grids' cells, from coarse to fine.
        spectrum: Scattering between `PORTS` on the finest grid, with its residuals, power and reciprocity errors.
        radiated: Of 1 W/m into each port, what leaves by none in its mode, on the finest grid, (wavelengths, ports).
        kappa: Power coupling, shape (wavelengths,); this and the following with values and error bars.
        phase_deg: Of t over c, less 90 degrees, shape (wavelengths,).
        loss_db: Shape (wavelengths,).
        reflection: Of power, shape (wavelengths,).
        n_eff: Effective indices of the ports' modes, shape (wavelengths, ports).
    """

    dl_um: tuple[float, ...]
    spectrum: Spectrum
    radiated: Array
    kappa: Estimate
    phase_deg: Estimate
    loss_db: Estimate
    reflection: Estimate
    n_eff: Estimate

    @classmethod
    def of(cls, grids: Sequence[Sequence[SMatrix]], dl_um: Sequence[float]) -> CouplerResponse:
        """From scattering matrices of each wavelength on each grid, shape (grids, wavelengths), coarse to fine."""
        ratio = ratio_of(tuple(dl_um))
        figures = [figures_of(np.array([one.values for one in each])) for each in grids]
        found = {name: _estimated(np.array([one[name] for one in figures]), ratio) for name in figures[0]}
        n_eff = extrapolate(np.array([[one.n_eff.real for one in each] for each in grids]), ratio)
        radiated = np.array([one.power_balance.radiated for one in grids[-1]])
        return cls(tuple(dl_um), Spectrum.of(grids[-1]), radiated, n_eff=n_eff, **found)

    @property
    def wavelengths_um(self) -> Array:
        """In vacuum, shape (wavelengths,)."""
        return self.spectrum.wavelengths_um

    @property
    def reflection_db(self) -> Array:
        """What the reflection is at most: its value and its error bar, in dB, shape (wavelengths,)."""
        at_most = np.maximum(self.reflection.value, 0.0) + self.reflection.error
        return 10.0 * np.log10(np.maximum(at_most, np.finfo(float).tiny))

    @property
    def imbalance(self) -> Array:
        """e = 2κ − 1, shape (wavelengths,)."""
        return 2.0 * self.kappa.value - 1.0

    @property
    def transmission(self) -> Array:
        """Power at both outputs together, of 1 into one input, shape (wavelengths,)."""
        return np.asarray(10.0 ** (-0.1 * self.loss_db.value))

    @property
    def unitarity_defect(self) -> Array:
        """Largest eigenvalue of 1 − SᴴS: the most that any input loses, on the finest grid, shape (wavelengths,)."""
        return self.lost_of_inputs[:, -1]

    @property
    def lost_of_inputs(self) -> Array:
        """Eigenvalues of 1 − SᴴS, ascending, shape (wavelengths, 4): negative ones would be gain."""
        s = self.spectrum.values
        return np.linalg.eigvalsh(np.eye(s.shape[1]) - s.conj().swapaxes(1, 2) @ s)

    def dot_product(self) -> dict[str, Array]:
        """`kappa` and `phase` as the closed form of the dot product takes them, shape (wavelengths,) each.

        The phase shifter before the second input is taken to be at −90 degrees exactly; `transmission` multiplies what
        the closed form gives.
        """
        return {"kappa": np.clip(self.kappa.value, 0.0, 1.0), "phase": np.radians(self.phase_deg.value - 90.0)}

    def to_dict(self) -> dict[str, Any]:
        """Numbers and lists only."""
        figures = {name: getattr(self, name).to_dict() for name in FIGURES}
        return {
            "dl_um": list(self.dl_um),
            "wavelengths_um": self.wavelengths_um.tolist(),
            **figures,
            "reflection_db_at_most": self.reflection_db.tolist(),
            "unitarity_defect": self.unitarity_defect.tolist(),
            "radiated": self.radiated.tolist(),
            "finest_grid": self.spectrum.to_dict(),
        }

    def plot(self, closed_form: Array | None = None) -> Figure:
        """κ, its phase and the loss over the channels, beside the κ of a formula, shape (wavelengths,)."""
        from lightloop.maxwell.coupler.pictures import draw_coupler

        return draw_coupler(self, closed_form)

    def write(self, path: str | Path) -> Path:
        """As JSON, whole or not at all."""
        return write_json(path, self.to_dict())

    @classmethod
    def read(cls, path: str | Path) -> CouplerResponse:
        """What `write` wrote.

        Raises:
            InputError: The file is missing, broken, or of something else.
        """
        try:
            return cls._of_dict(read_json(path))
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"{path} is not a coupler's response ({error})", hint="write it anew") from None

    @classmethod
    def _of_dict(cls, table: dict[str, Any]) -> CouplerResponse:
        of = table["finest_grid"]
        spectrum = Spectrum(
            tuple(of["ports"]),
            np.array(of["wavelengths_um"], float),
            np.array(of["s_real"]) + 1j * np.array(of["s_imag"]),
            np.array(of["n_eff"], complex),
            np.array(of["residual"], float),
            np.array(of["power_error"], float),
        )
        estimates = {name: Estimate.of_dict(table[name]) for name in FIGURES}
        return cls(tuple(table["dl_um"]), spectrum, np.array(table["radiated"], float), **estimates)


def figures_of(values: Array) -> dict[str, Array]:
    """κ, phase, loss and reflection of scattering matrices between `PORTS`, shape (..., 4, 4); (...) each."""
    through, cross = (values[(..., *place)] for place in (THROUGH, CROSS))
    straight, across = (np.sum(np.abs(one) ** 2, axis=-1) for one in (through, cross))
    return {
        "kappa": across / (straight + across),
        "phase_deg": np.degrees(np.angle(-1j * through / cross)).mean(-1),
        "loss_db": -10.0 * np.log10(0.5 * (straight + across)),
        "reflection": np.sum(np.abs(values[..., :2, :2]) ** 2, axis=(-1, -2)) / 2.0,
    }


def _estimated(values: Array, ratio: float) -> Estimate:
    """Figures of each grid, shape (grids, wavelengths), extrapolated; bars as in the head of this file."""
    found = extrapolate(values, ratio)
    *before, last = np.abs(np.diff(values, axis=0))
    bars = [found.error, last, *(one / (ratio**2 * (ratio**2 - 1.0)) for one in before)]
    bar = np.max(bars, axis=0)
    return found._replace(error=np.maximum(bar, bar.mean()))
