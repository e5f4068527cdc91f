"""The directional coupler that mixes two operands, and how its splitting drifts over a WDM comb.

    x ──╲___╱── z0 = t x + jk y       power coupling  κ = k² = 1 − t²,  1/2 at the design wavelength
    y ──╱‾‾‾╲── z1 = jk x + t y       imbalance       e = 2κ − 1

Coupled-mode theory: power passes over as sin²(π/2 · L/Lc); a 3 dB coupler has half the coupling length of its
design wavelength. Lc(λ) is the fit for two silicon wires that the Lightening-Transformer artefact uses
(Zhu et al., HPCA 2024). Its range of validity is not stated there; wavelengths beyond the telecom bands are
refused.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lightloop.errors import InputError

CENTER_UM = 1.55
GAP_UM = 0.1
TELECOM_BANDS_UM = (1.26, 1.675)


def coupling_length_um(wavelength_um: ArrayLike, gap_um: float = GAP_UM) -> NDArray[np.float64]:
    """Length after which all power has passed to the other waveguide.

    Lc(λ) = (3.53 − 5.44 d) · exp(g / (0.15 + 0.185 d)) with d = λ − 1.55, all in um.

    Args:
        wavelength_um: Vacuum wavelengths, any shape.
        gap_um: Gap g between the two waveguides.

    Returns:
        Coupling lengths in um, of the shape of `wavelength_um`.

    Raises:
        InputError: A wavelength is outside the telecom bands, or the gap is not positive.
    """
    wavelength_um = np.asarray(wavelength_um, dtype=np.float64)
    low, high = TELECOM_BANDS_UM
    outside = ~((wavelength_um >= low) & (wavelength_um <= high))
    if outside.any():
        raise InputError(
            f"wavelength {wavelength_um[outside].flat[0]:g} um is outside the range of the coupler fit",
            allowed=[f"{low} um to {high} um"],
            hint="use fewer wavelengths or a smaller spacing",
        )
    if not gap_um > 0:
        raise InputError(f"the coupler gap must be positive, got {gap_um:g} um", hint="0.1 um is the gap of the fit")
    detuning_um = wavelength_um - 1.55
    return (3.53 - 5.44 * detuning_um) * np.exp(gap_um / (0.15 + 0.185 * detuning_um))


def power_coupling(
    wavelength_um: ArrayLike, center_um: float = CENTER_UM, gap_um: float = GAP_UM
) -> NDArray[np.float64]:
    """Power κ that a coupler of 3 dB at `center_um` passes over at each wavelength, sin²(π/4 · Lc(λ0)/Lc(λ)).

    Args:
        wavelength_um: Vacuum wavelengths, any shape.
        center_um: Design wavelength λ0.
        gap_um: Gap between the two waveguides.

    Raises:
        InputError: As `coupling_length_um`.
    """
    center_length_um = coupling_length_um(center_um, gap_um)
    angle = np.pi / 4 * center_length_um / coupling_length_um(wavelength_um, gap_um)
    return np.asarray(np.sin(angle) ** 2)


def coupling_imbalance(wavelengths: int, spacing_nm: float = 0.4, center_um: float = CENTER_UM) -> NDArray[np.float64]:
    """e = 2κ − 1 on each wavelength of the comb `wdm_grid_um`, shape `(wavelengths,)`."""
    return 2 * power_coupling(wdm_grid_um(wavelengths, spacing_nm, center_um), center_um) - 1


def wdm_grid_um(wavelengths: int, spacing_nm: float = 0.4, center_um: float = CENTER_UM) -> NDArray[np.float64]:
    """Vacuum wavelengths of a comb around `center_um`, ascending, shape `(wavelengths,)`.

    An even comb leaves the centre out, so that it is symmetric: 12 wavelengths sit at −6 … −1, 1 … 6
    spacings.

    Raises:
        InputError: Fewer than one wavelength, or a spacing that is not positive.
    """
    if isinstance(wavelengths, bool) or not isinstance(wavelengths, int | np.integer) or wavelengths < 1:
        raise InputError(f"the number of wavelengths must be a whole number of 1 or more, got {wavelengths!r}")
    if not (np.isfinite(spacing_nm) and spacing_nm > 0):
        raise InputError(f"the wavelength spacing must be positive, got {spacing_nm!r} nm", hint="0.4 nm is 50 GHz")
    slot = np.arange(wavelengths) - wavelengths // 2
    if wavelengths % 2 == 0:
        slot = slot + (slot >= 0)
    return np.asarray(center_um + 1e-3 * spacing_nm * slot)
