"""Relative permittivity of materials, from the formulas in `materials.toml`."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from numbers import Number
from pathlib import Path
from typing import Literal

from lightloop.errors import InputError, unknown_name
from lightloop.settings import Settings, parse_settings, read_table

FILE = Path(__file__).with_name("materials.toml")
# Each list of coefficients in a material's table, as a function of them and the wavelength in um.
TERMS: dict[str, Callable[[float, float, float], float]] = {
    "sellmeier": lambda b, c, wavelength: b * wavelength**2 / (wavelength**2 - c**2),
    "pole": lambda b, c, wavelength: b / (wavelength**2 - c**2),
    "power": lambda b, p, wavelength: b * wavelength**p,
}


class Material(Settings):
    """One material.

    Attributes:
        title: What it is.
        wavelength_um: First and last vacuum wavelength that the formula holds for.
        constant: Of ε_r.
        sellmeier, pole, power: Coefficients of the terms of `TERMS`.
        kind, source: Of the figures.
    """

    title: str
    wavelength_um: tuple[float, float]
    constant: float
    sellmeier: tuple[tuple[float, float], ...] = ()
    pole: tuple[tuple[float, float], ...] = ()
    power: tuple[tuple[float, float], ...] = ()
    kind: Literal["measured", "assumed", "derived"]
    source: str

    def permittivity(self, wavelength_um: float) -> float:
        """ε_r at a vacuum wavelength within the material's range."""
        terms = [term(a, b, wavelength_um) for name, term in TERMS.items() for a, b in getattr(self, name)]
        return math.fsum([self.constant, *terms])


@cache
def materials() -> dict[str, Material]:
    """All materials by name."""
    return {name: parse_settings(Material, table, f"material {name}") for name, table in read_table(FILE).items()}


def permittivity(material: str | complex, wavelength_um: float) -> complex:
    """ε_r of a material.

    Args:
        material: A name, or ε_r itself.
        wavelength_um: In vacuum.

    Returns:
        A float where there is no loss.

    Raises:
        InputError: The name is unknown, or its formula does not hold at the wavelength.
    """
    check_material(material)
    if not (math.isfinite(wavelength_um) and wavelength_um > 0):
        raise InputError(f"wavelength_um={wavelength_um} cannot be used", allowed=["a vacuum wavelength > 0"])
    if not isinstance(material, str):
        return material.real if complex(material).imag == 0 else complex(material)
    known = materials()[material]
    low, high = known.wavelength_um
    if not low <= wavelength_um <= high:
        raise InputError(
            f"the permittivity of {material} at {wavelength_um:g} um is not known",
            allowed=[f"{low:g} to {high:g} um ({known.source})"],
            hint="give the relative permittivity as a number instead of the material's name",
        )
    return known.permittivity(wavelength_um)


def check_material(material: str | complex) -> None:
    """Refuse what is neither a known name nor a usable ε_r.

    Raises:
        InputError: It is neither.
    """
    if isinstance(material, str):
        if material not in materials():
            raise unknown_name("material", material, materials(), hint="a number is taken as relative permittivity")
        return
    eps = complex(material) if isinstance(material, Number) else complex("nan")
    if not (math.isfinite(eps.real) and math.isfinite(eps.imag)) or eps == 0:
        raise InputError(
            f"a relative permittivity of {material!r} cannot be used",
            allowed=["finite numbers other than 0; losses have a negative imaginary part", *materials()],
        )


def name_or_number(text: str) -> str | complex:
    """A material as it stands in a file: a number, as in `2.0736` or `12.11-0.01j`, or else a name."""
    try:
        value = complex(text.replace(" ", ""))
    except ValueError:
        return text
    return value.real if value.imag == 0 else value
