"""Interference, quantisation and noise of the optical dot product: what must hold whatever the numbers are."""

from __future__ import annotations

import itertools
import math
import subprocess
import sys

import numpy as np
import pytest
import torch
from scipy.integrate import quad

from lightloop.onn import DotCore, PhotonicLinear, PhotonicMatmul, quantize
from lightloop.onn.quantize import DARK, full_scale, to_field
from lightloop.optics import (
    Noise,
    active_noise,
    coupling_imbalance,
    ddot,
    ddot_closed_form,
    ddot_fields,
    phase_moments,
    power_coupling,
    wdm_grid_um,
)

# Sums of some dozens of products of order one, in float64.
ROUNDING = 1e-12
FLOAT32_ROUNDING = 1e-5
# A statistic of normal draws is off by more than this many of its own standard deviations once in 2e6 times.
SAMPLING_SIGMAS = 5.0

RNG_SHAPES = [(12,), (7, 12), (2, 3, 24)]
IDEAL = {"bits": None, "dispersion": False}


def operands(*shape: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.uniform(-1, 1, shape), rng.uniform(-1, 1, shape)


@pytest.mark.parametrize("shape", RNG_SHAPES)
def test_ideal_interference_is_the_dot_product(shape: tuple[int, ...]) -> None:
    x, y = operands(*shape)
    assert np.abs(ddot(x, y) - (x * y).sum(-1)).max() < ROUNDING


@pytest.mark.parametrize("shape", RNG_SHAPES)
def test_fields_agree_with_the_closed_form_under_dispersion_and_phase_errors(shape: tuple[int, ...]) -> None:
    x, y = operands(*shape)
    kappa = power_coupling(wdm_grid_um(shape[-1], spacing_nm=1.6))
    phase = -math.pi / 2 + np.random.default_rng(1).normal(0, 0.3, shape)
    assert np.abs(kappa - 0.5).max() > 0.005
    assert np.abs(ddot(x, y, kappa, phase) - ddot_closed_form(x, y, kappa, phase)).max() < ROUNDING


def test_the_coupler_conserves_power() -> None:
    x, y = operands(5, 12)
    z0, z1 = ddot_fields(x, y, kappa=0.37, phase=0.8)
    assert np.abs(np.abs(z0) ** 2 + np.abs(z1) ** 2 - x**2 - y**2).max() < ROUNDING


def test_the_coupler_splits_in_half_only_at_its_centre() -> None:
    kappa = power_coupling(wdm_grid_um(13))
    assert abs(kappa[6] - 0.5) < ROUNDING
    assert (np.diff(kappa) > 0).all()


@pytest.mark.parametrize("phase_deg", [0.5, 2.0, 20.0, 90.0])
def test_phase_moments_are_the_integrals_over_the_normal_density(phase_deg: float) -> None:
    s = math.radians(phase_deg)

    def expected(power: int) -> float:
        def integrand(z: float) -> float:
            return math.cos(s * z) ** power * math.exp(-z * z / 2) / math.sqrt(2 * math.pi)

        return quad(integrand, -12, 12, epsabs=1e-14, epsrel=1e-13, limit=200)[0]

    mean, variance = phase_moments(phase_deg)
    assert mean == pytest.approx(expected(1), rel=1e-12)
    # The integral gives the variance as a difference of numbers near 1, so only to 1e-13 absolute.
    assert variance == pytest.approx(expected(2) - expected(1) ** 2, rel=1e-9, abs=1e-13)


@pytest.mark.parametrize("length", [5, 12, 30])
def test_the_core_computes_what_the_fields_do(length: int) -> None:
    """Dispersion goes round the comb along the summed axis; the normalised fields are those of each row."""
    x, w = (torch.from_numpy(item) for item in operands(4, length))
    core = DotCore(bits=None, wavelengths=12, spacing_nm=1.6)
    kappa = np.resize((1 + coupling_imbalance(12, 1.6)) / 2, length)
    expected = np.zeros((4, 4))
    for t, o in itertools.product(range(4), range(4)):
        s_x, s_w = x[t].abs().max().item(), w[o].abs().max().item()
        expected[t, o] = s_x * s_w * ddot(x[t].numpy() / s_x, w[o].numpy() / s_w, kappa)
    assert np.abs(core.product(x, w).numpy() - expected).max() < ROUNDING
    assert np.abs((x @ w.T).numpy() - expected).max() > 1e-4  # the dispersion is there


def test_the_core_is_homogeneous_in_each_operand() -> None:
    x, w = torch.randn(6, 20, dtype=torch.float64), torch.randn(5, 20, dtype=torch.float64)
    core = DotCore(bits=4)
    assert torch.allclose(core.product(1e3 * x, 1e-2 * w), 10 * core.product(x, w), rtol=ROUNDING, atol=ROUNDING)


def test_dark_rows_detect_nothing_and_learn_as_others_do() -> None:
    x, w = torch.zeros(3, 8).requires_grad_(), torch.randn(2, 8)
    assert (DotCore(bits=4).product(x, w).abs() < 1e-12).all()
    with Noise().sample(seed=0):
        noisy = DotCore(bits=4).product(x, w)
    assert (noisy.abs() < 1e-12).all()
    noisy.sum().backward()
    four_bit_and_noise = 0.5 * w.abs().max().item()
    assert torch.allclose(x.grad, w.sum(0).expand(3, -1), atol=four_bit_and_noise)


# Quantiser


@pytest.mark.parametrize("bits", [2, 3, 4, 8])
def test_a_signed_quantiser_has_an_odd_number_of_levels(bits: int) -> None:
    levels = quantize(torch.linspace(-1, 1, 100_001, dtype=torch.float64), bits).unique()
    assert len(levels) == 2**bits - 1
    assert levels[0] == -1
    assert levels[-1] == 1
    assert (levels == 0).any()


@pytest.mark.parametrize("bits", [3, 4, 6, 8, 10])
def test_quantisation_error_is_step_over_root_twelve(bits: int) -> None:
    """Exact for operands spread evenly over whole steps, hence the small tolerance for the half steps at the ends."""
    field = torch.linspace(-1, 1, 2_000_001, dtype=torch.float64)
    step = 1 / (2 ** (bits - 1) - 1)
    error = (quantize(field, bits) - field).square().mean().sqrt().item()
    assert error == pytest.approx(step / math.sqrt(12), rel=1e-5)


def test_each_bit_is_worth_six_decibels() -> None:
    """6.02 dB per bit in the limit of many levels; the number of levels 2^(b−1) − 1 approaches its doubling."""
    field = torch.rand(1_000_000, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * 2 - 1

    def snr_db(bits: int) -> float:
        error = quantize(field, bits) - field
        return 10 * math.log10(field.square().mean() / error.square().mean())

    gains_db = [snr_db(bits + 1) - snr_db(bits) for bits in range(8, 13)]
    expected_db = [20 * math.log10((2**bits - 1) / (2 ** (bits - 1) - 1)) for bits in range(8, 13)]
    assert gains_db == pytest.approx(expected_db, abs=0.02)  # sampling error of a mean over 1e6
    assert gains_db[-1] == pytest.approx(6.02, abs=0.03)


def test_rows_are_scaled_to_full_swing() -> None:
    x = torch.tensor([[1.0, -4.0], [0.5, 0.25], [0.0, 0.0]])
    scale = full_scale(x)
    assert scale.squeeze(-1).tolist() == [4.0, 0.5, DARK]
    assert to_field(x, scale).tolist() == [[0.25, -1.0], [1.0, 0.5], [0.0, 0.0]]
    assert full_scale(x, "tensor").squeeze(-1).tolist() == [4.0, 4.0, 4.0]


# Noise


def exact_draws(x: np.ndarray, w: np.ndarray, noise: Noise, draws: int) -> np.ndarray:
    """Dot products of one pair, each scalar product with a phase error of its own, by the fields; `(draws,)`."""
    rng = np.random.default_rng(7)
    phase = -math.pi / 2 + rng.normal(0, math.radians(noise.phase_deg), (draws, len(x)))
    return ddot(x, w, 0.5, phase) * (1 + noise.output * rng.normal(size=draws))


@pytest.mark.parametrize("noise", [Noise(0, 2, 0), Noise(0, 25, 0), Noise(0, 25, 0.1), Noise(0, 2, 0.05)])
def test_gaussian_phase_model_has_the_moments_of_the_exact_draw(noise: Noise) -> None:
    draws = 100_000
    x, w = operands(24)
    exact = exact_draws(x, w, noise, draws)
    with noise.sample(seed=3):
        x_tk = torch.from_numpy(x).expand(draws, -1)
        model = DotCore(**IDEAL).product(x_tk, torch.from_numpy(w).unsqueeze(0)).squeeze(-1).numpy()
    deviation = exact.std()
    assert abs(model.mean() - exact.mean()) < SAMPLING_SIGMAS * deviation * math.sqrt(2 / draws)
    # The variance of a sample variance is (kurtosis − 1) σ⁴ / n.
    kurtosis = [((item - item.mean()) ** 4).mean() / item.var() ** 2 for item in (exact, model)]
    spread = math.sqrt(sum(kurtosis) - 2) / math.sqrt(draws)
    assert abs(model.var() / exact.var() - 1) < SAMPLING_SIGMAS * spread


def test_an_operand_element_is_encoded_once_for_all_its_products() -> None:
    """Outputs that share the row x share its noise: Cov(y_o, y_p) = σ² Σ x² w_o w_p, while w is drawn for each row."""
    draws, sigma = 100_000, 0.1
    rng = torch.Generator().manual_seed(0)
    x, w = (torch.rand(rows, 12, generator=rng, dtype=torch.float64) for rows in (1, 2))
    with Noise(sigma, 0, 0).sample(seed=0):
        y = DotCore(**IDEAL).product(x.expand(draws, 1, 12), w.expand(draws, 2, 12)).squeeze(1)
    covariance = torch.cov(y.T)
    expected = sigma**2 * torch.einsum("k,ok,pk->op", x[0] ** 2, w, w)
    expected += torch.diag(sigma**2 * (1 + sigma**2) * ((x**2) * (w**2)).sum(-1))
    spread = torch.sqrt((covariance.diag().outer(covariance.diag()) + covariance**2) / draws)
    assert ((covariance - expected).abs() < SAMPLING_SIGMAS * spread).all()


def test_the_draws_are_standard_normal() -> None:
    draws = 1_000_000
    with Noise().sample(seed=0) as noise:
        z = noise.normal_like(torch.empty(draws, dtype=torch.float64))
    for power, moment, variance in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)):
        assert abs((z**power).mean() - moment) < SAMPLING_SIGMAS * math.sqrt(variance / draws)
    for lag in (1, 2, 3, 4):
        assert abs((z[lag:] * z[:-lag]).mean()) < SAMPLING_SIGMAS / math.sqrt(draws)
    assert (z.sort().values - torch.special.ndtri((torch.arange(draws) + 0.5) / draws)).abs()[1000:-1000].max() < 0.05


def test_noise_is_not_the_data_drawn_with_the_same_seed() -> None:
    data = torch.randn(10_000, generator=torch.Generator().manual_seed(0))
    with Noise().sample(seed=0) as noise:
        correlation = torch.corrcoef(torch.stack([data, noise.normal_like(data)]))[0, 1]
    assert abs(correlation) < SAMPLING_SIGMAS / math.sqrt(10_000)


def test_the_same_seed_gives_the_same_output_and_leaves_the_global_generators_alone() -> None:
    layer, x = PhotonicLinear(16, 8, bits=4), torch.randn(5, 16)
    torch_state, numpy_state = torch.get_rng_state(), np.random.get_state()[1].copy()

    def noisy(seed: int) -> torch.Tensor:
        with Noise().sample(seed=seed), torch.no_grad():
            return layer(x)

    assert torch.equal(noisy(0), noisy(0))
    assert not torch.equal(noisy(0), noisy(1))
    assert torch.equal(torch_state, torch.get_rng_state())
    assert (numpy_state == np.random.get_state()[1]).all()


def test_noise_contexts_nest_and_end_with_their_block() -> None:
    assert active_noise() is None
    with Noise(magnitude=0.1).sample() as outer:
        with pytest.raises(KeyError), Noise(magnitude=0.2).sample() as inner:
            assert active_noise() is inner
            raise KeyError
        assert active_noise() is outer
    assert active_noise() is None


def test_scaled_noise_scales_every_deviation() -> None:
    assert Noise(0.03, 2.0, 0.05).scaled(2) == Noise(0.06, 4.0, 0.1)


def test_without_noise_the_layer_repeats_itself() -> None:
    layer, x = PhotonicLinear(16, 8, bits=4), torch.randn(5, 16)
    assert torch.equal(layer(x), layer(x))


@pytest.mark.parametrize("scaling", ["vector", "tensor"])
@pytest.mark.parametrize(
    ("x_shape", "w_shape"),
    [
        ((600, 24), (700, 24)),
        ((40, 9, 24), (30, 24)),
        ((3, 2, 300, 24), (3, 2, 500, 24)),
        ((2, 900, 24), (2, 600, 24)),
        ((3, 2, 30, 24), (2, 50, 24)),
    ],
)
def test_tiles_change_nothing(scaling: str, x_shape: tuple[int, ...], w_shape: tuple[int, ...]) -> None:
    """Without gradients large products are computed tile by tile, with gradients at once."""
    rng = torch.Generator().manual_seed(0)
    x, w = torch.randn(x_shape, generator=rng), torch.randn(w_shape, generator=rng)
    core = DotCore(bits=4, scaling=scaling)
    tiled, whole = core.product(x, w), core.product(x.clone().requires_grad_(), w).detach()
    assert tiled.shape == whole.shape
    assert torch.allclose(tiled, whole, rtol=FLOAT32_ROUNDING, atol=FLOAT32_ROUNDING * whole.abs().max().item())
    with Noise().sample(seed=0):
        noisy = core.product(x, w) - whole
    with Noise().sample(seed=0):
        noisy_whole = core.product(x.clone().requires_grad_(), w).detach() - whole
    assert noisy.square().mean() == pytest.approx(noisy_whole.square().mean().item(), rel=0.05)


# Gradients


def test_gradient_under_noise_matches_finite_differences() -> None:
    rng = torch.Generator().manual_seed(0)
    x, w = (torch.randn(shape, generator=rng, dtype=torch.float64).requires_grad_() for shape in ((2, 3, 7), (2, 5, 7)))

    def product(x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
        with Noise(0.05, 10, 0.1).sample(seed=1):
            return DotCore(bits=None, wavelengths=4, spacing_nm=1.6).product(x, w)

    assert torch.autograd.gradcheck(product, (x, w))


def test_gradient_takes_rounding_for_the_identity() -> None:
    """With x̂ = s Q(x/s) and Q' = 1: dx̂_k/dx_k = 1, and the peak of a row, which sets s, moves all by Q(x/s) − x/s."""
    x, w = torch.randn(4, 9, dtype=torch.float64).requires_grad_(), torch.randn(3, 9, dtype=torch.float64)
    DotCore(bits=4, dispersion=False).product(x, w).sum().backward()
    w_scale, x_scale = full_scale(w), full_scale(x.detach())
    slope = (quantize(to_field(w, w_scale), 4) * w_scale).sum(0)
    field = to_field(x.detach(), x_scale)
    expected = slope.expand(4, -1).clone()
    at_peak = field.abs() == 1
    expected[at_peak] += field[at_peak] * ((quantize(field, 4) - field) @ slope)
    assert torch.allclose(x.grad, expected, rtol=ROUNDING, atol=ROUNDING)


def test_a_layer_learns_under_noise() -> None:
    """From zero, in 6 bits and under noise: what is left of the error is what the noise alone makes.

    Per output that is (2 σ_m² Σ x² w² + σ_o² y²), for unit inputs (2 · 0.03² + 0.05²) = 0.43 % of the signal.
    """
    rng = torch.Generator().manual_seed(0)
    target = torch.randn(8, 16, generator=rng)
    layer = PhotonicLinear(16, 8, bits=6)
    torch.nn.init.zeros_(layer.weight)
    optimizer = torch.optim.Adam(layer.parameters(), lr=0.05)

    def loss(seed: int) -> torch.Tensor:
        x = torch.randn(256, 16, generator=rng)
        with Noise().sample(seed=seed):
            return (layer(x) - x @ target.T).square().mean()

    for seed in range(300):
        optimizer.zero_grad()
        loss(seed).backward()
        optimizer.step()
    with torch.no_grad():
        assert loss(1000) < 0.01 * target.square().sum(-1).mean()


# Shapes


@pytest.mark.parametrize(
    ("a_shape", "b_shape"),
    [
        ((3, 4), (4, 5)),
        ((2, 3, 4), (4, 5)),
        ((3, 4), (2, 4, 5)),
        ((6, 1, 3, 4), (2, 4, 5)),
        ((4,), (4, 5)),
        ((3, 4), (4,)),
        ((2, 3, 4), (4,)),
        ((4,), (2, 4, 5)),
        ((4,), (4,)),
        ((0, 4), (4, 5)),
        ((3, 0), (0, 5)),
    ],
)
def test_photonic_products_broadcast_like_torch(a_shape: tuple[int, ...], b_shape: tuple[int, ...]) -> None:
    a, b = torch.randn(a_shape), torch.randn(b_shape)
    product = PhotonicMatmul(**IDEAL)(a, b)
    assert product.shape == (a @ b).shape
    assert torch.allclose(product, a @ b, atol=FLOAT32_ROUNDING)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_products_keep_the_dtype_of_their_operands(dtype: torch.dtype) -> None:
    """Half precision is computed in float32: amplitudes of 300 have squares beyond float16."""
    a, b = (300 * torch.randn(4, 4)).to(dtype), torch.randn(4, 4).to(dtype)
    with Noise().sample(seed=0):
        product = PhotonicMatmul(bits=8)(a, b)
    assert product.dtype == dtype
    assert torch.isfinite(product).all()


def test_optics_needs_no_torch_until_noise_is_drawn() -> None:
    code = (
        "import sys; from lightloop.optics import Noise, ddot; ddot([1.0], [2.0]); Noise().scaled(2)\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
