"""Indices of refraction against what was measured, by others than the source of the formula where there are any."""

from __future__ import annotations

import math

import pytest

from lightloop.maxwell.geometry.materials import materials, permittivity

# Half a unit of the last digit of the table.
TABLE = 5.1e-6
# Silicon by three groups, 50 years apart: as far as they are from one another, which is more than each of them says.
SILICON = 3e-3


@pytest.mark.parametrize(
    "wavelength_um, index", [(0.587561, 1.45846), (0.852111, 1.45247), (1.52952, 1.44427), (3.70670, 1.39939)]
)
def test_silica_has_malitsons_indices(wavelength_um: float, index: float) -> None:
    """Table 1 of J. Opt. Soc. Am. 55, 1205 (1965), computed values."""
    assert math.sqrt(permittivity("SiO2", wavelength_um)) == pytest.approx(index, abs=TABLE)


@pytest.mark.parametrize("wavelength_um", [1.37, 1.55, 2.0, 3.0, 5.0, 10.0])
def test_silicon_of_both_sources_is_the_same_material(wavelength_um: float) -> None:
    one, other = (math.sqrt(permittivity(name, wavelength_um)) for name in ("Si", "Si-Li"))
    assert one == pytest.approx(other, abs=SILICON)


@pytest.mark.parametrize("wavelength_um", [2.5, 4.0, 10.0])
def test_silicon_is_that_of_the_infrared(wavelength_um: float) -> None:
    """Chandler-Horowitz and Amirtharaj, J. Appl. Phys. 97, 123526 (2005), 2.5 to 22.2 um."""
    square = 11.67316 + wavelength_um**-2 + 0.004482633 / (wavelength_um**2 - 1.108205**2)
    for name in ("Si", "Si-Li"):
        assert math.sqrt(permittivity(name, wavelength_um)) == pytest.approx(math.sqrt(square), abs=SILICON)


def test_the_usual_indices_at_1550_nm() -> None:
    found = {name: math.sqrt(permittivity(name, 1.55)) for name in materials()}
    expected = {"Si": 3.4777, "Si-Li": 3.4764, "SiO2": 1.4440, "Si3N4": 1.9963, "air": 1.000273, "vacuum": 1.0}
    assert found == pytest.approx(expected, abs=5e-5)
