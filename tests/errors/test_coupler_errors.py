"""What cannot be a coupler's response, or be tuned, is refused before long work, with what is allowed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lightloop.errors import InputError
from lightloop.loop.simulated_coupler import SimulatedDotCore, dot_core
from lightloop.maxwell.convergence import Estimate
from lightloop.maxwell.coupler.channels import comb_um, response
from lightloop.maxwell.coupler.response import CouplerResponse
from lightloop.maxwell.coupler.tuning import tune
from lightloop.maxwell.devices import DEVICES
from lightloop.maxwell.geometry.effective_index import InFilm, film_permittivity
from lightloop.maxwell.scattering import Spectrum

COUPLER = DEVICES["coupler"]()
BOUNDS = {"length_um": (1.0, 6.0)}


@pytest.mark.parametrize(
    ("device", "options", "message"),
    [
        (DEVICES["mmi"](n_in=1, n_out=2), {}, "has the ports"),
        (COUPLER, {"wavelengths_um": []}, "no wavelengths"),
        (COUPLER, {"wavelengths_um": [1.55, -1.0]}, "wavelengths_um=-1.0 cannot be used"),
        (COUPLER, {"dl_um": (0.05,)}, "cannot be extrapolated"),
        (COUPLER, {"dl_um": (0.025, 0.05)}, "cannot be extrapolated"),
        (COUPLER, {"dl_um": (0.05, 0.0)}, "dl_um=0.0 cannot be used"),
        (COUPLER, {"polarization": "Ey"}, "polarization"),
        (COUPLER, {"solver": "magic"}, "solver"),
    ],
)
def test_a_response_that_cannot_be_computed(device: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        response(device, **options)


@pytest.mark.parametrize(
    ("bounds", "options", "message"),
    [
        ({}, {}, "bounds_um="),
        ({"length_um": (2.0, 1.0)}, {}, "bounds_um="),
        ({"length_um": (1.0, float("inf"))}, {}, "bounds_um="),
        (BOUNDS, {"start_um": {"length_um": 9.0}}, "not within the bounds"),
        (BOUNDS, {"start_um": {"gap_um": 0.1}}, "not within the bounds"),
        (BOUNDS, {"target": 1.5}, "target=1.5"),
        (BOUNDS, {"tolerance": 0.0}, "tolerance=0.0"),
        (BOUNDS, {"wavelengths_um": []}, "no wavelengths"),
    ],
)
def test_a_tuning_that_cannot_begin(bounds: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        tune(InFilm(DEVICES["coupler"]), bounds, **options)


def test_a_tuning_that_finds_nothing_says_what_it_found() -> None:
    wide = InFilm(DEVICES["coupler"], {"gap_um": 0.4, "bend_length_um": 2.0, "pitch_um": 1.9})
    with pytest.raises(InputError, match=r"kappa = 0\.5 is not reached"):
        tune(wide, {"length_um": (1.0, 1.5)}, wavelengths_um=[1.55], dl_um=(0.1, 0.05))


@pytest.mark.parametrize(
    "arguments", [{"thickness_um": -0.2}, {"core": 1.0}, {"core": 12.0 - 0.1j}, {"polarization": "TE"}, {"core": "Sj"}]
)
def test_a_film_that_guides_nothing(arguments: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        film_permittivity(**{"thickness_um": 0.22, **arguments})


@pytest.mark.parametrize("channels", [0, 1.5, -3])
def test_no_comb_of_such_a_number(channels: Any) -> None:
    with pytest.raises(InputError, match="channels="):
        comb_um(channels)


def test_a_file_of_something_else(tmp_path: Path) -> None:
    path = tmp_path / "other.json"
    path.write_text('{"dl_um": [0.05]}')
    with pytest.raises(InputError, match="not a coupler's response"):
        CouplerResponse.read(path)
    with pytest.raises(InputError, match="file not found"):
        CouplerResponse.read(tmp_path / "none.json")


def test_a_response_is_read_as_it_was_written(tmp_path: Path) -> None:
    made = _response(comb_um(3))
    again = CouplerResponse.read(made.write(tmp_path / "coupler.json"))
    assert again.to_dict() == made.to_dict()


@pytest.mark.parametrize("wavelengths_um", [[1.53, 1.56], [1.55], [1.5504, 1.5496], [1.5496, 1.55, 1.5508]])
def test_a_core_needs_a_comb(wavelengths_um: list[float]) -> None:
    made = _response(np.array(wavelengths_um))
    if wavelengths_um == [1.55]:
        assert dot_core(made).wavelengths == 1
        return
    with pytest.raises(InputError, match="no comb"):
        dot_core(made)


def test_a_core_needs_an_imbalance_for_each_wavelength() -> None:
    with pytest.raises(InputError, match="2 imbalances"):
        SimulatedDotCore(wavelengths=3, measured=(0.0, 0.1))


def _response(wavelengths_um: np.ndarray) -> CouplerResponse:
    """Numbers of the right shapes."""
    count = len(wavelengths_um)
    each, of_ports = Estimate(np.full(count, 0.5), np.full(count, 0.1), None), np.ones((count, 4))
    spectrum = Spectrum(
        ("in0", "in1", "out0", "out1"),
        wavelengths_um,
        np.zeros((count, 4, 4), complex),
        of_ports + 0j,
        np.zeros(count),
        np.zeros(count),
    )
    return CouplerResponse(
        (0.05, 0.025), spectrum, of_ports, each, each, each, each, Estimate(of_ports, of_ports, None)
    )
