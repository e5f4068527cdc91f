"""Figures of the Lightening-Transformer artefact (Zhu et al., HPCA 2024) and of O2NN (Feng et al., DATE 2021)."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from lightloop.onn import DotCore
from lightloop.optics import (
    Noise,
    coupling_imbalance,
    coupling_length_um,
    phase_moments,
    power_coupling,
    wdm_grid_um,
)

# The tables are printed to six decimals.
PRINTED = 1e-6
PRINTED_RANGE_UM = 1e-4
# 1e5 samples: a ratio of root mean squares is good to half a percent, and the issue allows two.
MONTE_CARLO = 0.02
SAMPLES = 100_000

IMBALANCE_12 = [
    *(-0.008883, -0.007406, -0.005928, -0.004448, -0.002967, -0.001484),
    *(0.001486, 0.002973, 0.004461, 0.005952, 0.007443, 0.008936),
]

# wavelengths: (first um, last um, least κ, largest κ, least e, largest e, rms e)
COMBS = {
    8: (1.5484, 1.5516, 0.497036, 0.502976, -0.005928, 0.005952, 0.004067),
    12: (1.5476, 1.5524, 0.495559, 0.504468, -0.008883, 0.008936, 0.005783),
    16: (1.5468, 1.5532, 0.494084, 0.505963, -0.011832, 0.011927, 0.007498),
    20: (1.5460, 1.5540, 0.492613, 0.507462, -0.014774, 0.014924, 0.009214),
    24: (1.5452, 1.5548, 0.491144, 0.508963, -0.017711, 0.017926, 0.010929),
    112: (1.5276, 1.5724, 0.459592, 0.542740, -0.080816, 0.085481, 0.048661),
}

# Error over signal, both root mean square, of dot products of twelve uniform numbers from −1 to 1.
RELATIVE_ERRORS = {
    "dispersion": (True, None, 0.00366),
    "magnitude": (False, Noise(0.03, 0, 0), 0.04242),
    "phase": (False, Noise(0, 2, 0), 0.00105),
    "magnitude, phase, dispersion": (True, Noise(0.03, 2, 0), 0.0426),
    "all and output noise": (True, Noise(0.03, 2, 0.05), 0.0656),
}


def test_coupling_length_at_the_centre() -> None:
    assert coupling_length_um(1.55) == pytest.approx(6.875501, abs=PRINTED)


def test_imbalance_of_twelve_wavelengths() -> None:
    assert coupling_imbalance(12) == pytest.approx(IMBALANCE_12, abs=PRINTED)


@pytest.mark.parametrize("wavelengths", COMBS)
def test_dispersion_of_a_comb(wavelengths: int) -> None:
    first_um, last_um, *expected = COMBS[wavelengths]
    grid_um = wdm_grid_um(wavelengths)
    kappa = power_coupling(grid_um)
    e = 2 * kappa - 1
    found = [kappa.min(), kappa.max(), e.min(), e.max(), np.sqrt((e**2).mean())]
    assert len(grid_um) == wavelengths
    assert grid_um[[0, -1]] == pytest.approx([first_um, last_um], abs=PRINTED_RANGE_UM / 10)
    assert found == pytest.approx(expected, abs=PRINTED)


def test_an_odd_comb_has_a_line_at_the_centre() -> None:
    grid_um = wdm_grid_um(25)
    assert grid_um[12] == 1.55
    assert grid_um[[0, -1]] == pytest.approx([1.5452, 1.5548], abs=PRINTED_RANGE_UM / 10)
    # Quoted for 25 channels: 1.8 % in κ.
    assert np.abs(2 * power_coupling(grid_um) - 1).max() == pytest.approx(0.018, rel=0.01)


@pytest.mark.parametrize("source", RELATIVE_ERRORS)
def test_error_of_a_dot_product_by_its_sources(source: str) -> None:
    """Operands already fill the modulator's swing, so one scale for all of them: "tensor"."""
    dispersion, noise, expected = RELATIVE_ERRORS[source]
    rng = torch.Generator().manual_seed(0)
    x, w = (2 * torch.rand(SAMPLES, 1, 12, generator=rng) - 1 for _ in range(2))
    core = DotCore(bits=None, dispersion=dispersion, scaling="tensor")
    with (noise or Noise(0, 0, 0)).sample(seed=0):
        found = core.product(x, w).flatten()
    ideal = (x * w).sum(-1).flatten()
    assert (found - ideal).norm() / ideal.norm() == pytest.approx(expected, rel=MONTE_CARLO)


def test_mean_gain_under_a_phase_error_of_a_twentieth_of_a_radian() -> None:
    assert phase_moments(math.degrees(0.05))[0] == pytest.approx(0.99875, abs=1e-5)
    assert phase_moments(math.degrees(0.02))[0] == pytest.approx(0.9998, abs=1e-4)
