"""A receiver that cannot be is refused, with all its mistakes at once."""

from __future__ import annotations

import math

import pytest

from lightloop.errors import InputError
from lightloop.optics import Noise


@pytest.mark.parametrize(
    "values",
    [
        {"photons": 0.0},
        {"photons": -1.0},
        {"photons": math.nan},
        {"thermal_electrons": -1.0},
        {"thermal_electrons": math.inf},
        {"readout_products": 0},
        {"readout_products": 1.5},
        {"readout_products": True},
        {"adc_bits": -1.0},
        {"adc_bits": "8"},
        {"adc_loading": 0.0},
    ],
)
def test_a_figure_out_of_range_is_named(values: dict[str, float]) -> None:
    with pytest.raises(InputError, match=f"Noise.{next(iter(values))} is") as caught:
        Noise(**values)  # type: ignore[arg-type]
    assert caught.value.allowed
    assert caught.value.hint


def test_all_mistakes_at_once() -> None:
    with pytest.raises(InputError) as caught:
        Noise(magnitude=-1, photons=0, adc_bits=-3)
    for name in ("magnitude", "photons", "adc_bits"):
        assert f"Noise.{name}" in str(caught.value)


def test_thermal_noise_needs_light_to_be_measured_against() -> None:
    with pytest.raises(InputError, match="light is infinite"):
        Noise(thermal_electrons=100.0)
