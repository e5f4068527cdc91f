"""Bands and tornado: what the ranges of the device constants make of a run's figures."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lightloop import accelerator
from lightloop.accelerator.devices import Constant
from lightloop.accelerator.uncertainty import METRICS, QUANTILES, Uncertainty, draws, uncertainty

NETWORK = accelerator.workload("deit-tiny")
SAME = 1e-12  # figures of one run and of many at once
# Stratified draws put the sample quantile within one n-th of the true one; 2000 draws of a smooth density.
QUANTILE = 2e-3


def known_machine(folder: Path, **ranges: tuple[float, float]) -> str:
    """A machine like lt-base in which only the energies `ranges` are uncertain."""
    lines = ['extends = "lt-base"', 'title = "known"', 'source = "test"']
    for name, constant in accelerator.machine("lt-base").library.constants.items():
        low, high = ranges.get(name.replace(".", "_"), (constant.value, constant.value))
        device, field = name.split(".")
        lines.append(
            f'devices.{device}.{field} = {{ value = {constant.value!r}, unit = "{constant.unit}", kind = "assumed", '
            f'source = "test", low = {low!r}, high = {high!r} }}'
        )
    path = folder / f"known{len(list(folder.iterdir()))}.toml"
    path.write_text("\n".join(lines))
    return str(path)


def energy(name: str = "lt-base", **overrides: float) -> float:
    return accelerator.simulate(accelerator.machine(name, **overrides), NETWORK).energy_mj


def band(found: Uncertainty, metric: str = "energy_mj") -> list[float]:
    return [found.metrics[metric][name] for name in QUANTILES]


def test_the_tornado_is_what_single_runs_say() -> None:
    found = uncertainty("lt-base", NETWORK, samples=20)
    assert len(found.tornado) > 20
    for row in (*found.tornado[:5], found.tornado[-1]):
        low = accelerator.machine("lt-base", **{f"device.{row.name}": row.low})
        high = accelerator.machine("lt-base", **{f"device.{row.name}": row.high})
        assert row.energy_low_mj == pytest.approx(accelerator.simulate(low, NETWORK).energy_mj, rel=SAME)
        assert row.energy_high_mj == pytest.approx(accelerator.simulate(high, NETWORK).energy_mj, rel=SAME)
        assert row.area_low_mm2 == pytest.approx(accelerator.describe(low).area_mm2["total"], rel=SAME)
        assert row.power_high_mw == pytest.approx(accelerator.describe(high).power_mw["total"], rel=SAME)
    swings = [row.swing_mj for row in found.tornado]
    assert swings == sorted(swings, reverse=True)


def test_a_linear_constant_swings_the_energy_by_its_count(tmp_path: Path) -> None:
    """Energy is linear in a modulator's energy per symbol: its slope is the symbols of the run."""
    found = uncertainty(known_machine(tmp_path, mzm_energy_fj=(400.0, 550.0)), NETWORK, samples=20)
    (row,) = found.tornado
    slope = (energy(**{"device.mzm.energy_fj": 1450.0}) - energy()) / 1000.0
    assert row.name == "mzm.energy_fj"
    assert row.energy_high_mj - row.energy_low_mj == pytest.approx(150.0 * slope, rel=1e-9)
    assert (row.latency_low_ms, row.area_low_mm2) == (row.latency_high_ms, row.area_high_mm2)


def test_the_band_of_one_linear_constant_is_its_own_distribution(tmp_path: Path) -> None:
    """A triangle over -a .. b about its peak: a / (a + b) of it lies below, and its quantiles are square roots."""
    found = uncertainty(known_machine(tmp_path, mzm_energy_fj=(400.0, 550.0)), NETWORK, samples=2000)
    slope = (energy(**{"device.mzm.energy_fj": 1450.0}) - energy()) / 1000.0
    for name, share in QUANTILES.items():
        below = share < 50 / 150
        value = 400 + np.sqrt(share * 150 * 50) if below else 550 - np.sqrt((1 - share) * 150 * 100)
        expected = energy() + slope * (value - 450.0)
        assert found.metrics["energy_mj"][name] == pytest.approx(expected, abs=QUANTILE * 150 * slope)


def test_the_band_holds_the_nominal_value_where_ranges_are_even(tmp_path: Path) -> None:
    ranges = {"mzm_energy_fj": (350.0, 550.0), "dac_power_mw": (40.0, 60.0), "tia_power_mw": (2.0, 4.0)}
    found = uncertainty(known_machine(tmp_path, **ranges), NETWORK, samples=500)
    for metric in ("energy_mj", "power_mw"):
        low, *_, high = band(found, metric)
        assert low < found.metrics[metric]["nominal"] < high
    assert found.metrics["energy_mj"]["nominal"] == pytest.approx(energy(), rel=SAME)
    assert all(a <= b for metric in METRICS for a, b in pairwise(band(found, metric)))


def test_bands_widen_as_ranges_widen(tmp_path: Path) -> None:
    widths = []
    for spread in (0.0, 10.0, 20.0, 40.0):
        ranges = {"mzm_energy_fj": (450 - spread, 450 + spread), "dac_power_mw": (50 - spread / 2, 50 + spread)}
        low, *_, high = band(uncertainty(known_machine(tmp_path, **ranges), NETWORK, samples=200))
        widths.append(high - low)
    assert widths[0] == 0.0
    assert widths == sorted(set(widths))


def test_the_same_seed_gives_the_same_bands() -> None:
    one, two, other = (uncertainty("lt-base", NETWORK, samples=50, seed=seed).to_dict() for seed in (7, 7, 8))
    assert one == two
    assert one["metrics"] != other["metrics"]
    assert one["tornado"] == other["tornado"]


def test_bands_settle_with_the_samples() -> None:
    few, many = (band(uncertainty("lt-base", NETWORK, samples=n, seed=n)) for n in (2000, 20000))
    assert few == pytest.approx(many, rel=0.02)


def test_what_the_user_sets_is_known() -> None:
    free = uncertainty("lt-base", NETWORK, samples=200)
    held = uncertainty("lt-base", NETWORK, samples=200, **{"device.mzm.energy_fj": 450.0, "core.height": 8})
    names = {row.name for row in held.tornado}
    assert names < {row.name for row in free.tornado}
    assert "mzm.energy_fj" not in names
    assert held.metrics["energy_mj"]["nominal"] == pytest.approx(
        energy(**{"device.mzm.energy_fj": 450.0, "core.height": 8}), rel=SAME
    )


def test_draws_are_triangular_and_logarithmic_over_more_than_a_decade() -> None:
    constant = Constant("mzm.energy_fj", 450.0, "fJ", "test", "assumed", low=300.0, high=750.0)
    drawn = draws(constant, 20000, seed=0)
    assert 300.0 <= drawn.min() < 305.0
    assert 745.0 < drawn.max() <= 750.0
    assert drawn.mean() == pytest.approx((300 + 450 + 750) / 3, rel=1e-3)  # mean of a triangular distribution
    wide = draws(replace(constant, low=1.0, value=10.0, high=1000.0), 20000, seed=0)
    assert np.log10(wide).mean() == pytest.approx((0 + 1 + 3) / 3, rel=1e-3)
    level = draws(Constant("photodetector.sensitivity_dbm", -25.0, "dBm", "test", "assumed", -30.0, -15.0), 20000, 0)
    assert level.mean() == pytest.approx((-30 - 25 - 15) / 3, rel=1e-3)


def test_draws_of_different_constants_are_independent() -> None:
    first, second = (
        draws(Constant(name, 2.0, "fJ", "test", "assumed", 1.0, 3.0), 4000, seed=0) for name in ("a.b_fj", "a.c_fj")
    )
    four_sigma = 4 / np.sqrt(4000)
    assert abs(np.corrcoef(first, second)[0, 1]) < four_sigma


def test_light_that_cannot_be_is_counted(tmp_path: Path) -> None:
    found = uncertainty(known_machine(tmp_path, mzm_loss_db=(0.0, 300.0)), NETWORK, samples=100)
    table = found.to_dict()
    (row,) = table["tornado"]
    assert 0 < found.impossible < 100
    assert row["energy_high_mj"] is None
    assert all(np.isfinite(value) for value in table["metrics"]["energy_mj"].values())


def test_it_is_plain_for_json() -> None:
    table: dict[str, Any] = json.loads(
        json.dumps(uncertainty("lt-base", NETWORK, samples=20).to_dict(), allow_nan=False)
    )
    assert {"samples", "seed", "metrics", "tornado"} <= table.keys()
    assert set(METRICS) == table["metrics"].keys()
    keys = {"name", "unit", "value", "low", "high", "energy_low_mj", "energy_high_mj"}
    assert all(keys <= row.keys() for row in table["tornado"])
