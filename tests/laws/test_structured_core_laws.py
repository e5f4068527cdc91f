"""What must hold for cores that know only circulant or butterfly weights: fewer of them, and light lost by depth."""

from __future__ import annotations

import math

import pytest

from lightloop import accelerator
from lightloop.workload.products import MatrixProduct, VectorWork, Workload

ROUNDING = 1e-12  # sums of a few dozen doubles
NO_LOSS = {f"device.{name}.loss_db": 0.0 for name in ("mzm", "coupler", "phase_shifter", "crossing")}


def layer(m: int, k: int, n: int, dynamic: bool = False) -> Workload:
    return Workload("one", (MatrixProduct("one", m, k, n, dynamic=dynamic),), VectorWork(), tokens=n)


def weights(machine: str, workload: Workload, **overrides: float) -> float:
    """Weights that come from memory, from the energy that their reading costs."""
    built = accelerator.machine(machine, **overrides)
    q = built.quantities
    result = accelerator.simulate(built, workload)
    return result.energy_breakdown_mj["hbm"] * 1e-3 / (q["word"] * q["hbm.energy"])


def test_a_circulant_block_has_as_many_weights_as_rows() -> None:
    assert weights("circulant-ring", layer(512, 256, 16)) == pytest.approx(512 * 256 / 8, rel=ROUNDING)
    wide = weights("circulant-ring", layer(512, 256, 16), **{"device.multi_ring.operands": 16.0})
    assert wide == pytest.approx(512 * 256 / 16, rel=ROUNDING)


@pytest.mark.parametrize("size", [4, 8, 16, 32])
def test_a_butterfly_block_has_the_published_number_of_phase_shifters_and_couplers(size: int) -> None:
    """Counts of FFT-ONN (Gu et al., ASP-DAC 2020): k (2 log2 k + 1) phase shifters and k (log2 k + 1) couplers."""
    core = {"core.height": size, "core.wavelengths": size}
    q = accelerator.machine("butterfly", **core).quantities
    assert q["phases"] == size * (2 * math.log2(size) + 1)
    assert q["couplers"] == size * (math.log2(size) + 1)
    blocks = (256 // size) ** 2
    assert weights("butterfly", layer(256, 256, 16), **core) == pytest.approx(blocks * q["phases"], rel=ROUNDING)


@pytest.mark.parametrize(("size", "crossings"), [(8, 16), (16, 88), (32, 416)])
def test_two_butterflies_cross_the_published_number_of_waveguides(size: int, crossings: int) -> None:
    """Table of ADEPT (Gu et al., DAC 2022): crossings of an FFT mesh, by counting the inversions of its wiring."""
    q = accelerator.machine("butterfly", **{"core.height": size, "core.wavelengths": size}).quantities
    assert q["crossings_passed"] * size / 4 == crossings


def test_a_butterflys_loss_grows_with_its_depth_and_a_meshs_with_its_width() -> None:
    def loss(machine: str, size: int, **overrides: float) -> float:
        core = {"core.height": size, "core.wavelengths": size}
        return accelerator.describe(accelerator.machine(machine, **core, **overrides)).insertion_loss_db

    per_stage = [loss("butterfly", size, **{"device.crossing.loss_db": 0.0}) for size in (8, 16, 32)]
    assert per_stage[1] - per_stage[0] == pytest.approx(per_stage[2] - per_stage[1], rel=ROUNDING)
    assert loss("butterfly", 32) < loss("mzi-mesh", 32) / 2
    assert loss("butterfly", 16, **NO_LOSS) == 0.0


def test_a_ring_of_more_operands_needs_fewer_colours_and_loses_less_light() -> None:
    few, many = (
        accelerator.describe(accelerator.machine("circulant-ring", **{"device.multi_ring.operands": operands}))
        for operands in (4.0, 16.0)
    )
    assert many.insertion_loss_db < few.insertion_loss_db
    assert many.area_mm2["photonic_core"] < few.area_mm2["photonic_core"]
    assert many.peak_tops == few.peak_tops


@pytest.mark.parametrize("name", ["circulant-ring", "butterfly"])
def test_a_structured_core_says_what_it_cannot_run(name: str) -> None:
    title = accelerator.machine(name).file.title
    assert "trained with" in title
    assert "no others" in title
    result = accelerator.simulate(accelerator.machine(name), accelerator.workload("deit-tiny"), mode="fixed")
    assert result.skipped == ("attn.scores", "attn.values")


@pytest.mark.parametrize("name", ["circulant-ring", "butterfly"])
def test_every_multiply_accumulate_of_a_layer_is_counted(name: str) -> None:
    workload = layer(100, 300, 70)
    result = accelerator.simulate(accelerator.machine(name), workload)
    assert result.macs == workload.macs == 100 * 300 * 70
    assert min(result.energy_breakdown_mj.values()) >= 0
