"""Photon counting: what a balanced detector makes of light that comes in quanta, and the core's model of it."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.special import ndtri

from lightloop.onn import DotCore
from lightloop.onn.readout import mean_square_readout, sample_rows
from lightloop.optics import Noise, ddot_fields

IDEAL = {"bits": None, "dispersion": False}
RECEIVER_ONLY = {"magnitude": 0.0, "phase_deg": 0.0, "output": 0.0}
# The bar of the issue. The ratio of two sample variances over 60,000 draws strays by 0.8 % (one sigma).
SHOT_NOISE_BAR = 0.03
DRAWS = 60_000
SAMPLING_SIGMAS = 5.0


def counted(x: np.ndarray, w: np.ndarray, photons_per_amplitude: float, rng: np.random.Generator) -> np.ndarray:
    """(N0 − N1) / (2 n0) with N0, N1 Poisson numbers of the fields behind the coupler; last axis summed."""
    z0, z1 = ddot_fields(x, w)
    n0, n1 = (rng.poisson(photons_per_amplitude * (np.abs(z) ** 2).sum(-1)) for z in (z0, z1))
    return (n0 - n1) / (2 * photons_per_amplitude)


def snr(estimate: np.ndarray, true: np.ndarray) -> float:
    return float(np.mean(true**2) / np.mean((estimate - true) ** 2))


@pytest.mark.parametrize("length", [3, 12, 48])
def test_the_snr_of_a_dot_product_is_the_photons_per_product_whatever_its_length(length: int) -> None:
    photons = 100.0
    rng = np.random.default_rng(length)
    x, w = rng.normal(size=(2, DRAWS, length))
    found = snr(counted(x, w, photons / 2, rng), (x * w).sum(-1))  # rms 1: half of the photons from each operand
    assert found == pytest.approx(photons, rel=SHOT_NOISE_BAR)


@pytest.mark.parametrize("spread", ["uniform", "signs"])
def test_the_shape_of_the_operands_does_not_matter(spread: str) -> None:
    photons, length = 100.0, 12
    rng = np.random.default_rng(1)
    draw = {"uniform": lambda s: rng.uniform(-1, 1, s), "signs": lambda s: rng.choice([-1.0, 1.0], s)}[spread]
    x, w = draw((2, DRAWS, length))
    found = snr(counted(x, w, photons / (2 * np.mean(x**2)), rng), (x * w).sum(-1))
    assert found == pytest.approx(photons, rel=SHOT_NOISE_BAR)


def test_unequal_operands_waste_light() -> None:
    """SNR = n 4 a² b² / (a² + b²)²: the stronger operand's photons add noise and no signal of their own."""
    photons, length, a, b = 100.0, 12, 1.0, 0.4
    rng = np.random.default_rng(2)
    x, w = a * rng.normal(size=(DRAWS, length)), b * rng.normal(size=(DRAWS, length))
    found = snr(counted(x, w, photons / (a**2 + b**2), rng), (x * w).sum(-1))
    assert found == pytest.approx(photons * 4 * a**2 * b**2 / (a**2 + b**2) ** 2, rel=SHOT_NOISE_BAR)


def test_same_signs_gain_the_length() -> None:
    photons, length = 100.0, 12
    rng = np.random.default_rng(3)
    x = np.ones((DRAWS, length))
    found = snr(counted(x, x, photons / 2, rng), (x * x).sum(-1))
    assert found == pytest.approx(photons * length, rel=SHOT_NOISE_BAR)


# The model of the core


def drawn(x: np.ndarray, w: np.ndarray, noise: Noise, draws: int = DRAWS) -> np.ndarray:
    """Draws of one dot product by the core, shape `(draws,)`."""
    x_tk, w_ok = torch.from_numpy(x).expand(draws, -1), torch.from_numpy(w).unsqueeze(0)
    with noise.sample(seed=5):
        return DotCore(**IDEAL).product(x_tk, w_ok).squeeze(-1).numpy()


@pytest.mark.parametrize("scale", [1.0, 0.01])
@pytest.mark.parametrize("photons", [20.0, 5000.0])
def test_the_core_has_the_mean_and_variance_of_counted_photons(photons: float, scale: float) -> None:
    """One pair of unequal operands, many counts. Amplitudes are relative to each row's largest, hence the division."""
    rng = np.random.default_rng(4)
    x, w = rng.uniform(-1, 1, 24), scale * rng.uniform(0, 1, 24) ** 2
    peak = np.abs(x).max() * np.abs(w).max()
    fields = np.tile(x / np.abs(x).max(), (DRAWS, 1)), np.tile(w / np.abs(w).max(), (DRAWS, 1))
    exact = peak * counted(*fields, photons / 2, rng)
    model = drawn(x, w, Noise(**RECEIVER_ONLY, photons=photons))
    assert abs(model.mean() - exact.mean()) < SAMPLING_SIGMAS * exact.std() * math.sqrt(2 / DRAWS)
    # Counts and draws are near normal: the variance of a sample variance is 2 σ⁴ / n, for two samples 4.
    assert abs(model.var() / exact.var() - 1) < SAMPLING_SIGMAS * math.sqrt(4.2 / DRAWS)


def test_the_core_gives_random_operands_the_photons_as_snr() -> None:
    rng = np.random.default_rng(6)
    x, w = (torch.from_numpy(rng.choice([-1.0, 1.0], (300, 40))) for _ in range(2))
    with Noise(**RECEIVER_ONLY, photons=100.0).sample(seed=0):
        found = snr(DotCore(**IDEAL).product(x, w).numpy(), (x @ w.T).numpy())
    assert found == pytest.approx(100.0, rel=SHOT_NOISE_BAR)


def test_half_the_amplitude_has_a_quarter_of_the_light() -> None:
    """Every element but the row's largest at a: SNR falls with the light, n a², against shot noise, a⁴ thermal."""
    rng = np.random.default_rng(7)
    full = rng.choice([-1.0, 1.0], (300, 401))
    dim = full * np.where(np.arange(401) == 0, 1.0, 0.5)
    shot, thermal = Noise(**RECEIVER_ONLY, photons=100.0), Noise(**RECEIVER_ONLY, photons=1e6, thermal_electrons=1e6)

    def found(noise: Noise, rows: np.ndarray) -> float:
        x, w = torch.from_numpy(rows), torch.from_numpy(np.random.default_rng(8).permuted(rows, axis=0))
        with noise.sample(seed=0):
            return snr(DotCore(**IDEAL).product(x, w).numpy(), (x @ w.T).numpy())

    # One full element of 401 adds a few per mille of light and of signal.
    assert found(shot, dim) / found(shot, full) == pytest.approx(1 / 4, rel=0.05)
    assert found(thermal, dim) / found(thermal, full) == pytest.approx(1 / 16, rel=0.05)


@pytest.mark.parametrize(("length", "readouts"), [(12, 1), (13, 2), (72, 6), (144, 12)])
def test_each_readout_adds_its_thermal_electrons_once(length: int, readouts: int) -> None:
    x, w = np.full(length, 3.0), np.full(length, 0.5)
    noise = Noise(**RECEIVER_ONLY, photons=1e9, thermal_electrons=2e7, readout_products=12)
    spread = drawn(x, w, noise).std() / 1.5
    expected = math.sqrt(readouts * (2e7 / 1e9) ** 2 + 2 * length / (2 * 1e9))
    assert spread == pytest.approx(expected, rel=SAMPLING_SIGMAS / math.sqrt(2 * DRAWS))


@pytest.mark.parametrize(("bits", "loading"), [(1, 1.0), (3, 2.0), (4, 2.7), (6, 3.0), (8, 3.0), (8, 4.0)])
def test_converter_noise_of_normal_readouts(bits: int, loading: float) -> None:
    readouts = ndtri((np.arange(2_000_000) + 0.5) / 2_000_000)  # evenly in probability: no sampling error
    step = 2 * loading / 2**bits
    levels = (np.floor(readouts / step) + 0.5) * step
    found = np.mean((np.clip(levels, step / 2 - loading, loading - step / 2) - readouts) ** 2)
    expected = Noise(adc_bits=float(bits), adc_loading=loading).adc_variance()
    # One bit at one sigma rounds to two wide steps, over which the density is not even.
    assert found == pytest.approx(expected, rel=0.15 if bits == 1 else 0.01)


@pytest.mark.parametrize(("bits", "loading"), [(3, 3.0), (4, 4.0), (4, 2.0), (6, 4.0)])
def test_converter_noise_is_that_of_rounding_and_clipping(bits: int, loading: float) -> None:
    """Partial sums of 24 products, rounded to 2^bits steps over ± loading sigma and clipped there, then added up."""
    products, pieces = 24, 4
    rng = np.random.default_rng(9)
    x, w = rng.uniform(-1, 1, (2, 500, products * pieces))
    sums = np.einsum("trp,orp->tor", *(item.reshape(500, pieces, products) for item in (x, w)))
    top = loading * math.sqrt(np.mean(sums**2))
    step = 2 * top / 2**bits
    rounded = np.clip((np.floor(sums / step) + 0.5) * step, -top + step / 2, top - step / 2)
    expected = np.mean((rounded - sums).sum(-1) ** 2)
    with Noise(**RECEIVER_ONLY, adc_bits=float(bits), adc_loading=loading, readout_products=products).sample(seed=0):
        model = DotCore(**IDEAL, scaling="tensor").product(torch.from_numpy(x), torch.from_numpy(w)).numpy()
    # The layer's range is taken from 1 of 256 outputs, and sums of 24 products are not quite normal.
    assert np.mean((model - sums.sum(-1)) ** 2) == pytest.approx(expected, rel=0.1)


def test_a_layer_has_one_range_for_all_its_rows_and_batches() -> None:
    """The sample that sets it takes the same batches of both operands, and has the mean square of all within 5 %."""
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(6, 3, 200, 48, generator=generator) - 0.5
    w = torch.rand(6, 1, 90, 48, generator=generator) - 0.5
    everything = mean_square_readout(x, w, 12)
    sample = mean_square_readout(sample_rows(x), sample_rows(w), 12)
    assert sample_rows(x).shape == (3, 3, 29, 48)
    assert sample_rows(w).shape == (3, 1, 30, 48)
    assert sample == pytest.approx(everything.item(), rel=0.05)
    assert everything == pytest.approx(12 / 144, rel=0.05)


def test_noise_of_the_receiver_does_not_depend_on_the_tiling(monkeypatch: pytest.MonkeyPatch) -> None:
    """The range of the converter is a layer's, not a tile's; rows are drawn in order, so that the errors are equal."""
    generator = torch.Generator().manual_seed(0)
    x, w = (torch.rand(rows, 36, generator=generator) - 0.5 for rows in (400, 300))
    noise = Noise(**RECEIVER_ONLY, photons=1e3, thermal_electrons=500, readout_products=12, adc_bits=5.0)

    def errors() -> torch.Tensor:
        with noise.sample(seed=0):
            return DotCore(**IDEAL).product(x, w) - x @ w.T

    whole = errors()
    monkeypatch.setattr("lightloop.onn.tiles.TILE_ELEMENTS", 1 << 12)
    tiled = errors()
    assert torch.allclose(whole, tiled, rtol=1e-4, atol=1e-5)
    assert whole.std() > 0.1


def test_a_perfect_receiver_draws_what_was_drawn_without_one() -> None:
    x, w = torch.randn(20, 24, generator=torch.Generator().manual_seed(0)), torch.randn(8, 24)
    outputs = []
    for noise in (Noise(), Noise(photons=math.inf, adc_bits=math.inf, readout_products=72)):
        with noise.sample(seed=0):
            outputs.append(DotCore(bits=4).product(x, w))
    assert torch.equal(*outputs)


def test_dark_rows_stay_dark_and_gradients_finite() -> None:
    x = torch.zeros(3, 12, requires_grad=True)
    w = torch.randn(4, 12, generator=torch.Generator().manual_seed(0), requires_grad=True)
    noise = Noise(photons=100.0, thermal_electrons=10.0, readout_products=12, adc_bits=4.0)
    with noise.sample(seed=0):
        y = DotCore(bits=4).product(x, w)
    y.sum().backward()
    assert y.abs().max() < 1e-9
    assert torch.isfinite(x.grad).all()
    assert torch.isfinite(w.grad).all()


def test_scaled_noise_leaves_the_receiver_alone() -> None:
    noise = Noise(photons=100.0, thermal_electrons=10.0, readout_products=12, adc_bits=4.0)
    doubled = noise.scaled(2)
    assert doubled == Noise(0.06, 4.0, 0.1, 100.0, 10.0, 12, 4.0)
