"""Fields number by number as of ceviche 0.1.3 (PyPI), of the same permittivity and with its own absorbing layers.

ceviche has Hz half a cell before ours, so that what it takes for ε_r along y at a point lies behind it for us; it also
adds 1e-5 to ε_r before it divides. Both are taken over here. Its electric current has the opposite sign, and its
constants of nature are rounded: wave numbers and impedances are made the same as ours.
"""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from scipy.constants import c, mu_0

from lightloop.maxwell import Permittivity, Simulation

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # ceviche compares strings by `is`
    ceviche = pytest.importorskip("ceviche")

SHAPE, DL_UM, WAVELENGTH_UM, CELLS = (384, 80), 0.05, 1.55, 15
CORE, CLADDING = 12.11, 2.0736
# Both solve by elimination of some 3·10^4 unknowns in double precision.
RELATIVE_L2 = 1e-9
ADDED = 1e-5


def guides(*rows: slice, columns: slice = slice(None)) -> np.ndarray:
    eps_r = np.full(SHAPE, CLADDING)
    for row in rows:
        eps_r[columns, row] = CORE
    return eps_r


def etched_mmi() -> np.ndarray:
    eps_r = guides(slice(25, 35), slice(45, 55))
    eps_r[90:290, 20:60] = CORE
    rng = np.random.default_rng(5)
    for x, y in zip(rng.integers(95, 280, 12), rng.integers(20, 55, 12), strict=True):
        eps_r[x : x + 6, y : y + 5] = CLADDING
    return eps_r


def crossing() -> np.ndarray:
    eps_r = guides(slice(35, 45))
    eps_r[187:197] = CORE
    return eps_r


DEVICES = {"coupler": guides(slice(28, 38), slice(41, 51)), "etched MMI": etched_mmi(), "crossing": crossing()}


def line_current() -> np.ndarray:
    current = np.zeros(SHAPE, dtype=complex)
    current[40, 30:50] = np.exp(1j * np.linspace(0.0, 2.0, 20))
    return current


def of_ceviche(eps_r: np.ndarray, polarization: str) -> np.ndarray:
    """Its field of the current over the impedance of vacuum (times it for Hz), in which constants of nature cancel."""
    fdfd = {"Ez": ceviche.fdfd_ez, "Hz": ceviche.fdfd_hz}[polarization]
    of = ceviche.constants
    omega = 2 * math.pi / (WAVELENGTH_UM * 1e-6) * of.C_0
    impedance = -of.ETA_0 if polarization == "Ez" else 1 / of.ETA_0
    return fdfd(omega, DL_UM * 1e-6, eps_r, [CELLS, CELLS]).solve(line_current() / impedance)[2]


def placed(eps_r: np.ndarray, polarization: str) -> np.ndarray | Permittivity:
    """What ceviche has between its points, where we have it."""
    if polarization == "Ez":
        return eps_r
    along_x, along_y = (0.5 * (eps_r + np.roll(eps_r, 1, axis)) + ADDED for axis in (1, 0))
    return Permittivity(
        eps_r, np.concatenate([along_x[:, -1:], along_x], axis=1), np.concatenate([along_y[-1:], along_y])
    )


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("polarization", ["Ez", "Hz"])
def test_fields_are_those_of_ceviche(polarization: str, device: str) -> None:
    eps_r = DEVICES[device]
    simulation = Simulation(
        placed(eps_r, polarization), DL_UM, WAVELENGTH_UM, polarization, pml_cells=CELLS, absorber="ceviche"
    )
    impedance = mu_0 * c if polarization == "Ez" else 1 / (mu_0 * c)
    found = simulation.solve(line_current() / impedance)
    ours = found.components[polarization.lower()]
    expected = of_ceviche(eps_r, polarization)
    assert np.linalg.norm(ours - expected) / np.linalg.norm(expected) < RELATIVE_L2
    assert found.residual < RELATIVE_L2
