"""A film seen from above: the effective-index method, which makes two dimensions of three.

    cladding                          n_eff² of the film's mode takes the place of the core's ε_r, and the cladding
    core      | thickness             keeps its own (Knox and Toulios, Symp. Submillimeter Waves, 497 (1970)).
    cladding

A wire that guides its light with the electric field in the plane of the film is then simulated with "Hz", and one with
the field across the film with "Ez". The method is an approximation, good where the film confines the light better than
the wire's sides do, and gives indices that are somewhat too high.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from lightloop.errors import InputError, unknown_name
from lightloop.maxwell.checks import checked_length
from lightloop.maxwell.geometry.device import Device
from lightloop.maxwell.geometry.materials import permittivity
from lightloop.maxwell.stretch import wave_number_per_um

# The usual film of silicon on insulator.
THICKNESS_UM = 0.22
HALVINGS = 60


def film_permittivity(
    thickness_um: float,
    wavelength_um: float = 1.55,
    polarization: Literal["Ez", "Hz"] = "Hz",
    core: str | complex = "Si",
    cladding: str | complex = "SiO2",
) -> float:
    """n_eff² of the lowest mode of a film between two half-spaces, the root ε of

        k0 d √(ε_core − ε) = 2 arctan(r √((ε − ε_clad)/(ε_core − ε))),   r = 1, or ε_core/ε_clad for "Ez".

    Args:
        thickness_um: d.
        wavelength_um: In vacuum.
        polarization: Of the simulation in the plane that the number is for: "Hz" if the electric field lies in the
            plane (TE of the film), "Ez" if it is across (TM).
        core, cladding: Materials, or ε_r.

    Raises:
        InputError: A value cannot be used, or the core is not the denser medium or has losses.
    """
    thickness = checked_length("thickness_um", thickness_um, example=THICKNESS_UM)
    inner, outer = (permittivity(one, wavelength_um) for one in (core, cladding))
    if inner.imag or outer.imag or not 0 < outer.real < inner.real:
        raise InputError(
            f"a film of eps_r {inner:g} in {outer:g} guides no lossless mode",
            allowed=["real numbers > 0, the core's larger than the cladding's"],
        )
    ratios = {"Hz": 1.0, "Ez": inner.real / outer.real}
    if polarization not in ratios:
        raise unknown_name("polarization", str(polarization), ratios)
    return _root(wave_number_per_um(wavelength_um) * thickness, inner.real, outer.real, ratios[polarization])


def _root(thickness: float, inner: float, outer: float, ratio: float) -> float:
    low, high = outer, inner
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        ahead = math.atan2(ratio * math.sqrt(middle - outer), math.sqrt(inner - middle))
        low, high = (middle, high) if thickness * math.sqrt(inner - middle) > 2.0 * ahead else (low, middle)
    return 0.5 * (low + high)


@dataclass(frozen=True)
class InFilm:
    """A device etched into a film, at each wavelength with the film's permittivity there.

    Attributes:
        build: Takes `core` and `cladding` besides the parameters of the geometry, as those of `DEVICES` do.
        fixed: Parameters of the geometry that are not left to the call.
        thickness_um: Of the film.
        polarization: As of `film_permittivity`.
        core, cladding: Materials, or ε_r.

    Example:
        >>> from lightloop.maxwell.devices import DEVICES
        >>> InFilm(DEVICES["coupler"])(1.55, gap_um=0.1).name
        'coupler'
    """

    build: Callable[..., Device]
    fixed: dict[str, Any] = field(default_factory=dict)
    thickness_um: float = THICKNESS_UM
    polarization: Literal["Ez", "Hz"] = "Hz"
    core: str | complex = "Si"
    cladding: str | complex = "SiO2"

    def __call__(self, wavelength_um: float, **parameters: Any) -> Device:
        """The device at a vacuum wavelength."""
        core = film_permittivity(self.thickness_um, wavelength_um, self.polarization, self.core, self.cladding)
        return self.build(core=core, cladding=self.cladding, **{**self.fixed, **parameters})
