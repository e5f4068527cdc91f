"""Laws of a coupler of two guides: what symmetry, reciprocity and the conservation of energy say, and its gradients."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from lightloop.loop.simulated_coupler import accelerator_settings, dot_core
from lightloop.maxwell import cross_section
from lightloop.maxwell.coupler.channels import comb_um, response
from lightloop.maxwell.coupler.response import CouplerResponse, figures_of
from lightloop.maxwell.coupler.tuning import coupling, tune
from lightloop.maxwell.devices import DEVICES
from lightloop.maxwell.geometry.effective_index import InFilm, film_permittivity
from lightloop.maxwell.geometry.materials import permittivity
from lightloop.optics.coupler import wdm_grid_um
from lightloop.optics.dot_product import ddot_closed_form

# Small, so that a second is enough: short bends lose some per cent of the power, which these laws allow for.
WIRES = InFilm(DEVICES["coupler"], {"width_um": 0.45, "bend_length_um": 2.5, "pitch_um": 1.8})
# Small changes give the grid no further cell, and put no edge on a line of the grid, where averages have a kink.
LENGTHS = {"length_um": 2.03, "gap_um": 0.16}
CHANNELS = comb_um(2)
# Fields and entering waves are found apart from one another, and the absorbing layers reflect 1e-5.
POWER = 1e-4
# North and south: rounding. West and east: the device is no whole number of cells long, so that its ends lie
# differently to the absorbing layers, which may reflect an amplitude of 3e-3.
MIRRORED, ALONG = 1e-6, 1e-3
# Of a length in which a third, weakly guided mode, excited by the bends, beats twice with the others.
MORE_UM, BEAT = 3.92, 0.02
# Central differences of 1e-4 um, of a gradient that does not follow the ports as the guides grow.
GRADIENT = 1e-4


@pytest.fixture(scope="module")
def found() -> CouplerResponse:
    return response(partial(WIRES, **LENGTHS), CHANNELS)


def test_what_scattering_lacks_to_be_unitary_is_what_is_radiated(found: CouplerResponse) -> None:
    s = found.spectrum.values
    lost = np.eye(4) - s.conj().swapaxes(1, 2) @ s
    np.testing.assert_allclose(lost[:, range(4), range(4)].real, found.radiated, atol=POWER)
    assert found.lost_of_inputs.min() > -POWER
    assert 0.001 < found.unitarity_defect.max() < 0.1


def test_a_coupler_is_reciprocal_and_has_two_mirrors(found: CouplerResponse) -> None:
    s = found.spectrum.values
    assert found.spectrum.reciprocity_error.max() < POWER
    for image, tolerance in (([1, 0, 3, 2], MIRRORED), ([2, 3, 0, 1], ALONG)):
        assert np.abs(s - s[:, image][:, :, image]).max() < tolerance


def test_the_phase_departs_from_90_degrees_by_no_more_than_losses_let_it(found: CouplerResponse) -> None:
    # The even and the odd wave lose at most the defect d: |arg| <= d / (2 sqrt(kappa (1 - kappa))) to first order.
    kappa, defect = found.kappa.value, found.unitarity_defect
    most = np.degrees(defect / (2 * np.sqrt(kappa * (1 - kappa))))
    assert np.all(np.abs(figures_of(found.spectrum.values)["phase_deg"]) < most)
    lossless = _divider(0.3, angle=0.7)
    assert figures_of(lossless)["phase_deg"] == pytest.approx(0.0, abs=1e-9)
    assert figures_of(lossless)["kappa"] == pytest.approx(0.3)


def test_a_third_grid_lies_within_the_error_bars_of_two(found: CouplerResponse) -> None:
    finer = response(partial(WIRES, **LENGTHS), CHANNELS[:1], (0.025, 0.0125))
    for name in ("kappa", "phase_deg", "loss_db", "n_eff"):
        one, other = getattr(found, name), getattr(finer, name)
        assert np.all(np.abs(one.value[0] - other.value[0]) <= one.error[0] + other.error[0]), name
        assert np.all(other.error[0] < 1.1 * one.error[0]), name


def test_light_crosses_at_the_beat_of_the_even_and_the_odd_mode(found: CouplerResponse) -> None:
    # kappa = sin^2(theta), and theta grows by pi/2 over each beat length of the two modes of both guides.
    longer = response(partial(WIRES, **{**LENGTHS, "length_um": LENGTHS["length_um"] + MORE_UM}), CHANNELS[:1])
    turned = np.diff([np.arcsin(np.sqrt(one.kappa.value[0])) for one in (found, longer)])
    expected = 0.5 * np.pi * MORE_UM / _beat_length_um(float(CHANNELS[0]))
    assert turned == pytest.approx(expected, rel=BEAT)
    assert found.kappa.value[1] > found.kappa.value[0]


def test_the_gradient_by_lengths_is_that_of_differences() -> None:
    at = partial(coupling, WIRES, wavelengths_um=CHANNELS[:1], dl_um=0.05)
    found = at(LENGTHS)
    for name in LENGTHS:
        above, below = (at({**LENGTHS, name: LENGTHS[name] + side * 1e-4}).kappa for side in (1, -1))
        assert found.gradient[name] == pytest.approx((above - below) / 2e-4, rel=GRADIENT)


def test_a_coupler_is_tuned_to_half_within_one_percent() -> None:
    bounds = {"length_um": (0.5, 8.0), "gap_um": (0.1, 0.2)}
    tuned = tune(WIRES, bounds, wavelengths_um=comb_um(2))
    assert abs(tuned.error) < 0.005
    assert abs(tuned.response.kappa.value - 0.5).max() < 0.005
    assert all(low <= tuned.parameters[name] <= high for name, (low, high) in bounds.items())
    assert tuned.rounds[-1]["kappa"] - 0.5 == pytest.approx(tuned.error, abs=1e-9)


def test_a_coupler_tuned_on_fine_grids_is_half_within_one_percent_with_its_error_bar() -> None:
    tuned = tune(
        InFilm(DEVICES["coupler"], {"width_um": 0.45}),
        {"length_um": (0.5, 6.0), "gap_um": (0.1, 0.25)},
        {"length_um": 3.44, "gap_um": 0.1},
        wavelengths_um=comb_um(12)[[0, -1]],
        dl_um=(0.025, 0.0125),
    )
    middle = tuned.response.kappa
    assert abs(middle.value.mean() - 0.5) + middle.error.max() < 0.005
    assert abs(middle.value - 0.5).max() < 0.01


def test_the_dot_product_through_the_simulated_coupler_is_the_closed_form(found: CouplerResponse) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.uniform(-1, 1, (2, 50, len(CHANNELS)))
    s = found.spectrum.values.conj()  # the closed form has the other sign of time
    shifted = np.exp(-0.5j * np.pi) * y
    z0, z1 = (s[:, out, 0] * x + s[:, out, 1] * shifted for out in (2, 3))
    detected = (np.abs(z0) ** 2 - np.abs(z1) ** 2) / 2
    own = {name: one[..., None] for name, one in figures_of(found.spectrum.values).items()}
    kappa, phase = own["kappa"], np.radians(own["phase_deg"] - 90.0)
    transmission = 10 ** (-0.1 * own["loss_db"][:, 0])
    formula = transmission * np.stack(
        [ddot_closed_form(x[:, [c]], y[:, [c]], kappa[c], phase[c]) for c in range(len(CHANNELS))], axis=-1
    )
    np.testing.assert_allclose(detected, formula, atol=MIRRORED)


def test_extrapolated_arguments_fit_the_closed_form(found: CouplerResponse) -> None:
    ones = np.ones(len(CHANNELS))
    arguments = found.dot_product()
    product = ddot_closed_form(ones, ones, **arguments)
    e, delta = found.imbalance, np.radians(found.phase_deg.value)
    assert product == pytest.approx(float(np.sum(np.sqrt(1 - e**2) * np.cos(delta))))


def test_workers_change_nothing_and_each_simulation_is_told(found: CouplerResponse) -> None:
    told: list[tuple[int, int]] = []
    again = response(partial(WIRES, **LENGTHS), CHANNELS, workers=2, on_progress=lambda *one: told.append(one))
    assert again.to_dict() == found.to_dict()
    assert told == [(done, 4) for done in range(1, 5)]


def test_the_picture_shows_every_channel_with_its_bar(found: CouplerResponse) -> None:
    panels = found.plot(closed_form=np.full(len(CHANNELS), 0.5)).axes
    assert [panel.get_title() for panel in panels] == ["power coupling κ", "phase error (degrees)", "loss (dB)"]
    for panel, estimate in zip(panels, (found.kappa, found.phase_deg, found.loss_db), strict=True):
        data, _, (bars,) = panel.containers[0]
        np.testing.assert_allclose(data.get_ydata(), estimate.value)
        np.testing.assert_allclose([np.ptp(bar[:, 1]) / 2 for bar in bars.get_segments()], estimate.error)


def test_channels_are_those_of_the_optical_layers() -> None:
    for channels in (1, 2, 11, 12, 25):
        np.testing.assert_allclose(comb_um(channels), wdm_grid_um(channels), rtol=1e-15)


def test_a_core_takes_the_simulated_imbalance(found: CouplerResponse) -> None:
    import torch

    core = dot_core(found, bits=None)
    x, w = torch.tensor([[1.0, 0.5]], dtype=torch.float64), torch.tensor([[0.25, -1.0]], dtype=torch.float64)
    e = found.imbalance
    expected = np.sum(np.sqrt(1 - e**2) * [0.25, -0.5] - e / 2 * (np.square([1.0, 0.5]) - np.square([0.25, -1.0])))
    assert float(core.product(x, w)) == pytest.approx(expected, rel=1e-12)


def test_a_machine_takes_loss_and_slope(found: CouplerResponse) -> None:
    settings = accelerator_settings(found)
    assert settings["device.coupler.loss_db"] == pytest.approx(found.loss_db.value.mean())
    # Two channels lie two spacings apart.
    assert settings["device.receiver.imbalance_per_channel"] == pytest.approx(np.diff(found.imbalance)[0] / 2)


def test_a_film_is_a_slab_seen_from_above() -> None:
    assert film_permittivity(0.5, 1.55, "Hz", 12.11, 2.0736) ** 0.5 == pytest.approx(3.275556, abs=1e-6)
    assert film_permittivity(0.5, 1.55, "Ez", 12.11, 2.0736) ** 0.5 == pytest.approx(3.157790, abs=1e-6)
    assert film_permittivity(50.0) == pytest.approx(permittivity("Si", 1.55).real, rel=1e-4)


def _beat_length_um(wavelength_um: float) -> float:
    """Of two guides of the film, side by side, on a grid of 5 nm."""
    y_um = (np.arange(800) + 0.5) * 0.005 - 2.0
    inside = np.abs(np.abs(y_um) - 0.5 * (LENGTHS["gap_um"] + 0.45)) < 0.5 * 0.45
    eps_r = np.where(inside, film_permittivity(0.22, wavelength_um), permittivity("SiO2", wavelength_um).real)
    return cross_section(eps_r, 0.005, wavelength_um, "Hz", count=2).beat_length_um()


def _divider(kappa: float, angle: float) -> np.ndarray:
    """A lossless 2 x 2 without reflections: [[t, -jk], [-jk, t]] with any common phase."""
    t, k = np.sqrt(1 - kappa), np.sqrt(kappa)
    forward = np.exp(1j * angle) * np.array([[t, -1j * k], [-1j * k, t]])
    whole = np.zeros((4, 4), complex)
    whole[2:, :2], whole[:2, 2:] = forward, forward.T
    return whole
