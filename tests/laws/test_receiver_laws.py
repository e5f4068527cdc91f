"""What must hold for any receiver: how noise goes with light, time and sharing, and that two rooms agree on it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lightloop import accelerator
from lightloop.accelerator.designs import evaluate, machines
from lightloop.accelerator.detection import effective_bits, intensity_noise, thermal_photons
from lightloop.accelerator.ladder import limits
from lightloop.accelerator.limits import energy_floor, light_energy_per_mac_j
from lightloop.accelerator.machine_file import read_machine
from lightloop.accelerator.modes import mode_named
from lightloop.accelerator.pricing import price
from lightloop.accelerator.receiver import receiver
from lightloop.errors import InputError
from lightloop.onn import DotCore
from lightloop.optics import Noise, coupling_imbalance

ROUNDING = 1e-12
MACHINES = accelerator.machine_names()
DOT_MACHINES = [name for name in MACHINES if name.startswith("lt-")]


def noise_of(name: str = "lt-base", bits: int = 4, **overrides: float) -> Mapping[str, Any]:
    return receiver(accelerator.machine(name, bits=bits, **overrides)).noise_to_signal


@pytest.mark.parametrize("name", MACHINES)
@pytest.mark.parametrize("bits", [2, 4, 8])
def test_noises_add_so_that_the_total_has_fewer_bits_than_each(name: str, bits: int) -> None:
    found = receiver(accelerator.machine(name, bits=bits))
    enob = found.enob
    parts = [value for key, value in enob.items() if key != "total"]
    assert enob["total"] < min(parts)
    assert enob["total"] > min(parts) - math.log(len(parts), 4)
    assert 1 / (1.5 * 4 ** enob["total"]) == pytest.approx(sum(found.noise_to_signal.values()), rel=1e-9)
    assert bool(found.feasible) == (enob["total"] >= bits)


@given(margin_db=st.floats(-60, 20))
@settings(max_examples=30, deadline=None)
def test_shot_noise_falls_with_the_light_and_thermal_noise_with_its_square(margin_db: float) -> None:
    bright, turned = noise_of(), noise_of(laser_margin_db=margin_db)
    light = 10 ** (margin_db / 10)
    assert turned["shot"] == pytest.approx(bright["shot"] / light, rel=1e-9)
    assert turned["thermal"] == pytest.approx(bright["thermal"] / light**2, rel=1e-9)
    for name in ("intensity", "adc", "dispersion"):
        assert turned[name] == bright[name]


def test_cores_that_share_an_amplifier_share_its_noise() -> None:
    alone = noise_of(cores_per_tile=1, **{"device.mzm.energy_fj": 450.0})
    for cores in (2, 4):
        assert noise_of(cores_per_tile=cores)["thermal"] == pytest.approx(alone["thermal"] / cores, rel=ROUNDING)


def test_accumulation_shares_the_capacitor_but_not_the_amplifier() -> None:
    """Signal power and amplifier noise both grow with the time; the capacitor's charge noise comes once a readout."""
    one, six = (accelerator.machine("lt-base", accumulation=count).quantities for count in (1, 6))
    amplifier_only = {"receiver.capacitor": 0.0}
    capacitor_only = {"receiver.tia_noise": 0.0}

    def noise(quantities: Mapping[str, Any], changes: dict[str, float]) -> float:
        return thermal_photons({**quantities, **changes})

    assert noise(six, amplifier_only) == pytest.approx(noise(one, amplifier_only), rel=ROUNDING)
    assert noise(six, capacitor_only) == pytest.approx(noise(one, capacitor_only) / 6, rel=ROUNDING)


def test_twice_the_clock_halves_the_photons() -> None:
    slow, fast = (receiver(accelerator.machine("lt-base", clock_ghz=clock)) for clock in (5.0, 10.0))
    assert fast.received_w == pytest.approx(slow.received_w, rel=ROUNDING)
    assert fast.photons_per_mac == pytest.approx(slow.photons_per_mac / 2, rel=ROUNDING)


def test_more_loss_means_more_laser_but_the_same_light_at_the_detector() -> None:
    clean, lossy = (accelerator.machine("lt-base", **{"device.mzm.loss_db": loss}) for loss in (1.2, 4.2))
    assert lossy.link.laser_optical_w > 1.9 * clean.link.laser_optical_w
    assert receiver(lossy).photons_per_mac == pytest.approx(receiver(clean).photons_per_mac, rel=1e-9)


def test_balanced_detection_rejects_common_light_only() -> None:
    """The signal fluctuates with the laser whatever the balance; a mismatched pair adds that of all its light."""
    base = accelerator.machine("lt-base").quantities
    perfect = intensity_noise(1.0, {**base, "receiver.rejection": 300.0})
    one_sided = intensity_noise(1.0, {**base, "receiver.rejection": 0.0})
    assert perfect == pytest.approx(10 ** (base["receiver.rin"] / 10) * 2.5e9, rel=ROUNDING)
    assert one_sided / perfect == pytest.approx(1 + 12, rel=ROUNDING)


@pytest.mark.parametrize("channels", [1, 7, 8, 12, 16, 20, 24, 25, 112])
def test_the_slope_of_the_imbalance_is_that_of_the_coupler(channels: int) -> None:
    machine = accelerator.machine("lt-base", **{"core.wavelengths": channels})
    expected = 0.4 * np.mean(coupling_imbalance(channels) ** 2)
    # A straight line through a curve: 0.1 % off up to a hundred channels.
    assert receiver(machine).noise_to_signal["dispersion"] == pytest.approx(expected, rel=4e-3, abs=1e-15)


def test_a_core_without_couplers_has_no_dispersion() -> None:
    assert noise_of("mrr-bank")["dispersion"] == 0
    assert receiver(accelerator.machine("mrr-bank")).enob["dispersion"] == math.inf
    assert limits(accelerator.machine("mrr-bank")).to_dict()["enob"]["dispersion"] is None


@pytest.mark.parametrize("bits", [2, 6, 10])
def test_rule_snr_gives_light_for_exactly_the_bits_above_shot_and_thermal_noise(bits: int) -> None:
    for name in MACHINES:
        file = read_machine(name)
        if file.link.laser_optical is not None:
            with pytest.raises(InputError, match="light of this machine is given"):
                accelerator.machine(name, bits=bits, rule="snr")
            continue
        found = receiver(accelerator.machine(name, bits=bits, rule="snr"))
        both = found.noise_to_signal["shot"] + found.noise_to_signal["thermal"]
        assert effective_bits(both) == pytest.approx(bits, rel=1e-9)
        assert found.enob["total"] < bits  # converter, laser noise and dispersion take theirs besides


def test_a_laser_that_is_given_gives_less_light_through_more_loss_at_the_same_cost() -> None:
    clear, lossy = (accelerator.machine("albireo-moderate", **{"device.mzm.loss_db": loss}) for loss in (1.0, 3.0))
    assert clear.link.laser_electrical_w == lossy.link.laser_electrical_w
    through = 2  # both an input's and a weight's modulator stand in the way
    ratio = receiver(clear).photons_per_mac / receiver(lossy).photons_per_mac
    assert ratio == pytest.approx(10 ** (0.2 * through), rel=1e-9)
    assert receiver(accelerator.machine("albireo-moderate", bits=8)).photons_per_mac == pytest.approx(
        receiver(accelerator.machine("albireo-moderate", bits=4)).photons_per_mac
    )
    more = accelerator.machine("albireo-moderate", laser_margin_db=3.0)
    plain = accelerator.machine("albireo-moderate")
    assert more.link.laser_electrical_w == pytest.approx(plain.link.laser_electrical_w * 10**0.3)


@pytest.mark.parametrize("name", DOT_MACHINES)
@pytest.mark.parametrize("bits", [4, 6])
@pytest.mark.parametrize("margin_db", [0.0, -8.0])
def test_the_noise_model_finds_the_snr_that_the_receiver_states(name: str, bits: int, margin_db: float) -> None:
    """Random signs of full amplitude through the optical core, with the machine's noise arguments and no converter."""
    machine = accelerator.machine(name, bits=bits, laser_margin_db=margin_db)
    found = receiver(machine)
    arguments = found.noise_arguments() | {"adc_bits": math.inf}
    generator = torch.Generator().manual_seed(0)
    length = 2 * arguments["readout_products"]
    x, w = (torch.randint(0, 2, (400, length), generator=generator).double() * 2 - 1 for _ in range(2))
    true = x @ w.T
    with Noise(magnitude=0.0, phase_deg=0.0, **arguments).sample(seed=0):
        error = DotCore(bits=None, dispersion=False).product(x, w) - true
    ratio = (error.square().mean() / length).item()
    expected = sum(found.noise_to_signal[part] for part in ("shot", "thermal", "intensity"))
    # 160,000 outputs of 400 rows by 400: a variance of them is good to half a percent.
    assert ratio == pytest.approx(expected, rel=0.02)


def test_the_noise_arguments_give_the_converter_at_most_the_claimed_bits() -> None:
    four, eight = (receiver(accelerator.machine("lt-base", bits=bits)).noise_arguments() for bits in (4, 8))
    assert four["adc_bits"] == 4.0
    assert eight["adc_bits"] == pytest.approx(5.9, abs=0.05)
    assert four["readout_products"] == 72
    assert Noise(**four).receiver


# Arrays of designs


def test_many_receivers_at_once_are_those_of_single_machines() -> None:
    columns = {
        "bits": [2, 4, 8],
        "core.wavelengths": [8, 12, 13],
        "accumulation": [1, 3, 4],
        "laser_margin_db": [-3.0, 0.0, 5.0],
    }
    many = receiver(machines("lt-base", columns))
    for row in range(3):
        own = {key: values[row] for key, values in columns.items()}
        one = receiver(accelerator.machine("lt-base", bits=own.pop("bits"), **own))
        for name, ratio in many.noise_to_signal.items():
            value = np.broadcast_to(ratio, (3, 1))[row, 0]
            assert value == pytest.approx(one.noise_to_signal[name], rel=ROUNDING)
        assert many.feasible[row, 0] == one.feasible
        assert many.thermal_electrons[row, 0] == pytest.approx(one.thermal_electrons, rel=ROUNDING)


@pytest.mark.parametrize("name", ["lt-base", "mzi-mesh"])
def test_floors_of_many_designs_are_those_of_single_machines(name: str) -> None:
    workload = accelerator.workload("deit-tiny")
    columns = {"bits": [2, 4, 8], "core.height": [6, 12, 24], "laser_margin_db": [0.0, -10.0, 3.0]}
    many = machines(name, columns)
    cost = price(many, workload, mode_named("strict"))
    floor = energy_floor(many, cost.mapped, cost.repeats)
    assert np.shape(floor.total_j) == (3,)
    ratios = evaluate(name, columns, workload)["floor_ratio"]
    for row in range(3):
        own = {key: values[row] for key, values in columns.items()}
        one = accelerator.machine(name, bits=own.pop("bits"), **own)
        result = accelerator.simulate(one, workload)
        assert result.energy_mj * 1e-3 / floor.total_j[row] == pytest.approx(result.floor_ratio, rel=ROUNDING)
        assert ratios[row] == pytest.approx(result.floor_ratio, rel=ROUNDING)


# The report


@pytest.mark.parametrize("name", MACHINES)
@pytest.mark.parametrize("bits", [3, 8])
def test_components_add_up_to_the_design_and_stand_on_their_floors(name: str, bits: int) -> None:
    found = limits(accelerator.machine(name, bits=bits))
    assert sum(part.energy_aj_per_mac for part in found.components) == pytest.approx(found.energy_aj_per_mac, rel=1e-9)
    for part in found.components:
        if part.floor_aj_per_mac is not None:
            assert part.ratio == pytest.approx(part.energy_aj_per_mac / part.floor_aj_per_mac, rel=1e-9)
    rungs = {rung.name: rung.energy_aj_per_mac for rung in found.ladder}
    assert rungs["shot_noise"] < rungs["with_loss"] < rungs["with_loss_and_plug"] < rungs["light_and_converters"]
    plug_and_converters = rungs["with_loss_and_plug"] + rungs["converters"]
    assert rungs["light_and_converters"] == pytest.approx(plug_and_converters, rel=1e-9)
    light = light_energy_per_mac_j(accelerator.machine(name, bits=bits)) * 1e18
    assert rungs["with_loss_and_plug"] == pytest.approx(light, rel=ROUNDING)


def test_each_bit_quadruples_the_floor_and_the_ratio_says_so() -> None:
    four, five = (limits(accelerator.machine("lt-base", bits=bits)) for bits in (4, 5))
    for low, high in zip(four.ladder, five.ladder, strict=True):
        grows = 25 / 16 if low.name == "digital_landauer" else 4
        assert high.energy_aj_per_mac == pytest.approx(grows * low.energy_aj_per_mac, rel=1e-9)


def test_less_light_is_said_to_be_too_little() -> None:
    found = limits(accelerator.machine("lt-base", bits=4, laser_margin_db=-15.0))
    assert found.feasible is False
    assert "thermal noise of the receiver takes most" in found.remarks[0]
    assert any(remark.startswith("light: 3.56 bits by shot noise") for remark in found.remarks)
