"""Bad input to photonic devices and layers: what was given, what is allowed."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from lightloop.errors import InputError
from lightloop.onn import DotCore, PhotonicLinear, PhotonicMatmul, conversion_summary, convert
from lightloop.onn.attention import attention
from lightloop.optics import Noise, coupling_length_um, wdm_grid_um


@pytest.mark.parametrize("build", [lambda: PhotonicLinear(4, 4, core="dott"), lambda: convert(nn.Linear(4, 4), "dott")])
def test_unknown_core_lists_the_cores(build) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InputError, match=r"unknown core 'dott'[\s\S]*allowed: dot[\s\S]*did you mean 'dot'"):
        build()


def test_unknown_core_option_names_the_nearest() -> None:
    with pytest.raises(InputError, match=r"unknown option of core 'dot' 'wavelength'[\s\S]*did you mean 'wavelengths'"):
        PhotonicLinear(4, 4, wavelength=8)


def test_something_else_is_no_core() -> None:
    with pytest.raises(InputError, match="not a photonic core"):
        PhotonicLinear(4, 4, core=7)  # type: ignore[arg-type]


def test_options_do_not_go_with_a_built_core() -> None:
    with pytest.raises(InputError, match="already built"):
        PhotonicLinear(4, 4, core=DotCore(bits=4), wavelengths=8)


@pytest.mark.parametrize("bits", [0, 1, 17, -4, 4.0, True, "4"])
def test_bits_out_of_range(bits: object) -> None:
    with pytest.raises(InputError, match=r"cannot quantise[\s\S]*from 2 to 16"):
        PhotonicLinear(4, 4, bits=bits)


def test_unknown_scaling() -> None:
    with pytest.raises(InputError, match="allowed: tensor, vector"):
        DotCore(scaling="row")


@pytest.mark.parametrize(
    "values", [{"magnitude": -0.01}, {"phase_deg": -2}, {"output": float("nan")}, {"output": "5%"}]
)
def test_noise_that_is_no_standard_deviation(values: dict[str, object]) -> None:
    with pytest.raises(InputError, match=f"Noise.{next(iter(values))} is a standard deviation"):
        Noise(**values)  # type: ignore[arg-type]


def test_a_phase_error_beyond_half_a_turn() -> None:
    with pytest.raises(InputError, match="0 to 180"):
        Noise(phase_deg=400)


def test_negative_scale_of_noise() -> None:
    with pytest.raises(InputError, match="standard deviation"):
        Noise().scaled(-1)


@pytest.mark.parametrize("seed", [-1, 1.5, None, True])
def test_a_seed_is_a_whole_number(seed: object) -> None:
    with pytest.raises(InputError, match="noise seed"), Noise().sample(seed=seed):  # type: ignore[arg-type]
        pass


@pytest.mark.parametrize("wavelengths", [0, -3, 2.5, True])
def test_a_comb_has_a_whole_number_of_wavelengths(wavelengths: object) -> None:
    with pytest.raises(InputError, match="number of wavelengths"):
        wdm_grid_um(wavelengths)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="number of wavelengths"):
        DotCore(wavelengths=wavelengths)  # type: ignore[arg-type]


@pytest.mark.parametrize("spacing_nm", [0, -0.4, float("inf")])
def test_spacing_must_be_positive(spacing_nm: float) -> None:
    with pytest.raises(InputError, match="spacing must be positive"):
        wdm_grid_um(12, spacing_nm)


def test_a_comb_beyond_the_telecom_bands() -> None:
    with pytest.raises(InputError, match=r"outside the range[\s\S]*1.26 um to 1.675 um"):
        DotCore(wavelengths=1200)
    with pytest.raises(InputError, match="outside the range"):
        coupling_length_um(float("nan"))


def test_a_gap_must_be_positive() -> None:
    with pytest.raises(InputError, match="gap must be positive"):
        coupling_length_um(1.55, gap_um=0)


@pytest.mark.parametrize("shape", [(5, 3), (3,), ()])
def test_a_layer_takes_rows_of_its_length(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match=r"takes rows of 4[\s\S]*\(\.\.\., 4\)"):
        PhotonicLinear(4, 4)(torch.ones(shape))


@pytest.mark.parametrize(
    ("a_shape", "b_shape"), [((2, 3), (4, 5)), ((3,), (4,)), ((2, 3, 4), (3, 4, 5)), ((), (4,)), ((4,), (3, 4))]
)
def test_products_of_shapes_that_do_not_fit(a_shape: tuple[int, ...], b_shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="cannot multiply shapes"):
        PhotonicMatmul()(torch.ones(a_shape), torch.ones(b_shape))


def test_the_core_names_the_lengths_that_differ() -> None:
    with pytest.raises(InputError, match="length 3 and 4"):
        DotCore().product(torch.ones(2, 3), torch.ones(2, 4))


@pytest.mark.parametrize("dtype", [torch.int64, torch.complex64])
def test_light_carries_real_numbers(dtype: torch.dtype) -> None:
    with pytest.raises(InputError, match="real amplitudes"):
        PhotonicMatmul()(torch.ones(2, 3, dtype=dtype), torch.ones(3, 2, dtype=dtype))


def test_attention_takes_one_kind_of_mask() -> None:
    q = torch.ones(2, 3)
    with pytest.raises(InputError, match="either attn_mask or is_causal"):
        attention(torch.matmul, q, q, q, attn_mask=torch.ones(2, 2), is_causal=True)


@pytest.mark.parametrize("model", [None, "gpt2", torch.relu])
def test_only_modules_can_be_converted(model: object) -> None:
    with pytest.raises(InputError, match="cannot convert"):
        convert(model)  # type: ignore[type-var]


def test_a_converted_model_is_not_converted_again() -> None:
    with pytest.raises(InputError, match="already converted"):
        convert(convert(nn.Linear(4, 4)))


def test_unknown_excluded_name_shows_the_nearest() -> None:
    model = nn.Sequential()
    model.add_module("head", nn.Linear(4, 4))
    with pytest.raises(InputError, match=r"no module 'haed'[\s\S]*allowed: head[\s\S]*did you mean 'head'"):
        convert(model, exclude="haed")


def test_a_part_of_fused_attention_cannot_be_excluded_alone() -> None:
    model = nn.TransformerEncoderLayer(8, 2)
    with pytest.raises(InputError, match=r"never called[\s\S]*exclude 'self_attn' as a whole"):
        convert(model, exclude="self_attn.out_proj")


def test_a_summary_needs_a_converted_model() -> None:
    with pytest.raises(InputError, match="was not converted"):
        conversion_summary(nn.Linear(4, 4))
