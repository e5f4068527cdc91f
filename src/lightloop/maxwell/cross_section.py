"""All modes that a cross-section guides, with their group indices."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from lightloop.errors import InputError, unknown_name
from lightloop.maxwell.checks import checked_length
from lightloop.maxwell.modes import PROPAGATES, Section, modes
from lightloop.maxwell.permittivity import Permittivity
from lightloop.maxwell.polarization import POLARIZATIONS, Polarization, operator
from lightloop.maxwell.stretch import stretched, wave_number_per_um

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True, slots=True)
class Modes:
    """Modes of a cross-section, the one of the highest effective index first.

    Attributes:
        n_eff: Effective indices, shape (modes,), semi-discrete: only the cross-section is discretised. Order 2 in dl.
        group_index: c dβ/dω, shape (modes,), of media without dispersion:
            n_g = Σ ε |e|² / n_eff for Ez with Σ |e|² = 1, which is the exact derivative of the discrete n_eff.
        step: What a mode is multiplied by from one point of the grid to the next along the axis, shape (modes,).
        profile: Ez or Hz across it, shape (modes, n), as in `modes.Mode`.
        position_um: Of the points across it, shape (n,).
        wavelength_um: In vacuum.
    """

    n_eff: Array
    group_index: Array
    step: Array
    profile: Array
    position_um: Array
    wavelength_um: float

    def __len__(self) -> int:
        return len(self.n_eff)

    def beat_length_um(self, first: int = 0, second: int = 1) -> float:
        """π/(β_first − β_second): half a period of the interference of two modes.

        Raises:
            InputError: There are not so many modes.
        """
        if max(first, second) >= len(self):
            raise InputError(f"a beat of modes {first} and {second}", allowed=[f"modes 0 to {len(self) - 1}"])
        return 0.5 * self.wavelength_um / abs(float((self.n_eff[first] - self.n_eff[second]).real))

    def to_dict(self) -> dict[str, Any]:
        """Numbers and lists only."""
        return {
            "wavelength_um": self.wavelength_um,
            "n_eff": self.n_eff.real.tolist(),
            "group_index": self.group_index.real.tolist(),
            "position_um": self.position_um.tolist(),
            "profile_real": self.profile.real.tolist(),
            "profile_imag": self.profile.imag.tolist(),
        }


def modes_across(
    of: Section,
    at_points: Array,
    eps_r: Array,
    position_um: Array,
    wavelength_um: float,
    weight: float = 1.0,
    count: int | None = None,
) -> Modes:
    """Modes of a section of an operator.

    Args:
        of: The section.
        at_points: What the operator has at its points without couplings: (k0 dl)² ε_r, or (k0 dl)² for Hz.
        eps_r: Of its points.
        position_um: Of its points.
        wavelength_um: In vacuum.
        weight: Of the differences along the axis.
        count: How many; None for all that are guided: n_eff above the index at both ends, and no more loss than
            `modes.PROPAGATES` for each step.

    Raises:
        InputError: The count cannot be used.
    """
    if count is not None and not (isinstance(count, int | np.integer) and count >= 1):
        raise InputError(f"count={count!r} modes", allowed=["a whole number >= 1", "None for all guided modes"])
    k0_dl = wave_number_per_um(wavelength_um) * float(position_um[1] - position_um[0])
    index = math.sqrt(max(0.0, float(np.max(np.real(eps_r)))))
    room = math.ceil(k0_dl * index * len(eps_r) / math.pi) + 2
    found = modes(of, min(len(eps_r), room if count is None else count), k0_dl / math.sqrt(weight))
    if count is None:
        ends = math.sqrt(max(0.0, *(float(np.real(eps_r[end])) for end in (0, -1))))
        found = [one for one in found if one.n_eff.real > ends and abs(abs(one.step) - 1.0) <= PROPAGATES]
    n_eff = np.array([one.n_eff for one in found], dtype=complex)
    profile = np.array([one.profile for one in found]).reshape(len(found), len(eps_r))
    group = weight * (profile**2 @ at_points) / (k0_dl**2 * n_eff)
    step = np.array([one.step for one in found], dtype=complex)
    return Modes(n_eff, group, step, profile, position_um, wavelength_um)


def cross_section(
    eps_r: Array,
    dl_um: float,
    wavelength_um: float = 1.55,
    polarization: Literal["Ez", "Hz"] = "Ez",
    count: int | None = None,
) -> Modes:
    """Modes of a line of cells across a guide, without a device; walls stand at its ends.

    Args:
        eps_r: Relative permittivity of the cells, shape (n,).
        dl_um: Side of a cell.
        wavelength_um: In vacuum.
        polarization: "Ez" (TE of a slab) or "Hz" (TM).
        count: How many modes; None for all guided.

    Raises:
        InputError: A value cannot be used.

    Example:
        >>> core = np.abs(np.arange(320) - 159.5) < 20
        >>> float(cross_section(np.where(core, 12.11, 2.0736), 0.0125).n_eff[0].real.round(4))
        3.2759
    """
    if polarization not in POLARIZATIONS:
        raise unknown_name("polarization", str(polarization), POLARIZATIONS)
    line = np.asarray(eps_r)
    if line.ndim != 1 or len(line) < 2 or not np.isfinite(line).all() or not line.all():
        raise InputError(
            f"a cross-section of shape {line.shape}", allowed=["shape (n,), n > 1, finite and nowhere zero"]
        )
    dl_um = checked_length("dl_um", dl_um, example=0.05)
    wavelength_um = checked_length("wavelength_um", wavelength_um, example=1.55)
    of, at_points = _of_line(line, wave_number_per_um(wavelength_um) * dl_um, POLARIZATIONS[polarization])
    return modes_across(of, at_points, line, (np.arange(len(line)) + 0.5) * dl_um, wavelength_um, count=count)


def _of_line(line: Array, k0_dl: float, polarization: Polarization) -> tuple[Section, Array]:
    eps = Permittivity.of_cells(np.stack([line, line]))
    whole = operator(polarization, eps, k0_dl, (stretched(2, 0, k0_dl), stretched(len(line), 0, k0_dl)))
    of = Section(whole.diagonal[0], whole.across_y[0, 1:-1], whole.across_x[1])
    return of, k0_dl**2 * np.broadcast_to(polarization.at_points(eps), whole.shape)[0]
